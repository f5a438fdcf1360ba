#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the JSON fuzz target into the folder given.
set -euo pipefail
clang++ -std=c++17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    -ISources/CSimdjson/include Tests/Fuzz/JSONFuzz/json_fuzz.cpp Sources/CSimdjson/*.cpp -lsimdjson -o "$1/fuzz"
