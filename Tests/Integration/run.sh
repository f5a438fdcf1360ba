#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the integration tests against the built gateway: run.sh [pytest arguments]
#
#   JACKFIELD_BIN=…   another gateway than dist/bin/jackfield      JACKFIELD_VENVS=…   other environments
#   Two files run side by side (JACKFIELD_JOBS=…), since most tests wait most of their time.
#   A handful of failures is run a second time: a test that passes then is named as flaky, loudly, and does not fail
#   the run; a busy machine is not a defect, but its victims are worth a look.
#
#   run.sh --direct   no gateway: clients talk to the fixture servers, which proves the tests themselves
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
venvs=${JACKFIELD_VENVS:-$root/.build/venvs}

"$here/setup.sh" || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cd "$here" || exit 1
export PYTHONDONTWRITEBYTECODE=1 JACKFIELD_VENVS=$venvs
run() { "$venvs/tests/bin/python" -m pytest -q --tb=short "$@" 2>&1 </dev/null; }
run -n "${JACKFIELD_JOBS:-2}" --dist loadfile "$@" | tee "$log"
status=${PIPESTATUS[0]}

# The ids of what failed, as pytest's summary names them.
mapfile -t again < <(grep -aE '^(FAILED|ERROR) ' "$log" | sed -E 's/^(FAILED|ERROR) //; s/ - .*//' | sort -u)
if [ "$status" -eq 1 ] && [ "${#again[@]}" -gt 0 ] && [ "${#again[@]}" -le 8 ]; then
    echo "run again: ${again[*]}"
    second=$(mktemp)
    if run "${again[@]}" | tee "$second" && [ "${PIPESTATUS[0]}" -eq 0 ]; then
        first=$(grep -aE ' in [0-9.]+s' "$log" | tail -n 1 | grep -oE '[0-9]+ passed' | grep -oE '[0-9]+')
        echo "FLAKY, passed on the second run: ${again[*]}"
        echo "$((first + ${#again[@]})) passed, 0 failed"
        rm -f "$second"
        exit 0
    fi
    rm -f "$second"
fi

# The summary line of pytest, e.g. "2 failed, 40 passed, 1 error in 3.21s".
count() { grep -aE ' in [0-9.]+s' "$log" | tail -n 1 | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0; }
passed=$(count passed)
failed=$(($(count failed) + $(count 'error(s)?')))
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then
    echo "no test ran" >&2
    failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
