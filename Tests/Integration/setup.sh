#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the private virtual environments of the integration tests; quick when they are already there.
#
#   setup.sh [NAME…]        all environments, or only those named: tests sdk2 sdk1 sdkold servers
#
# They live under .build/venvs of the checkout, or under $JACKFIELD_VENVS. An environment is made anew when its
# requirements file or the interpreter changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
venvs=${JACKFIELD_VENVS:-$root/.build/venvs}
python=${PYTHON:-python3}

fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "no $python in PATH; install Python 3.11 or later"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python $version is too old; 3.11 or later is needed (set PYTHON=/path/to/python3)"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make virtual environments; install the package python3-venv"

make_venv() {
    local name=$1 wanted="$here/requirements/$1.txt" dir="$venvs/$1" stamp log
    [ -f "$wanted" ] || fail "no requirements file for '$name'; known: $(cd "$here/requirements" && echo *.txt)"
    stamp="$version $(sha256sum <"$wanted" | cut -d' ' -f1)"
    if [ -x "$dir/bin/python" ] && [ "$(cat "$dir/.stamp" 2>/dev/null)" = "$stamp" ] &&
        "$dir/bin/python" -c pass 2>/dev/null; then
        return
    fi
    printf 'setup: making %s\n' "$name"
    rm -rf "$dir"
    mkdir -p "$venvs"
    "$python" -m venv "$dir" || fail "cannot make a virtual environment in $dir"
    log="$venvs/$name.log"
    "$dir/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps -r "$wanted" \
        >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "pip could not install $wanted; its output is in $log"; }
    printf '%s\n' "$stamp" >"$dir/.stamp"
}

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(tests sdk2 sdk1 sdkold servers)
mkdir -p "$venvs"
exec 9>"$venvs/.lock"
flock 9
for name in "${names[@]}"; do make_venv "$name"; done
