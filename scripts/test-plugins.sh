#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs each plugin's test against the mock host: `test-plugins.sh CLANG PLUGIN_DIR BUILD_DIR`.
set -uo pipefail
clang=$1 plugins=$2 out=$3
flags=(-std=c11 -g -O1 -Wall -Wextra -Werror -Wno-unused-function -Iplugin-sdk/include -Iplugin-sdk/c/include
    -Iplugin-sdk/testing/c -ISources/CCell/include -ISources/CMeter/include)
mkdir -p "$out"
passed=0 failed=0

objects=()
for source in plugin-sdk/testing/c/*.c; do
    object="$out/$(basename "$source" .c).o"
    "$clang" "${flags[@]}" -c -o "$object" "$source" || exit 1
    objects+=("$object")
done
for source in Sources/CCell/*.c; do
    object="$out/ccell-$(basename "$source" .c).o"
    "$clang" "${flags[@]}" -c -o "$object" "$source" || exit 1
    objects+=("$object")
done
for source in Sources/CMeter/*.c Sources/CMeter/stubs/*.c; do
    object="$out/cmeter-$(basename "$source" .c).o"
    "$clang" "${flags[@]}" -std=gnu11 -c -o "$object" "$source" || exit 1
    objects+=("$object")
done

# run NAME SOURCE [ARGUMENT…]: one test program.
run() {
    local name=$1 source=$2 log="$out/$1.log"
    shift 2
    if "$clang" "${flags[@]}" -o "$out/$name" "$source" "${objects[@]}" -lm -pthread -ldl >"$log" 2>&1 &&
        timeout 300 "$out/$name" "$@" >>"$log" 2>&1; then
        printf '  %-32s %s\n' "$name" "$(tail -n 1 "$log")"
        passed=$((passed + 1))
    else
        printf '  %-32s FAILED\n' "$name"
        tail -n 40 "$log" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}

run host_test plugin-sdk/c/tests/host_test.c
run reader_test plugin-sdk/c/tests/json_test.c
run guard_helpers_test plugin-sdk/c/tests/guard_test.c
run json_test plugin-sdk/testing/c/tests/json_test.c
run guard_test plugin-sdk/testing/c/tests/guard_test.c
"$clang" -fuse-ld=lld -std=c11 -g -fPIC -fvisibility=hidden -shared -Iplugin-sdk/include \
    plugin-sdk/testing/c/tests/bad_plugin.c -o "$out/bad_plugin.so" && \
    run mock_test plugin-sdk/testing/c/tests/mock_test.c "$out/bad_plugin.so"

# An example, whose test is in Tests/Plugins, and the templates, with the tests that they bring.
examples=(toolset-text)
make --no-print-directory -C plugin-sdk/examples/c/toolset-text OUT="$PWD/$out" CC="$clang" \
    JACKFIELD_INCLUDE="$PWD/plugin-sdk/include $PWD/plugin-sdk/c/include" "$PWD/$out/toolset-text.so" \
    >"$out/toolset-text-build.log" 2>&1 || cat "$out/toolset-text-build.log"
for facet in auth credentials filter policy store; do
    CC="$clang -fuse-ld=lld" scripts/c-template.sh "$facet" "$out" || exit 1
    run "${facet}-template" "$out/template-$facet/test.c" "$out/template-$facet.so"
    examples+=("template-$facet")
done

# The cell's test runs these plugins, good and bad, in cells of its own.
"$clang" -fuse-ld=lld -std=c11 -g -fPIC -fvisibility=hidden -shared -Iplugin-sdk/include \
    Tests/Plugins/cell/bad_plugin.c -o "$out/cell.so" || exit 1
"$clang" -fuse-ld=lld -std=c11 -g -fPIC -fvisibility=hidden -shared -Iplugin-sdk/include \
    Tests/Plugins/cell/access_plugin.c -o "$out/cell-access.so" || exit 1

cp "$out/cell-access.so" "$out/meter.so"

for source in Tests/Plugins/*_test.c; do
    name=$(basename "$source" _test.c)
    library="$plugins/$name.so"
    [ -e "$library" ] || library="$out/$name.so"
    run "${name}_test" "$source" "$library"
done

# Every library exports its entry and nothing else.
libraries=("$plugins"/*.so)
for example in "${examples[@]}"; do libraries+=("$out/$example.so"); done
for library in "${libraries[@]}"; do
    symbols=$(nm -D --defined-only "$library" | awk '{print $3}')
    if [ "$symbols" = jf_entry_1 ]; then
        passed=$((passed + 1))
    else
        printf '  %s exports: %s\n' "$(basename "$library")" "$(echo "$symbols" | tr '\n' ' ')"
        failed=$((failed + 1))
    fi
done

echo "plugins: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
