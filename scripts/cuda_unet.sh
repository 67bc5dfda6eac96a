#!/usr/bin/env bash
# A training iteration of the network of Ho et al. 2020 on a GPU, beside PyTorch on the same GPU, as a table in
# results/cuda/unet.md. Needs a GPU, a program built by scripts/build-cuda.sh, and a Python with PyTorch.
#
#     scripts/cuda_unet.sh                                  # target/cuda/release/gdiff, python3
#     GDIFF=path/to/gdiff PYTHON=path/to/python scripts/cuda_unet.sh --out FILE
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/compare/cuda_unet.py --gdiff "${GDIFF:-target/cuda/release/gdiff}" "$@"
