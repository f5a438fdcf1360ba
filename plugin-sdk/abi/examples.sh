#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the example plugins that this machine can build in seconds (C, C++, Rust), and the templates of facets that have
# no example, and prints their paths; and those in Swift where they are built already. Usage: examples.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$(dirname "$here")
mkdir -p "$1"
out=$(realpath "$1")
rm -f "$out"/*.so

# give NAME LANGUAGE FILE: plugins of one name exist once per language.
give() {
    cp "$3" "$out/$1-$2.so"
    echo "$out/$1-$2.so"
}

for language in c cpp; do
    include="$sdk/include $sdk/c/include"
    [ "$language" = c ] || include="$sdk/include $sdk/cpp/include"
    for folder in "$sdk/examples/$language"/*; do
        name=$(basename "$folder")
        mkdir -p "$out/$language"
        make --no-print-directory -s -B -C "$folder" CFLAGS='-O1 -g' CXXFLAGS='-O1 -g' OUT="$out/$language" \
            JACKFIELD_INCLUDE="$include" "$out/$language/$name.so" >&2
        give "$name" "$language" "$out/$language/$name.so"
    done
done
for facet in auth credentials filter policy store; do
    bash "$sdk/../scripts/c-template.sh" "$facet" "$out/c"
    give "template-$facet" c "$out/c/template-$facet.so"
done
if command -v cargo >/dev/null; then
    for folder in "$sdk"/examples/rust/*; do
        name=$(basename "$folder")
        (cd "$folder" && CARGO_TARGET_DIR=$out/rust cargo build --quiet --release --offline >&2)
        give "$name" rust "$out/rust/release/lib$(tr - _ <<<"$name").so"
    done
else
    echo "skipped: no cargo, so no examples in Rust" >&2
fi
for folder in "$sdk"/examples/swift/*; do
    name=$(basename "$folder") library=$folder/.build/release/lib$(basename "$folder").so
    if [ -e "$library" ]; then
        give "$name" swift "$library"
    else
        echo "skipped: $name in Swift is not built" >&2
    fi
done
