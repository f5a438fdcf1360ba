#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies the Swift runtime libraries that the executables need into the tree, so that it runs anywhere.
set -euo pipefail

dist=$1
target="$dist/lib/jackfield"
runtime=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")/lib/swift/linux
mkdir -p "$target"

copied=1
while [ "$copied" -gt 0 ]; do
    copied=0
    needed=$(for file in "$dist"/bin/* "$target"/*.so; do
        if [ -e "$file" ]; then readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; fi
    done | sort -u)
    for library in $needed; do
        if [ -e "$runtime/$library" ] && ! cmp -s "$runtime/$library" "$target/$library"; then
            install -m 755 "$runtime/$library" "$target/$library"
            copied=$((copied + 1))
        fi
    done
done
