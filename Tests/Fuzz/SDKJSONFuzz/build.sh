#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz target of the SDK's JSON reader into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
clang -std=c11 "${flags[@]}" -D_GNU_SOURCE -Iplugin-sdk/include -Iplugin-sdk/c/include -c -o "$1/walk.o" \
    Tests/Fuzz/SDKJSONFuzz/walk.c
clang++ -fuse-ld=lld -std=c++17 "${flags[@]}" Tests/Fuzz/SDKJSONFuzz/compare.cpp "$1/walk.o" -o "$1/fuzz"
