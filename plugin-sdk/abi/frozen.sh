#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plugins of every frozen minor with the hosts of today: the mock host drives the routing strategies through
# their golden cases, `plugin inspect` accepts each, `plugin check` finds nothing wrong with it.
# Usage: frozen.sh JACKFIELD BUILD_DIR. Ends with `N passed, N failed`.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$(dirname "$here") frozen=$(dirname "$(dirname "$here")")/Tests/Plugins/frozen
jackfield=$(realpath "$1") out=$2
runtime=$(dirname "$(dirname "$jackfield")")/lib/jackfield
passed=0 failed=0
mkdir -p "$out" && out=$(realpath "$out")

if [ "$(uname -m)" != x86_64 ]; then
    echo "skipped: the frozen plugins are for x86-64, this is $(uname -m)"
    echo "0 passed, 0 failed"
    exit 0
fi

count() { # count NAME COMMAND...: runs it, counts it, shows its output where it failed
    local name=$1
    shift
    if "$@" >"$out/output" 2>&1; then
        passed=$((passed + 1))
        echo "  ok   $name: $(tail -n 1 "$out/output" | sed 's/ in [0-9.]* s; seed 1//')" | sed 's/: $//'
    else
        failed=$((failed + 1))
        echo "  FAIL $name"
        tail -n 30 "$out/output" | sed 's/^/        /'
    fi
}

host() { # host MINOR INCLUDE PROGRAM: the mock host of these headers with the golden cases of that minor
    "${CLANG:-clang}" -fuse-ld=lld -std=c11 -g -O1 -Wall -Wextra -Werror -I"$2" -I"$sdk/testing/c" \
        -DGOLDEN="\"$frozen/$1/routing-by-name.json\"" -o "$3" "$sdk/examples/c/routing-by-name/test.c" \
        "$sdk"/testing/c/*.c -lm -pthread -ldl
}

# A Swift plugin finds the gateway's runtime above its own folder; here it is told.
golden() { LD_LIBRARY_PATH=$runtime "$out/golden" "$1" golden_cases; }

# The gate bites: a host whose table of slots has another order must not get through.
other_order() { # other_order MINOR PLUGIN
    local folder=$out/other-order
    rm -rf "$folder" && mkdir "$folder" && python3 - "$here" "$sdk/include" "$folder" <<'PYTHON' &&
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import selftest
selftest.changed_headers(sys.argv[2], sys.argv[3], "routing.h",
                         r"(void \(\*detach\)[^;]*;)(.*?)(void \(\*observe\)[^;]*;)", r"\3\2\1")
PYTHON
        host "$1" "$folder/include" "$out/other" && ! "$out/other" "$2" golden_cases
}

unpack() { # unpack FOLDER TARGET
    python3 - "$1" "$2" <<'PYTHON'
import glob, lzma, os, sys
for path in glob.glob(os.path.join(sys.argv[1], "*.so.xz")):
    target = os.path.join(sys.argv[2], os.path.basename(path)[:-3])
    with lzma.open(path) as packed, open(target, "wb") as file:
        file.write(packed.read())
PYTHON
}

loads() {
    "$jackfield" plugin inspect --json "$1" |
        python3 -c 'import json, sys; sys.exit(not json.load(sys.stdin)["loadable"])'
}

same_files() { # same_files UNPACKED FROZEN
    (cd "$1" && sha256sum --quiet --strict -c "$2/SHA256SUMS") &&
        [ "$(find "$1" -type f | wc -l)" -eq "$(wc -l <"$2/SHA256SUMS")" ]
}

for folder in "$frozen"/[0-9]*.[0-9]*; do
    minor=$(basename "$folder")
    rm -rf "${out:?}/$minor"
    mkdir -p "$out/$minor"
    unpack "$folder" "$out/$minor"
    count "$minor the files are those that were frozen" same_files "$out/$minor" "$folder"
    count "$minor the mock host of today is built" host "$minor" "$sdk/include" "$out/golden"
    count "$minor a host with slots in another order is found out" \
        other_order "$minor" "$out/$minor/routing-by-name-c.so"
    for library in "$out/$minor"/*.so; do
        name="$minor $(basename "$library" .so)"
        case $name in *routing-by-name*) count "$name with the mock host" golden "$library" ;; esac
        count "$name is loaded" loads "$library"
        count "$name is checked" "$jackfield" plugin check "$library" --seed 1 --timeout 30s
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 1 ]
