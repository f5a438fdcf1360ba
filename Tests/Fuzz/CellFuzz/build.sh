#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the cell's fuzz target into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
clang -fuse-ld=lld -std=c11 "${flags[@]}" -ISources/CCell -Iplugin-sdk/include -Iplugin-sdk/c/include \
    Tests/Fuzz/CellFuzz/cell_fuzz.c Sources/CCell/*.c -pthread -ldl -o "$1/fuzz"
