#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Freezes a minor of the ABI, once, when it is released: its headers (abi/MINOR) and plugins that were built
# with its SDKs (Tests/Plugins/frozen/MINOR). Needs gcc, g++, cargo, swift, xz and an x86-64 machine.
# Usage: freeze.sh [--again | --headers]. The minor is the headers' own. For one that was not released yet
# --again replaces all of it, --headers its headers only (where no frozen plugin uses what changed).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$(dirname "$here") root=$(dirname "$(dirname "$here")")
minor=1.$(sed -n 's/^#define JF_ABI_MINOR \([0-9]*\)$/\1/p' "$sdk/include/jackfield/base.h")
headers=$here/$minor plugins=$root/Tests/Plugins/frozen/$minor

if [ "$(uname -m)" != x86_64 ]; then
    echo "freeze: frozen plugins are for x86-64, this is $(uname -m)" >&2
    exit 1
fi
if [ "${1:-}" = --again ]; then
    rm -rf "$headers" "$plugins"
elif [ "${1:-}" = --headers ]; then
    rm -rf "$headers"
elif [ -e "$headers" ] || [ -e "$plugins" ]; then
    echo "freeze: ABI $minor is frozen; what was released never changes (--again: it was not released)" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$headers/jackfield" "$plugins" "$folder/out" "$folder/sdk"
cp "$sdk"/include/jackfield/*.h "$headers/jackfield/"
(cd "$headers" && sha256sum jackfield/*.h >SHA256SUMS)
if [ "${1:-}" = --headers ]; then
    echo "froze the headers of ABI $minor; the plugins are those of before"
    exit 0
fi

# A copy, so that no file of this build stays behind and no path of this machine gets in.
tar -C "$sdk" --exclude target --exclude .build -cf - . | tar -C "$folder/sdk" -xf -
examples=$folder/sdk/examples out=$folder/out

for facet in connector listener toolset; do
    gcc -std=gnu11 -O2 -fPIC -fvisibility=hidden -shared -I"$headers" -Wl,-z,relro,-z,now \
        -o "$out/$facet-c.so" "$root/Tests/Gallery/good_$facet.c"
done
make --no-print-directory -s -C "$examples/c/routing-by-name" CC=gcc CFLAGS=-O2 OUT="$out" \
    JACKFIELD_INCLUDE="$headers"
mv "$out/routing-by-name.so" "$out/routing-by-name-c.so"
make --no-print-directory -s -C "$examples/cpp/routing-by-name" CXX=g++ CXXFLAGS=-O2 OUT="$out" \
    JACKFIELD_INCLUDE="$headers $folder/sdk/cpp/include"
mv "$out/routing-by-name.so" "$out/routing-by-name-cpp.so"
(
    cd "$examples/rust/routing-by-name"
    export RUSTFLAGS="--remap-path-prefix=$folder=/built"
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=s CARGO_PROFILE_RELEASE_LTO=fat
    export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
    CARGO_TARGET_DIR=$folder/rust cargo build --quiet --release --offline
)
cp "$folder/rust/release/librouting_by_name.so" "$out/routing-by-name-rust.so"
(
    cd "$examples/swift/routing-by-name"
    swift build --disable-sandbox -c release --product routing-by-name --scratch-path "$folder/swift" \
        -Xswiftc -Osize -Xswiftc -file-prefix-map -Xswiftc "$folder=/built" \
        -Xcc "-ffile-prefix-map=$folder=/built" -Xlinker --gc-sections >&2
)
cp "$folder/swift/release/librouting-by-name.so" "$out/routing-by-name-swift.so"

strip --strip-all "$out"/*.so
if strings -a "$out"/*.so | grep -F "$folder"; then
    echo "freeze: a path of this machine got into a plugin" >&2
    exit 1
fi
(cd "$out" && sha256sum -- *.so) >"$plugins/SHA256SUMS"
cp "$sdk/examples/routing-by-name.json" "$plugins/"
for library in "$out"/*.so; do
    xz -9e --stdout "$library" >"$plugins/$(basename "$library").xz"
done
{
    echo "# Built $(date -u +%Y-%m-%d) with:"
    gcc --version | head -n 1
    g++ --version | head -n 1
    rustc --version
    swift --version 2>/dev/null | head -n 1
    ldd --version | head -n 1
} >"$plugins/TOOLCHAIN"
headers_count=$(wc -l <"$headers/SHA256SUMS") plugins_count=$(wc -l <"$plugins/SHA256SUMS")
size=$(du -k --total "$plugins"/*.xz | tail -n 1 | cut -f 1)
echo "froze ABI $minor: $headers_count headers, $plugins_count plugins, $size KiB"
