#!/usr/bin/env bash
# Opens report.html of a run with diagnostics, of a sweep of 500 without, of late starts, and of a sweep over
# two widths, in a headless chromium.
# Installs Debian's chromium where it may, and skips with the reason where neither that nor pip has access. Screenshots
# go to target/screenshots.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/python.sh
if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    apt_install chromium chromium-driver || skip "chromium and chromedriver cannot be installed"
fi
build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$gdiff" run configs/quick.toml --set diagnostics.cloning=true --set diagnostics.error_over_t=true \
    --out "$work/one" --quiet --plot
# 500 runs that take no time: what counts is the page.
cat >"$work/many.toml" <<'SPEC'
name = "many"
replicates = 2
pipelines = ["baseline", "gaussianized"]
[data]
kind = "eight_gaussians"
samples = 200
scale = "standardize"
[gaussianize]
coupling = "marginal"
layers = 1
[diffusion]
steps = 20
[network]
hidden = [8, 8]
[train]
iterations = 300
log_every = 20
batch_size = 64
[sample]
count = 200
[metrics]
reference = 200
[sweep]
"network.time_dim" = [2, 4, 6, 8, 10]
"train.learning_rate" = [5e-3, 5.5e-3, 6e-3, 6.5e-3, 7e-3, 7.5e-3, 8e-3, 8.5e-3, 9e-3, 9.5e-3, 10e-3, 10.5e-3, 11e-3, 11.5e-3, 12e-3, 12.5e-3, 13e-3, 13.5e-3, 14e-3, 14.5e-3, 15e-3, 15.5e-3, 16e-3, 16.5e-3, 17e-3]
SPEC
"$gdiff" run "$work/many.toml" --out "$work/many" --quiet --plot
"$gdiff" run configs/quick.toml --set 'sample.start="late"' --out "$work/late" --quiet --plot
"$gdiff" run configs/quick.toml --set replicates=5 --set train.epochs=20 --set 'sweep."network.width"=[16,32]' \
    --set diagnostics.error_over_t=true --out "$work/sweep" --quiet --plot
"$python" scripts/browser_test.py "$work/one/report.html" "$work/many/report.html" "$work/late/report.html" \
    "$work/sweep/report.html"
