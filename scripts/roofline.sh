#!/usr/bin/env bash
# How far the training and the sampling step are from what one core can do: results/speed/roofline.md, with the rate of
# multiply-adds in registers as the roof, the rate of the linked BLAS on the same products beside, and what the instructions
# that are not products do (by callgrind, by function).
set -euo pipefail
. "$(dirname "$0")/common.sh"
if ! command -v valgrind >/dev/null; then
    . scripts/packages.sh
    apt_install valgrind || { package_words >&2; exit 1; }
fi
build
bench=${BENCH:-$(cargo bench "${cargo_options[@]:1}" --bench compare --no-run 2>&1 | tee /dev/stderr |
    sed -n 's/^ *Executable .*(\(.*\))$/\1/p')}
exec python3 scripts/compare/roofline.py --bench "$bench" --gdiff "$gdiff" "$@"
