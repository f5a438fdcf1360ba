# SPDX-License-Identifier: Apache-2.0
"""The clients of the conformance tests: written by hand for each era, and the official SDKs."""
