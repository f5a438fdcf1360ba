#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the token fuzz target into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
sources=()
for name in arena claims file instance library options principal provider strict url; do
    sources+=("Plugins/auth-common/$name.c")
done
clang -fuse-ld=lld -std=c11 "${flags[@]}" -D_GNU_SOURCE -IPlugins/auth-jwt -IPlugins/auth-common \
    -IPlugins/transport-common -IPlugins/seal-openssl -Iplugin-sdk/include -Iplugin-sdk/c/include -Iplugin-sdk/testing/c \
    Tests/Fuzz/TokenFuzz/token_fuzz.c Plugins/auth-jwt/*.c "${sources[@]}" Plugins/transport-common/{text,uri}.c \
    Plugins/seal-openssl/base64.c plugin-sdk/testing/c/*.c -lm -pthread -ldl -o "$1/fuzz"
