#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test, one after the other; all of them run even when one fails. Ends with a table and one closing line.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

declare -a names states times
failed=0

step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n==== %s\n' "$name"
    if "$@"; then states+=(ok); else states+=(FAILED); failed=$((failed + 1)); fi
    names+=("$name")
    times+=($((SECONDS - start)))
}

scripts/setup.sh test || exit 1
step "build" make --no-print-directory build
if [ "$failed" -gt 0 ]; then
    echo "the build failed; nothing else was run"
    echo "0 passed, 1 failed"
    exit 1
fi
step "lint" make --no-print-directory lint
step "abi" make --no-print-directory test-abi
step "plugins" make --no-print-directory test-plugins
step "sdk" make --no-print-directory test-sdk
step "gallery" make --no-print-directory test-gallery
step "unit" make --no-print-directory test-unit
step "counts" make --no-print-directory test-counts
step "integration" make --no-print-directory test-integration
step "conformance" make --no-print-directory test-conformance
step "fuzz" scripts/fuzz.sh 5 1

printf '\n%-14s %8s  %s\n' step seconds result
for at in "${!names[@]}"; do printf '%-14s %8d  %s\n' "${names[$at]}" "${times[$at]}" "${states[$at]}"; done
echo "$((${#names[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
