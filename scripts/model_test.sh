#!/usr/bin/env bash
# Copies the PyTorch programs out of docs/model.md and compares their predictions with those of gdiff, for every
# conditioning, encoding of the time and activation, and for U-Nets. Skips with the reason where PyTorch cannot be had.
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
cat >"$work/unet.toml" <<'SPEC'
name = "unet"
pipelines = ["baseline"]
[data]
kind = "images"
name = "digits"
[diffusion]
steps = 20
[network]
kind = "unet"
channels = 4
multipliers = [1, 2, 1]
blocks = 1
groups = 2
[train]
iterations = 60
batch_size = 16
[sample]
count = 20
[metrics]
reference = 30
every = 20
prdc = false
[sweep]
"diffusion.variance" = ["fixed_small", "learned_range"]
"network.attention" = [[], [4]]
"data.size" = [8, 7]
SPEC
"$gdiff" run "$work/unet.toml" --out "$work/images" --quiet
for size in 8 7; do
    "$gdiff" data "$work/unet.toml" --set sweep=unset --set data.size=$size --count 3 --out "$work/points-$size.csv"
done
for run in "$work"/images/runs/*; do
    size=$(sed -n 's/.*"image":\[1,\([0-9]*\),.*/\1/p' "$run/config.json")
    for t in 1 7 20; do
        target/release/examples/predict "$run" "$work/points-$size.csv" "$t" >"$run/predicted-$t.csv"
    done
done
printf 'x0,x1\n0.3,-0.2\n-1.4,0.9\n0.0,0.0\n2.5,3.5\n' >"$work/points.csv"
for run in "$work"/out/runs/*; do
    for t in 1 7 20; do
        target/release/examples/predict "$run" "$work/points.csv" "$t" >"$run/predicted-$t.csv"
    done
done
"$python" scripts/model_test.py "$work"
