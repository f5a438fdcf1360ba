#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the WebSocket fuzz target into the folder given.
set -euo pipefail
flags=(-g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
clang -fuse-ld=lld -std=c11 "${flags[@]}" -D_GNU_SOURCE -DLLHTTP_STRICT_MODE=1 -IPlugins/transport-websocket \
    -IPlugins/transport-common -Iplugin-sdk/include -Iplugin-sdk/c/include -Iplugin-sdk/testing/c -I/usr/share/include/llhttp \
    Tests/Fuzz/WebSocketFuzz/websocket_fuzz.c Plugins/transport-websocket/*.c \
    Plugins/transport-common/*.c plugin-sdk/testing/c/*.c /usr/share/llhttp/{api,http,llhttp}.c \
    -Wl,--wrap=connect -lwslay -lm -pthread -ldl -o "$1/fuzz"
