#!/usr/bin/env bash
# Copies the PyTorch program out of docs/model.md and compares its predictions with those of gdiff, for every
# conditioning, encoding of the time and activation. Skips with the reason where PyTorch cannot be had.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/torch.sh
build
cargo build "${cargo_options[@]}" --example predict
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk '/^```python$/ { code = 1; next } /^```$/ { code = 0 } code' docs/model.md >"$work/model.py"

cat >"$work/spec.toml" <<'SPEC'
name = "model"
pipelines = ["baseline"]
[data]
kind = "eight_gaussians"
samples = 500
[diffusion]
steps = 20
[network]
hidden = [12, 9]
time_dim = 6
[train]
iterations = 200
batch_size = 64
[sample]
count = 50
[metrics]
reference = 60
every = 20
[sweep]
"diffusion.variance" = ["fixed_small", "learned_range"]
"network.conditioning" = ["concat", "add", "scale"]
"network.time" = ["sinusoidal", "scalar", "learned"]
"network.activation" = ["relu", "silu", "tanh", "gelu"]
SPEC
"$gdiff" run "$work/spec.toml" --out "$work/out" --quiet
printf 'x0,x1\n0.3,-0.2\n-1.4,0.9\n0.0,0.0\n2.5,3.5\n' >"$work/points.csv"
for run in "$work"/out/runs/*; do
    for t in 1 7 20; do
        target/release/examples/predict "$run" "$work/points.csv" "$t" >"$run/predicted-$t.csv"
    done
done
"$python" scripts/model_test.py "$work"
