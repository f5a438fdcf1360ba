#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the strategy `by-name` in C, C++, Rust and Swift and runs its golden cases with each, in process and in a
# cell: `golden.sh BUILD_DIR [SWIFT_RUNTIME_DIR]`. Without cargo or swift that language is left out, and said so.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
runtime=${2:-$PWD/dist/lib/jackfield}
examples=plugin-sdk/examples
flags=(-std=c11 -g -O1 -Wall -Wextra -Werror -Wno-unused-function -Iplugin-sdk/include -Iplugin-sdk/testing/c
    -ISources/CCell/include)
plugins=()

make --no-print-directory -C $examples/c/routing-by-name JACKFIELD_INCLUDE="$PWD/plugin-sdk/include" \
    JACKFIELD_TESTING="$PWD/plugin-sdk/testing/c" OUT="$out/c" "$(mkdir -p "$out/c" && echo "$out/c/routing-by-name.so")"
plugins+=("$out/c/routing-by-name.so")
make --no-print-directory -C $examples/cpp/routing-by-name \
    JACKFIELD_INCLUDE="$PWD/plugin-sdk/include $PWD/plugin-sdk/cpp/include" \
    JACKFIELD_TESTING="$PWD/plugin-sdk/testing/c $PWD/plugin-sdk/cpp/testing" \
    OUT="$out/cpp" "$(mkdir -p "$out/cpp" && echo "$out/cpp/routing-by-name.so")"
plugins+=("$out/cpp/routing-by-name.so")
if command -v cargo >/dev/null; then
    cargo build --quiet --offline --release --manifest-path $examples/rust/routing-by-name/Cargo.toml \
        --target-dir "$out/rust"
    plugins+=("$out/rust/release/librouting_by_name.so")
else
    echo "without Rust: there is no cargo"
fi
if command -v swift >/dev/null; then
    swift build -c release --package-path $examples/swift/routing-by-name --scratch-path "$out/swift" \
        --product routing-by-name >"$out/swift.log" 2>&1 || { cat "$out/swift.log"; exit 1; }
    plugins+=("$out/swift/release/librouting-by-name.so")
else
    echo "without Swift: there is no swift"
fi

clang "${flags[@]}" -o "$out/golden" Tests/Plugins/cell/golden.c plugin-sdk/testing/c/*.c Sources/CCell/*.c \
    -lm -pthread -ldl
LD_LIBRARY_PATH="$runtime" "$out/golden" "${plugins[@]}"
