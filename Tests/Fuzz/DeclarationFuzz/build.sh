#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the declaration fuzz target into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
sources=()
for name in arena declare declare_params declare_tools declare_types denied json_read json_write problems toml \
    toml_values types; do
    sources+=("Plugins/tools-native/$name.c")
done
clang -fuse-ld=lld -std=c11 "${flags[@]}" -D_GNU_SOURCE -IPlugins/tools-native -Iplugin-sdk/include \
    -Iplugin-sdk/c/include \
    Tests/Fuzz/DeclarationFuzz/declaration_fuzz.c "${sources[@]}" -o "$1/fuzz"
