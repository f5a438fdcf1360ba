#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tests of the C++ SDK: `run.sh BUILD_DIR [g++|clang++ ...]`. Each header alone and twice, C++17 and C++20, with
# and without exceptions and RTTI, warnings as errors; the programs under sanitizers; the examples' own tests.
# Ends with `N passed, N failed`.
set -u
sdk=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -ge 1 ] || { echo "usage: run.sh BUILD_DIR [COMPILER ...]"; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 1
shift
[ $# -gt 0 ] || set -- g++ clang++
passed=0 failed=0
includes="-I$sdk/include -I$sdk/cpp/include -I$sdk/testing/c -I$sdk/cpp/testing"
warnings="-Wall -Wextra -Wpedantic -Wshadow -Werror"
bare="-fno-exceptions -fno-rtti"

note() { # note STATUS NAME LOG
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $2"
        tail -n 15 "$3" | sed 's/^/    /'
    fi
}

for compiler in "$@"; do
    command -v "$compiler" >/dev/null 2>&1 || { echo "skipped: $compiler is not installed"; continue; }
    case $compiler in *clang*) cc=clang ;; *) cc=gcc ;; esac
    dir="$out/$compiler"
    mkdir -p "$dir"

    names=$(cd "$sdk/cpp/include/jackfield" && ls *.hpp)
    for name in $names; do
        printf '#include <jackfield/%s>\n#include <jackfield/%s>\n' "$name" "$name" >"$dir/header.cpp"
        $compiler -std=c++17 $warnings $includes -fsyntax-only "$dir/header.cpp" >"$dir/log" 2>&1
        note $? "$compiler $name alone" "$dir/log"
    done
    for standard in c++17 c++20; do
        for mode in "" "$bare"; do
            $compiler -std=$standard $mode $warnings $includes -c -o "$dir/header.o" "$sdk/cpp/tests/transport_test.cpp" \
                >"$dir/log" 2>&1
            note $? "$compiler -std=$standard $mode" "$dir/log"
        done
    done

    for source in "$sdk"/testing/c/*.c; do
        $cc -std=c11 -g $includes -c -o "$dir/$(basename "$source" .c).mock.o" "$source" || exit 1
    done
    run() { # run TEST FLAGS...
        test=$1
        shift
        $compiler -std=c++17 -g -O1 "$@" $warnings $includes -o "$dir/$test" "$sdk/cpp/tests/$test.cpp" \
            "$dir"/*.mock.o -lm -pthread -ldl >"$dir/log" 2>&1 && "$dir/$test" >>"$dir/log" 2>&1
        note $? "$compiler $test $*" "$dir/log"
    }
    checked="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    run json_test $checked
    run json_test $checked -DJACKFIELD_WITHOUT_FLOAT_CHARS
    run sdk_test $checked
    # Clang's thread sanitizer of some toolchains cannot be linked outside of them.
    [ $cc = clang ] || run sdk_test -fsanitize=thread
    run transport_test $checked
    run transport_test $bare
    run routing_test $checked
    run routing_test $bare
    for test in guard_test store_test state_test; do
        run $test $checked
        run $test $bare
    done

    for example in toolset-words routing-by-name; do
        rm -rf "$dir/$example" && mkdir -p "$dir/$example"
        make --no-print-directory -C "$sdk/examples/cpp/$example" OUT="$dir/$example" CXX="$compiler" CC="$cc" \
            CXXFLAGS="-O2 $warnings" JACKFIELD_INCLUDE="$sdk/include $sdk/cpp/include" \
            JACKFIELD_TESTING="$sdk/testing/c $sdk/cpp/testing" test >"$dir/log" 2>&1
        note $? "$compiler examples/cpp/$example" "$dir/log"
        [ "$(nm -D --defined-only "$dir/$example/$example.so" | awk '{print $3}')" = jf_entry_1 ]
        note $? "$compiler examples/cpp/$example exports jf_entry_1 alone" "$dir/log"
    done
    rm -rf "$dir/c" && mkdir -p "$dir/c"
    make --no-print-directory -C "$sdk/examples/c/routing-by-name" OUT="$dir/c" CC="$cc" \
        CFLAGS="-O2 -Wall -Wextra -Wpedantic -Werror" JACKFIELD_INCLUDE="$sdk/include" \
        JACKFIELD_TESTING="$sdk/testing/c" test >"$dir/log" 2>&1
    note $? "$cc examples/c/routing-by-name" "$dir/log"
done

"$sdk/examples/routing-by-name.py" --check >"$out/log" 2>&1
note $? "routing-by-name.json is what its reference gives" "$out/log"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
