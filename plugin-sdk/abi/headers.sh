#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The header matrix: each header alone and twice, all of them in both orders, every macro; gcc and clang, C and C++.
# Usage: headers.sh [include folder]. Ends with `N passed, N failed`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
include=${1:-$here/../include}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

names=$(cd "$include/jackfield" && ls *.h)
reversed=$(printf '%s\n' $names | sort -r)

includes() { for name in "$@"; do printf '#include <jackfield/%s>\n' "$name"; done; }

# One source per case; C and C++ read the same text.
for name in $names; do
    includes "$name" >"$folder/alone-$name.src"
    includes "$name" "$name" >"$folder/twice-$name.src"
done
includes $names >"$folder/all-in-order.src"
includes $reversed >"$folder/all-reversed.src"
includes $names $reversed $names >"$folder/all-again.src"
{
    includes jackfield.h
    cat <<'SOURCE'
JF_MANIFEST("{\"id\":\"matrix\",\"abi\":\"1.0\"}");
JF_PIN(jf_blob, owner, 16);
JF_PIN_SIZE(jf_ref, 8);
JF_STATIC_ASSERT(JF_ABI_MAJOR == 1, "the entry symbol says 1");
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    const jf_loop_1 *loop = (const jf_loop_1 *)offer->service(offer->host, JF_LOOP_1);
    why->code = JF_HAS(loop, post) ? JF_OK : JF_E_UNSUPPORTED;
    return NULL;
}
SOURCE
} >"$folder/macros.src"

run() { # run COMPILER STANDARD LANGUAGE
    for source in "$folder"/*.src; do
        case=$(basename "$source" .src)
        if "$1" -std="$2" -x "$3" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include" "$source" \
            2>"$folder/errors"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAIL $1 -std=$2 $case"
            head -5 "$folder/errors"
        fi
    done
}

for pair in gcc:g++ clang:clang++; do
    if ! command -v "${pair%:*}" >/dev/null 2>&1; then
        echo "skipped: ${pair%:*} is not installed"
        continue
    fi
    for standard in c11 c17; do run "${pair%:*}" $standard c; done
    if ! command -v "${pair#*:}" >/dev/null 2>&1; then
        echo "skipped: ${pair#*:} is not installed"
        continue
    fi
    for standard in c++17 c++20; do run "${pair#*:}" $standard c++; done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
