#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All ABI gates, one after the other; each runs even when one fails.
# Usage: run.sh JACKFIELD PLUGIN_DIR BUILD_DIR. Ends with `N passed, N failed`.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
jackfield=$1 plugins=$2 out=$3
mkdir -p "$out"
passed=0 failed=0

gate() { # gate NAME COMMAND...: runs it and takes over its last line's counts
    local name=$1 start=$SECONDS line
    shift
    echo "-- $name"
    "$@" 2>&1 | tee "$out/gate.log"
    local status=${PIPESTATUS[0]}
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out/gate.log" | tail -n 1)
    passed=$((passed + $(sed 's/ passed.*//' <<<"${line:-0 passed}")))
    failed=$((failed + $(sed 's/.* passed, \([0-9]*\) failed.*/\1/' <<<"${line:-0 passed, 0 failed}")))
    if [ "$status" -ne 0 ] && [[ ${line:-, 0 failed} == *', 0 failed'* ]]; then failed=$((failed + 1)); fi
    table+=("$(printf '  %-12s %4d s  %s' "$name" $((SECONDS - start)) "${line:-no result, status $status}")")
}

if [ ! -x "$jackfield" ] || ! ls "$plugins"/*.so >/dev/null 2>&1; then
    echo "abi: $jackfield or the plugins in $plugins are missing: run \`make build\` first" >&2
    exit 1
fi
table=()
gate layout sh "$here/check.sh"
gate headers sh "$here/headers.sh"
gate abidiff python3 "$here/abidiff.py" --self-test
if ! bash "$here/examples.sh" "$out/examples" >"$out/examples.txt"; then
    echo "FAIL an example cannot be built"
    failed=$((failed + 1))
fi
mapfile -t examples <"$out/examples.txt"
gate exports bash "$here/exports.sh" "$plugins"/*.so "${examples[@]}"
gate frozen bash "$here/frozen.sh" "$jackfield" "$out/frozen"
gate old-host bash "$here/old-host.sh" "$jackfield" "$out/old-host" "$plugins"/*.so "${examples[@]}"
echo "-- all"
printf '%s\n' "${table[@]}"
echo "abi: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
