#!/usr/bin/env bash
# Where the processor's time goes in the main experiment, by source file: results/speed/profile.md. Needs perf (package
# linux-perf) and the right to use it.
set -euo pipefail
. "$(dirname "$0")/common.sh"
if ! command -v perf >/dev/null; then
    echo "perf is missing: install it (Debian: linux-perf), then run this again." >&2
    exit 1
fi
build
exec python3 scripts/compare/hot_spots.py --gdiff "$gdiff" "$@"
