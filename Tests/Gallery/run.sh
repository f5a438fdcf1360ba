#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gallery of bad plugins: builds each, runs `jackfield plugin check` on it, and compares what catches it with the
# case that its head names. `run.sh [--full] [JACKFIELD [BUILD_DIR [NAME…]]]`
#
# A bad plugin meets the case that must catch it and those of the group file, a good one meets all; with --full the
# bad ones meet all, too, and the table says how many others notice them. Then the reports themselves are checked.
set -uo pipefail
full=
if [ "${1:-}" = --full ]; then full=yes && shift; fi
cd "$(dirname "$0")/../.." || exit 1
jackfield=$(realpath "${1:-dist/bin/jackfield}") out=${2:-.build/checks/gallery}
if [ $# -gt 2 ]; then names=("${@:3}"); else mapfile -t names < <(basename -s .c Tests/Gallery/*.c); fi
mkdir -p "$out"

# one NAME: builds and checks a plugin, and prints its line of the table.
one() {
    local name=$1 source=Tests/Gallery/$1.c head expected outcomes=fail,crash extra cases=()
    head=$(sed -n '2,/\*\//p' "$source" | tr -d '\n')
    expected=$(sed -n 's/^ \* Caught by \([^ :]*\).*/\1/p' <<<"$head")
    extra=$(sed -n 's/.* \* Build: \([^*]*[^* ]\).*/\1/p' <<<"$head")
    case $head in *'as a warning:'*) outcomes=warn ;; esac
    rm -f "$out/$name.json"
    # shellcheck disable=SC2086 # the flags of a head are words
    if [ -z "$expected" ] || ! ${CLANG:-clang} -std=gnu11 -g -O1 -fPIC -fvisibility=hidden -shared -Wall -Wextra \
        -Werror -Iplugin-sdk/include -fuse-ld=lld -Wl,-z,relro,-z,now -o "$out/$name.so" "$source" $extra \
        2>"$out/$name.log"; then
        echo "  FAIL $name: cannot be built, or names no case; see $out/$name.log"
        return
    fi
    if [ -z "$full" ] && [ "$expected" != nothing ]; then cases=(--case "$expected" --case file); fi
    "$jackfield" plugin check "$out/$name.so" --seed 1 --timeout 8s --json "${cases[@]}" \
        >"$out/$name.json" 2>>"$out/$name.log"
    python3 Tests/Gallery/verdict.py "$name" "$expected" "$outcomes" "$out/$name.json"
}
export -f one
export jackfield out full

printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {}' | tee "$out/table.txt"
if [ $# -le 2 ]; then
    python3 Tests/Gallery/formats.py "$jackfield" "$out"/{good_toolset,finishes_twice,aborts_in_constructor}.so |
        tee -a "$out/table.txt"
    names+=(good_toolset.report finishes_twice.report aborts_in_constructor.report)
fi
failed=$(grep -cv '^  ok' "$out/table.txt")
passed=$(grep -c '^  ok' "$out/table.txt")
echo "gallery: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -eq "${#names[@]}" ]
