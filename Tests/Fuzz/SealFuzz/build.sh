#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the seal fuzz target into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
clang -fuse-ld=lld -std=c11 "${flags[@]}" -D_GNU_SOURCE -IPlugins/seal-openssl -Iplugin-sdk/include -Iplugin-sdk/c/include -Iplugin-sdk/testing/c \
    Tests/Fuzz/SealFuzz/seal_fuzz.c Plugins/seal-openssl/*.c plugin-sdk/testing/c/*.c -lm -pthread -ldl -o "$1/fuzz"
