#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds every fuzz target with libFuzzer and AddressSanitizer and runs each over its corpus: `fuzz.sh SECONDS [SEED]`.
# With a seed the inputs are the same each time, which is what a test run wants.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
seed=${2:-0}
passed=0 failed=0
for recipe in Tests/Fuzz/*/build.sh; do
    folder=$(dirname "$recipe")
    name=$(basename "$folder")
    out=".build/fuzz/$name"
    mkdir -p "$out/corpus" "$out/findings"
    if ! "$recipe" "$out" >"$out/build.log" 2>&1; then
        echo "  $name: does not build"
        tail -n 20 "$out/build.log" | sed 's/^/    /'
        failed=$((failed + 1))
        continue
    fi
    seeds=$(cat "$folder/corpus.path")
    words=()
    for dictionary in "$folder"/*.dict; do [ ! -e "$dictionary" ] || words+=("-dict=$dictionary"); done
    if SWIFT_BACKTRACE=enable=no "$out/fuzz" -seed="$seed" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
        -artifact_prefix="$out/findings/" "${words[@]}" "$out/corpus" "$seeds" >"$out/run.log" 2>&1; then
        printf '  %-22s %s\n' "$name" "$(grep -oE 'Done [0-9]+ runs' "$out/run.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "  $name: FOUND SOMETHING, see $out/findings"
        tail -n 30 "$out/run.log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
