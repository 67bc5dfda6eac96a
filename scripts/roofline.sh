#!/usr/bin/env bash
# How far the training and the sampling step are from what one core can do: results/speed/roofline.md, with the rate of
# multiply-adds in registers as the roof, the rate of the linked BLAS on the same products beside, and what the instructions
# that are not products do (by callgrind, by function).
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/compare/prepare.sh
need_valgrind
exec python3 scripts/compare/roofline.py --bench "$bench" --gdiff "$gdiff" "$@"
