# SPDX-License-Identifier: Apache-2.0
# The benchmark's parts: places and programs, processes, peers, measures, report.
