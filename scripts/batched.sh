#!/usr/bin/env bash
# What it brings on this machine's CPU to train 16 runs side by side: the benchmark `training_step_of_16_runs`, and its
# medians as a table in results/cuda/batched.md.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cargo bench --locked --bench diffusion -- training_step_of_16_runs
mkdir -p results/cuda
python3 scripts/compare/batched.py --gdiff "$gdiff"
