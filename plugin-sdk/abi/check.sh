#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ABI gate: the headers still are the golden layout plus appended items, with each compiler; then its self-test.
# Usage: check.sh [include folder]. Ends with `N passed, N failed`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
include=${1:-$here/../include}
passed=0 failed=0

count() { # count NAME COMMAND...: runs it, counts it
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
    fi
}

for compiler in gcc clang; do
    if ! command -v "$compiler" >/dev/null 2>&1; then
        echo "skipped: $compiler is not installed"
        continue
    fi
    count "layout with $compiler" python3 "$here/layout.py" check --include "$include" --cc "$compiler"
done
count "self-test" python3 "$here/selftest.py" --include "$include"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 1 ]
