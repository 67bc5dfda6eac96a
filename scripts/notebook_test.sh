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
"$python" scripts/notebook_test.py "$work/quick"
