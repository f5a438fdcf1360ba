#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The golden layout: the headers still are what they were plus appended items, by the golden file and by the
# frozen headers of every minor, which are untouched; the stubs that are generated from them are up to date;
# the self-test. Usage: check.sh [include folder]. Ends with `N passed, N failed`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
include=${1:-$here/../include}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
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
for frozen in "$here"/[0-9]*.[0-9]*; do
    minor=$(basename "$frozen")
    count "headers of $minor are as they were" \
        sh -c 'cd "$1" && sha256sum --quiet --strict -c SHA256SUMS' - "$frozen"
    count "layout of $minor" sh -c 'python3 "$1/layout.py" dump --include "$2" >"$3"' - "$here" "$frozen" \
        "$folder/$minor.json"
    # What is new is said once, against the golden file; here only what broke.
    count "headers against those of $minor" sh -c \
        'python3 "$1/layout.py" check --include "$2" --golden "$3" >/dev/null' \
        - "$here" "$include" "$folder/$minor.json"
done
count "generated stubs" python3 "$here/stubs.py" --check --include "$include"
count "self-test" python3 "$here/selftest.py" --include "$include"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 4 ]
