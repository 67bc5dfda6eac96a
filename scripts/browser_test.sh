#!/usr/bin/env bash
# Opens report.html of a run and of a sweep of 500 in a headless chromium. Installs Debian's chromium where it may,
# and skips with a word where neither that nor pip has access. Screenshots go to target/screenshots.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/python.sh
if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    { as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends chromium chromium-driver; } \
        || skip "chromium and chromedriver are not there, and apt-get cannot install them"
fi
build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$gdiff" run configs/quick.toml --out "$work/one" --quiet --plot
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
iterations = 60
log_every = 5
batch_size = 64
[sample]
count = 200
[metrics]
reference = 200
[sweep]
"network.time_dim" = [2, 4, 6, 8, 10]
"train.learning_rate" = [1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3, 8e-3, 1e-2, 1.5e-2, 2e-2, 2.5e-2, 3e-2, 3.5e-2, 4e-2, 4.5e-2, 5e-2, 5.5e-2, 6e-2, 7e-2, 8e-2, 9e-2, 1e-1, 1.1e-1, 1.2e-1]
SPEC
"$gdiff" run "$work/many.toml" --out "$work/many" --quiet --plot
"$python" scripts/browser_test.py "$work/one/report.html" "$work/many/report.html"
