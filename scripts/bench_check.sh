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
if ! command -v valgrind >/dev/null; then
    . scripts/packages.sh
    apt_install valgrind || { package_words >&2; exit 1; }
fi
bench=${BENCH:-$(cargo bench "${cargo_options[@]:1}" --bench compare --no-run 2>&1 | tee /dev/stderr |
    sed -n 's/^ *Executable .*(\(.*\))$/\1/p')}
exec python3 scripts/compare/instructions.py --bench "$bench" "$@"
