#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every plugin exports its entry and nothing else, whatever language it is written in.
# Usage: exports.sh PLUGIN... Ends with `N passed, N failed`.
set -uo pipefail
passed=0 failed=0
for library in "$@"; do
    symbols=$(nm -D --defined-only "$library" | awk '{print $3}' | tr '\n' ' ')
    if [ "$symbols" = 'jf_entry_1 ' ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $library exports: ${symbols:-nothing}"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
