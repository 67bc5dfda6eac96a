#!/usr/bin/env bash
# Everything that must pass: format, lints, documentation, tests, and, where they can be had, a sweep on a real
# Slurm, the notebook, and the page in a real browser. Installs what is missing.
set -euo pipefail
. "$(dirname "$0")/common.sh"

cargo fmt --check
cargo test "${cargo_options[@]}"
cargo clippy "${cargo_options[@]}" --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc "${cargo_options[@]}" --no-deps
./scripts/slurm_test.sh
./scripts/notebook_test.sh
./scripts/browser_test.sh
