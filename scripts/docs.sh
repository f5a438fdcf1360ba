#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Generates the reference pages that have a source of their own: the command line, and every plugin's manifest.
set -euo pipefail
cd "$(dirname "$0")/.."
jackfield="${1:-dist}/bin/jackfield"

"$jackfield" help --markdown >docs/reference/command-line.md
{
    echo "# Plugins"
    echo
    echo "Generated from the manifests by \`make docs\`; the same text as \`jackfield plugin docs NAME\` prints."
    for plugin in "${1:-dist}"/lib/jackfield/plugins/*.so; do
        echo
        "$jackfield" plugin docs "$plugin" | sed 's/^#/##/'
    done
} >docs/reference/plugins.md
echo "docs: wrote docs/reference/command-line.md and docs/reference/plugins.md"
