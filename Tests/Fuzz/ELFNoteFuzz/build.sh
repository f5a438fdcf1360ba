#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the ELF note fuzz target into the folder given.
set -euo pipefail
scratch="$1/../swift"
swift build -c release --disable-sandbox --target JackfieldCore --scratch-path "$scratch" \
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -parse-as-library
built="$scratch/release"
# shellcheck disable=SC2046
swiftc -O -swift-version 6 -sanitize=fuzzer,address -parse-as-library -I "$built/Modules" \
    -Xcc -fmodule-map-file=plugin-sdk/include/jackfield/module.modulemap \
    -Xcc -fmodule-map-file="$built/CLinux.build/module.modulemap" \
    -Xcc -fmodule-map-file="$built/CCell.build/module.modulemap" \
    -Xcc -fmodule-map-file="$built/CMeter.build/module.modulemap" \
    -Xcc -ISources/CLinux/include -Xcc -ISources/CSimdjson/include -Xcc -Iplugin-sdk/include \
    -Xcc -ISources/CCell/include -Xcc -ISources/CMeter/include \
    Tests/Fuzz/ELFNoteFuzz/ELFNoteFuzz.swift \
    $(find "$built"/{JackfieldCore,MCP,JSON,CLinux,CSimdjson,CCell,CMeter}.build -name '*.o') \
    -lsimdjson -lstdc++ -o "$1/fuzz"
