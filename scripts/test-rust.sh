#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the Rust SDK and its examples: `test-rust.sh BUILD_DIR`. Without cargo it says so: the gateway needs none.
set -euo pipefail
if ! command -v cargo >/dev/null; then
    echo "rust: no cargo here; the Rust SDK was not tested (apt-get install cargo, or rustup)"
    exit 0
fi
mkdir -p "$1"
CARGO_TARGET_DIR=$(cd "$1" && pwd)
export CARGO_TARGET_DIR
root=$PWD
cd "$root/plugin-sdk/rust"
cargo test --quiet --offline --features testing
for example in toolset-words routing-by-name; do
    cd "$root/plugin-sdk/examples/rust/$example"
    cargo test --quiet --offline
    cargo build --quiet --release --offline
done
echo "rust: the SDK and 2 examples passed"
