#!/usr/bin/env bash
# What a GPU brings: training with runs side by side, sampling and PRDC on the GPU and on the cores, and PyTorch on the
# same GPU, as a table in results/cuda/gpu.md. Needs a GPU, a program built by scripts/build-cuda.sh, and a Python with PyTorch.
#
#     scripts/cuda_bench.sh                                  # target/cuda/release/gdiff, python3
#     GDIFF=path/to/gdiff PYTHON=path/to/python scripts/cuda_bench.sh --out FILE
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/compare/cuda_bench.py --gdiff "${GDIFF:-target/cuda/release/gdiff}" "$@"
