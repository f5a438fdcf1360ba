#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the configuration fuzz target into the folder given.
set -euo pipefail
# shellcheck disable=SC2046
swiftc -O -g -sanitize=fuzzer,address -parse-as-library -swift-version 6 -module-name Configuration -emit-module \
    -emit-module-path "$1/Configuration.swiftmodule" -emit-library -static -o "$1/libConfiguration.a" \
    -I Sources/CYaml $(find Sources/Configuration -name '*.swift')
swiftc -O -g -sanitize=fuzzer,address -parse-as-library -swift-version 6 -module-name ConfigurationFuzz -I "$1" \
    -I Sources/CYaml Tests/Fuzz/ConfigurationFuzz/ConfigurationFuzz.swift "$1/libConfiguration.a" -lyaml -o "$1/fuzz"
