#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The header matrix: each header alone, twice and before all others, all of them in many orders, every macro;
# gcc and clang, C11 to C++20; then Swift, which must see the layout and the constants that C sees.
# Usage: headers.sh [include folder]. Ends with `N passed, N failed`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
include=${1:-$here/../include}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wcast-align -Werror"

names=$(cd "$include/jackfield" && ls *.h)
reversed=$(printf '%s\n' $names | sort -r)

includes() { for name in "$@"; do printf '#include <jackfield/%s>\n' "$name"; done; }

# One source per case; C and C++ read the same text.
for name in $names; do
    includes "$name" >"$folder/alone-$name.src"
    includes "$name" "$name" >"$folder/twice-$name.src"
    includes "$name" $reversed >"$folder/before-others-$name.src"
    includes $(printf '%s\n' $names | grep -vx "$name") "$name" >"$folder/after-others-$name.src"
done
includes $names >"$folder/all-in-order.src"
includes $reversed >"$folder/all-reversed.src"
includes $names $reversed $names >"$folder/all-again.src"
for seed in 1 2 3 4 5 6; do # the same orders on each machine
    includes $(printf '%s\n' $names |
        awk -v seed=$seed 'BEGIN { srand(seed) } { print rand() "\t" $0 }' | sort -n | cut -f 2) \
        >"$folder/shuffled-$seed.src"
done
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
        # shellcheck disable=SC2086 # the warnings are words
        if "$1" -std="$2" -x "$3" $warnings -fsyntax-only -I "$include" "$source" 2>"$folder/errors"; then
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

# Swift imports each header alone, as an author's own module map would, and the SDK's module as a whole.
swift() { # swift NAME ARGUMENT...: runs the Swift compiler, counts it
    name=$1
    shift
    if swiftc -swift-version 6 -warnings-as-errors -I "$include" "$@" 2>"$folder/errors"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL swift $name"
        grep -m 5 -E 'error|warning' "$folder/errors"
    fi
}
if command -v swiftc >/dev/null 2>&1; then
    # A module per header: only the compiler knows what one says without the others.
    whole=$(realpath "$include")/jackfield
    for name in $names; do
        module=One_$(basename "$name" .h)
        mkdir -p "$folder/$module"
        printf 'module %s { header "%s/%s" export * }\n' "$module" "$whole" "$name" \
            >"$folder/$module/module.modulemap"
        printf 'import %s\npublic func ok() -> Int { Int(JF_OK) }\n' "$module" >"$folder/alone.swift"
        swift "alone-$name" -typecheck -I "$folder/$module" "$folder/alone.swift"
    done
    mkdir "$folder/all"
    { # all of them, whether jackfield.h names them or not
        echo 'module JackfieldABI {'
        printf "    header \"$whole/%s\"\n" $names
        echo '    export * }'
    } >"$folder/all/module.modulemap"
    python3 "$here/swift_probe.py" --include "$include" >"$folder/layout.swift"
    swift "layout" -I "$folder/all" -Onone -o "$folder/layout" "$folder/layout.swift"
    if [ -x "$folder/layout" ] && "$folder/layout"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL swift sees another layout"
    fi
else
    echo "skipped: swiftc is not installed"
fi

# The header of all headers names them all.
for name in $names; do
    [ "$name" = jackfield.h ] || grep -q "^#include \"$name\"" "$include/jackfield/jackfield.h" || {
        failed=$((failed + 1))
        echo "FAIL jackfield.h does not include $name"
    }
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
