#!/usr/bin/env bash
# Counts the instructions of five hot paths with valgrind's callgrind, and compares them with the committed counts of
# results/speed/instructions.csv: exit code 1 where one has more than 3 % more. Seconds vary with the machine and its other
# guests; instructions do so only with the program, the compiler and the processor's instruction set, which valgrind shows
# without AVX-512.
#
#     scripts/bench_check.sh             # compare
#     scripts/bench_check.sh --write     # write the counts anew, after a change that is wanted
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/compare/prepare.sh
need_valgrind
exec python3 scripts/compare/instructions.py --bench "$bench" "$@"
