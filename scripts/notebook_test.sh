#!/usr/bin/env bash
# Runs scripts/plots.ipynb on the output of a quick run, and reads the run's event files back with TensorBoard's
# own package. Skips with the reason where pip has no access.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/python.sh
build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    cat configs/quick.toml
    printf '[sweep]\n"network.width" = [8, 16]\n'
} >"$work/quick.toml"
"$gdiff" run "$work/quick.toml" --set replicates=2 --out "$work/quick" --quiet --plot --tensorboard
# Each of these points leaves a key alone, so that its value is empty in the tables; and a pipeline of one's own.
{
    sed 's/^pipelines = .*/pipelines = ["baseline", "gaussianized", "mine"]/' configs/quick.toml
    printf '[pipeline.mine]\nspace = ["standardize"]\n'
    printf '[[sweep.points]]\nnetwork.width = 8\n[[sweep.points]]\ntrain.ema = 0.5\n[[sweep.points]]\n'
} >"$work/points.toml"
"$gdiff" run "$work/points.toml" --out "$work/points" --quiet --plot
"$python" scripts/notebook_test.py "$work/quick" "$work/points"
