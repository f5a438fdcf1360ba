# SPDX-License-Identifier: Apache-2.0
"""The rig of the integration tests: processes, peers, the gateway under test and the wires between them."""
