#!/usr/bin/env bash
# The pictures of docs/findings.md: results/figures/. About five minutes on two cores.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
"$gdiff" run configs/gmm_widths.toml --plot --force
"$gdiff" plot results/gmm_widths --dark
mkdir -p results/figures
for name in clouds_width_16 log_likelihood; do
    cp "results/gmm_widths/figures/$name.png" "results/gmm_widths/figures/$name-dark.png" results/figures/
done
cp results/gmm_widths/{summary.csv,provenance.json} results/figures/
