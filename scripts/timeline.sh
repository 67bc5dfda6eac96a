#!/usr/bin/env bash
# What each thread does while the main experiment runs, and for how much of the time a core is idle:
# results/speed/timeline.md, from `gdiff run --trace`. Wants a quiet machine.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
exec python3 scripts/compare/timeline.py --gdiff "$gdiff" "$@"
