#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the seeds of the ELF note fuzz target for this machine: make-corpus.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
out=${1:?usage: make-corpus.sh DIRECTORY}
mkdir -p "$out"

# build NAME FIXTURE FLAGS...: without libraries and start-up code, on small pages, it is 2 to 3 KB.
build() {
    name=$1 fixture=$2
    shift 2
    ${CC:-clang} -std=c11 -Os -fPIC -fvisibility=hidden -shared -nostdlib -I "$root/plugin-sdk/include" \
        "$root/Tests/Fixtures/plugins/$fixture.c" -o "$out/$name" \
        -Wl,-z,max-page-size=64 -Wl,-z,common-page-size=64 -Wl,--build-id=none "$@"
    strip "$out/$name"
    chmod 644 "$out/$name"
}

build gnu-hash good -Wl,--hash-style=gnu
build sysv-hash good -Wl,--hash-style=sysv
build both-hashes extra_exports -Wl,--hash-style=both -Wl,-soname,libextra.so
build run-path good '-Wl,-rpath,$ORIGIN/../lib:/opt/x' -Wl,-z,now
build old-rpath good '-Wl,-rpath,$ORIGIN' -Wl,--disable-new-dtags -Wl,-z,execstack
build two-notes two_notes
build no-note no_note
build bad-json bad_json

# The note's segment turned into an unknown one: only the section header tells where it is. PT_NOTE is 4.
python3 - "$out/gnu-hash" "$out/note-in-section" <<'PYTHON'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
start, = struct.unpack_from("<Q", data, 32)
count, = struct.unpack_from("<H", data, 56)
for index in range(count):
    at = start + 56 * index
    if struct.unpack_from("<I", data, at)[0] == 4:
        struct.pack_into("<I", data, at, 0x6fffffff)
open(sys.argv[2], "wb").write(data)
PYTHON
head -c 64 "$out/gnu-hash" > "$out/bare-header"
