#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzz target of filters that change JSON into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
include=(-Iplugin-sdk/include -Iplugin-sdk/c/include -IPlugins/filter-common -IPlugins/filter-redact -IPlugins/filter-size
    -IPlugins/tools-native)
objects=()
for source in Tests/Fuzz/RedactFuzz/redact_fuzz.c Plugins/filter-redact/{search,detectors}.c Plugins/filter-size/cut.c \
    Plugins/filter-common/bytes.c Plugins/tools-native/sha256.c; do
    object="$1/$(basename "$source" .c).o"
    clang -std=c11 "${flags[@]}" -D_GNU_SOURCE "${include[@]}" -c -o "$object" "$source"
    objects+=("$object")
done
clang++ -fuse-ld=lld -std=c++17 "${flags[@]}" "${include[@]}" Plugins/filter-common/pattern.cpp "${objects[@]}" -lre2 -o "$1/fuzz"
