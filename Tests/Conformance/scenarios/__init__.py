# SPDX-License-Identifier: Apache-2.0
"""The scenarios, by topic; registry.py says which of them stands for which scenario of the official suite."""
