#!/usr/bin/env bash
# Compares gdiff's Inception-v3 and ResNet-50, layer by layer, and the three ways of resizing with definitions of our own in
# PyTorch and numpy, with random weights. Skips with the reason where PyTorch cannot be had.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/torch.sh
build
cargo build "${cargo_options[@]}" --example network_layers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" scripts/features_test.py "$gdiff" target/release/examples/network_layers "$work"
