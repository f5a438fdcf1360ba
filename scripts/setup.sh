#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing: `setup.sh build`, `setup.sh test`, `setup.sh bench`.
set -euo pipefail

build=(g++ binutils make pkg-config libsimdjson-dev libyaml-dev node-llhttp libwslay-dev libssl3 libffi-dev
    libcjose0 libsqlite3-dev libhiredis-dev libpq-dev libre2-dev)
test=(python3 python3-venv gcc clang-format strace procps git openssl ca-certificates abigail-tools xz-utils bubblewrap
    redis-server postgresql)
# The Rust SDK is tested with whatever cargo there is.
command -v cargo >/dev/null || test+=(cargo)
bench=(nginx-core haproxy linux-perf)

packages=("${build[@]}")
case "${1:-build}" in
    build) ;;
    test) packages+=("${test[@]}") ;;
    bench) packages+=("${test[@]}" "${bench[@]}") ;;
    *) echo "usage: setup.sh build|test|bench" >&2; exit 2 ;;
esac

if ! command -v swiftc >/dev/null; then
    echo "setup: no swiftc found. Install the Swift 6.3 toolchain for Debian 12 and put its bin folder on PATH." >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not Debian; install the equivalents of: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "setup: these Debian packages are missing and need root to be installed:" >&2
    echo "    sudo apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
