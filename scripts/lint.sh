#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# House rules that a machine can check. Every finding names its file; all of them are printed.
set -uo pipefail
cd "$(dirname "$0")/.."
findings=0

report() {
    local title=$1 lines=$2
    [ -n "$lines" ] || return 0
    echo "$title"
    echo "$lines" | sed 's/^/    /'
    findings=$((findings + 1))
}

files() { git ls-files --cached --others --exclude-standard -- "$@"; }
code=$(files '*.swift' '*.c' '*.h' '*.cpp' '*.hpp' '*.rs' '*.py' '*.sh' '*.mk' | grep -v '^Tests/Integration/schemas/')

# Formatting.
report "swift format (run 'make format'):" \
    "$(files '*.swift' | xargs -r swift format lint --parallel 2>&1 | grep -E 'warning|error' | head -n 20)"
report "clang-format (run 'make format'):" \
    "$(files '*.c' '*.h' '*.cpp' '*.hpp' | xargs -r clang-format --dry-run 2>&1 | grep 'warning:' | cut -d: -f1 | sort | uniq -c | head -n 20)"

# Every source file says its licence and, on the second line, what it is.
report "no SPDX line at the top:" "$(for file in $code; do head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"; done)"

# Size: 600 lines for sources, 800 for tests.
report "longer than the limit (600, tests 800):" "$(for file in $code; do
    lines=$(wc -l <"$file"); limit=600
    case $file in Tests/*) limit=800 ;; esac
    [ "$lines" -le "$limit" ] || echo "$file: $lines"
done)"

# Arrows between modules: what each may import of ours.
arrow() {
    local folder=$1 allowed=$2 ours='JackfieldCore|Configuration|MCP|JSON|CJackfield|CLinux|CSimdjson|CYaml|CCell|CMeter|CPluginCheck|PluginCheck|Foundation|Dispatch'
    grep -rnE "^(public |internal |@testable )?import ($ours)\b" --include='*.swift' "$folder" 2>/dev/null |
        grep -vE "import ($allowed)\b" || true
}
report "forbidden import:" "$(
    arrow Sources/JSON CSimdjson
    arrow Sources/MCP JSON
    arrow Sources/Configuration CYaml
    arrow Sources/JackfieldCore 'MCP|JSON|CJackfield|CLinux|CCell|CMeter'
    arrow Sources/jackfield 'JackfieldCore|Configuration|JSON|CLinux|PluginCheck'
    arrow Sources/PluginCheck 'JackfieldCore|JSON|CJackfield|CPluginCheck'
    arrow Sources/jackfield-cell 'JackfieldCore|JSON|CLinux|CCell'
    arrow Plugins CJackfield
    arrow plugin-sdk/swift CJackfield
)"
report "a plugin includes something of the core:" "$(grep -rnE '#include.*(Sources/|clinux|csimdjson)' Plugins plugin-sdk --include='*.[ch]' --include='*.hpp' || true)"

# Links between pages.
report "broken links:" "$(python3 scripts/check-links.py 2>&1 | grep -v ' 0 broken' || true)"

# Names that say nothing, and things left open.
report "Manager, Helper, Util in a name:" "$(echo "$code" | grep -E '(Manager|Helper|Util)' || true)"
report "left open:" "$(grep -nE '\b(TODO|FIXME|XXX)\b' $(echo "$code" | grep -v '^scripts/lint.sh$') /dev/null || true)"

if [ "$findings" -gt 0 ]; then
    echo "lint: 0 passed, $findings failed"
    exit 1
fi
echo "lint: 1 passed, 0 failed"
