#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gallery of bad plugins: builds each, runs `jackfield plugin check` on it, and compares what catches it with
# the case that its head names. `run.sh [--full] [JACKFIELD [BUILD_DIR [NAME…]]]`
#
# A bad plugin meets the case that must catch it and those of the group file, a good one meets all; with --full
# the bad ones meet all, too, and the table says how many others notice them. Then the shipped plugins and the
# examples in C must pass, and the reports themselves are compared with what is promised.
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
    if [ -z "$expected" ] || ! ${CLANG:-clang} -std=gnu11 -g -O1 -fPIC -fvisibility=hidden -shared -Wall \
        -Wextra -Werror -Iplugin-sdk/include -fuse-ld=lld -Wl,-z,relro,-z,now \
        -o "$out/$name.so" "$source" $extra 2>"$out/$name.log"; then
        echo "  FAIL $name: cannot be built, or names no case; see $out/$name.log"
        return
    fi
    if [ -z "$full" ] && [ "$expected" != nothing ]; then cases=(--case "$expected" --case file); fi
    "$jackfield" plugin check "$out/$name.so" --seed 1 --timeout 8s --json "${cases[@]}" \
        >"$out/$name.json" 2>>"$out/$name.log"
    python3 Tests/Gallery/verdict.py "$name" "$expected" "$outcomes" "$out/$name.json"
}

# good FILE: checks a plugin that is no part of the gallery: no case may fail; warnings are for its authors.
good() {
    local name
    name=$(basename "$1" .so)
    "$jackfield" plugin check "$1" --seed 1 --json >"$out/$name.json" 2>"$out/$name.log"
    python3 Tests/Gallery/verdict.py "$name" "no failure" "" "$out/$name.json"
}
export -f one good
export jackfield out full

printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {}' | tee "$out/table.txt"
if [ $# -le 2 ]; then
    others=("$(dirname "$jackfield")"/../lib/jackfield/plugins/*.so)
    [ -e "${others[0]}" ] || others=()
    for example in routing-by-name toolset-text; do
        "${CLANG:-clang}" -std=c11 -g -O1 -fPIC -fvisibility=hidden -shared -Iplugin-sdk/include \
            -fuse-ld=lld -o "$out/example-$example.so" "plugin-sdk/examples/c/$example/${example//-/_}.c" &&
            others+=("$out/example-$example.so")
    done
    printf '%s\n' "${others[@]}" | xargs -P "$(nproc)" -I{} bash -c 'good {}' | tee -a "$out/table.txt"
    names+=("${others[@]}")
    reports=(good_toolset.so finishes_twice.so aborts_in_constructor.so)
    python3 Tests/Gallery/formats.py "$jackfield" "${reports[@]/#/$out/}" | tee -a "$out/table.txt"
    names+=("${reports[@]}")
fi
failed=$(grep -cv '^  ok' "$out/table.txt")
passed=$(grep -c '^  ok' "$out/table.txt")
echo "gallery: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -eq "${#names[@]}" ]
