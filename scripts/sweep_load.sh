#!/usr/bin/env bash
# For how much of the cores' time a sweep of 5,000 small runs computes: results/speed/sweep.md, from `gdiff run --trace`.
# Takes minutes; --runs N for fewer.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
exec python3 scripts/compare/sweep_load.py --gdiff "$gdiff" "$@"
