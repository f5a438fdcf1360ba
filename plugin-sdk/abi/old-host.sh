#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plugins of today with the hosts of every frozen minor: each is loaded behind old-host/proxy.c, which offers
# that minor and no more, and must work there (all of `plugin check`) or refuse with a reason. Then the gate
# itself: plugins of a minor that does not exist must be told apart.
# Usage: old-host.sh JACKFIELD BUILD_DIR PLUGIN... Ends with `N passed, N failed`.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
sdk=$(dirname "$here") root=$(dirname "$(dirname "$here")")
jackfield=$(realpath "$1") out=$2
runtime=$(dirname "$(dirname "$jackfield")")/lib/jackfield
shift 2
mkdir -p "$out" && out=$(realpath "$out")
clang=${CLANG:-clang}
flags=(-fuse-ld=lld -std=gnu11 -g -O1 -Wall -Wextra -Werror)
export here sdk root jackfield runtime out clang

python3 "$here/old-host/services.py" --include "$sdk/include" >"$out/services.inc" || exit 1
"$clang" "${flags[@]}" -I"$sdk/include" -I"$sdk/testing/c" -DSERVICES="\"$out/services.inc\"" -o "$out/life" \
    "$here/old-host/life.c" "$sdk"/testing/c/*.c -lm -pthread -ldl || exit 1

# settings ID: what `plugin check` cannot make up from a plugin's schema.
settings() {
    local declarations=$root/Plugins/tools-native/examples/libm.toml
    case $1 in
        tools-native) printf '%s\n' --server "{\"declarations\":\"$declarations\"}" ;;
    esac
}

# failing LOG: the names of the cases that failed or crashed. How the heap grows over many lives is left
# out, since the proxy has a part in it, and so is the group placement: in a cell the proxy may not open the
# plugin, which is another file.
failing() {
    grep -vE '^ *FAIL +lifecycle\.(thousand|refused): .* bytes of memory' "$1" | grep -v ' placement\.' |
        sed -n 's/^ *\(FAIL\|CRASH\) *\([a-z]*\.[a-z-]*\): .*/\2/p' | sort -u
}

# one MINOR PLUGIN EXPECTED: prints a line of the table. EXPECTED: runs, refuses, or what catches it.
one() {
    local minor=$1 plugin=$2 expected=$3 name proxy said status verdict words only
    name=$(basename "$plugin" .so)
    proxy=$out/$minor/$name.so
    mkdir -p "$out/$minor"
    objcopy -O binary --only-section=.note.jackfield "$plugin" "$out/$minor/$name.note" &&
        "$clang" -fuse-ld=lld -std=gnu11 -g -O1 -Wall -Wextra -Werror -fPIC -fvisibility=hidden -shared \
            -I"$here/$minor" -DOLD_PLUGIN="\"$plugin\"" -DOLD_NOTE="\"$out/$minor/$name.note\"" \
            -DOLD_SERVICES="\"$out/$minor.inc\"" -Wl,-z,relro,-z,now -o "$proxy" \
            "$here/old-host/proxy.c" -pthread -ldl || return
    said=$(LD_LIBRARY_PATH=$runtime timeout 60 "$out/life" "$proxy" 2>&1)
    status=$?
    verdict=$(tail -n 1 <<<"$said")
    if [ "$status" -eq 0 ] && [ "$verdict" = runs ]; then
        mapfile -t words < <(settings "$name")
        words+=(--seed 1 --timeout 30s)
        "$jackfield" plugin check "$proxy" "${words[@]}" >"$out/$minor/$name.log" 2>&1
        status=$?
        verdict="runs: $(tail -n 1 "$out/$minor/$name.log" | sed 's/ in [0-9.]* s; seed 1//')"
        if [ "$status" -eq 1 ] && [[ $verdict == *' passed'* ]]; then
            # What fails with a host of today as well is not this gate's to say.
            "$jackfield" plugin check "$plugin" "${words[@]}" >"$out/$minor/$name.today.log" 2>&1
            only=$(comm -23 <(failing "$out/$minor/$name.log") <(failing "$out/$minor/$name.today.log"))
            [ -n "$only" ] || status=0 verdict+=", not for the old host"
        fi
    elif [ "$status" -gt 127 ]; then
        verdict="crashes (signal $((status - 128)))"
    fi
    case $expected:$status:$verdict in
        runs:0:runs:*|runs:0:refuses:*|refuses:0:refuses:*) echo "  ok   $minor $name $verdict" ;;
        runs:*|refuses:*|*:0:*)
            echo "  FAIL $minor $name $verdict"
            grep -s -A 2 -E '^ *(FAIL|CRASH) ' "$out/$minor/$name.log" | sed 's/^/        /'
            ;;
        *:*"$expected"*) echo "  ok   $minor $name is caught: $verdict" ;;
        *) echo "  FAIL $minor $name is caught by something else: $verdict" ;;
    esac
}
export -f one settings failing

rm -rf "$out/newer" && python3 "$here/old-host/newer.py" "$sdk/include" "$out/newer" || exit 1
expected=(runs "crashes (signal 11)" crashed crashed refuses "does not say why" refuses)
lines=()
for frozen in "$here"/[0-9]*.[0-9]*; do
    minor=$(basename "$frozen")
    python3 "$here/old-host/services.py" --include "$frozen" >"$out/$minor.inc" || exit 1
    for plugin in "$@"; do lines+=("$minor" "$(realpath "$plugin")" runs); done
done
for case in "${!expected[@]}"; do
    "$clang" "${flags[@]}" -fPIC -fvisibility=hidden -shared -DCASE="$case" -I"$out/newer" \
        -Wl,-z,relro,-z,now -o "$out/newer-$case.so" "$here/old-host/newer.c" || exit 1
    lines+=("$minor" "$out/newer-$case.so" "${expected[$case]}")
done
printf '%s\n' "${lines[@]}" | xargs -d '\n' -n 3 -P "$(nproc)" bash -c 'one "$@"' - | tee "$out/table.txt"
passed=$(grep -c '^  ok' "$out/table.txt")
failed=$((${#lines[@]} / 3 - passed))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
