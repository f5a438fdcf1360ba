#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the conformance scenarios against the built gateway: run.sh [options of conformance.py]
#
#   JACKFIELD_BIN=…   another gateway than dist/bin/jackfield      JACKFIELD_VENVS=…   other environments
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1 JACKFIELD_VENVS=${JACKFIELD_VENVS:-$root/.build/venvs}

"$here/../Integration/setup.sh" tests sdk1 sdk2 || exit 1
exec "$JACKFIELD_VENVS/tests/bin/python" "$here/conformance.py" "$@" </dev/null
