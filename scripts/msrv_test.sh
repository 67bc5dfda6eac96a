#!/usr/bin/env bash
# Checks that the oldest Rust that Cargo.toml promises (rust-version) builds the crate, in a target folder of its own, and that
# it can be built without figures and TensorBoard.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/install.sh
. scripts/packages.sh
version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! cargo "+$version" --version >/dev/null 2>&1; then
    rustup toolchain install "$version" --profile minimal >>"$packages_log" 2>&1 ||
        skip "Rust $version is not there and cannot be installed"
fi
cargo "+$version" check --locked --target-dir target/msrv
cargo "+$version" check --locked --target-dir target/msrv --no-default-features --features openblas-system
echo "Rust $version builds it"
