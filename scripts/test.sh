#!/usr/bin/env bash
# Everything that must pass: format, lints, documentation, tests, a sweep on a real Slurm where that can be had. Installs what is missing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

cargo fmt --check
cargo test "${cargo_options[@]}"
cargo clippy "${cargo_options[@]}" --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc "${cargo_options[@]}" --no-deps
./scripts/slurm_test.sh
