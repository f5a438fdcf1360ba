#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Renders a template of a C plugin as `jackfield plugin new` does and builds it, for checks that need the plugin alone:
# `c-template.sh FACET FOLDER` makes FOLDER/template-FACET.so and its sources in FOLDER/template-FACET.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
facet=$1 name=template-$1
folder=$(realpath "$2")/$name
rm -rf "$folder"
mkdir -p "$folder"
for file in "$root/plugin-sdk/templates/c/$facet"/*; do
    sed -e "s/PLUGIN_ID/$name/g" -e "s/PLUGIN_NAME/$name/g" "$file" >"$folder/$(basename "$file")"
done
{
    echo '#define MANIFEST \'
    sed -e 's/["\\]/\\&/g' -e 's/.*/    "&" \\/' "$folder/manifest.json"
    echo
} >"$folder/manifest.h"
mapfile -t sources < <(find "$folder" -name '*.c' ! -name test.c | sort)
# shellcheck disable=SC2086 # CC may have flags
${CC:-cc} -std=gnu11 -O1 -g -Wall -Wextra -Werror -fPIC -fvisibility=hidden -shared -I"$root/plugin-sdk/include" \
    -I"$root/plugin-sdk/c/include" -I"$folder" -Wl,-z,relro,-z,now -o "$folder.so" "${sources[@]}"
