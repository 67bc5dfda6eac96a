#!/usr/bin/env bash
# How time and memory grow with points, dimensions, width and steps, up to a whole job of a million points, beside the
# fast Python peer. Builds, makes the peers' environment as compare.sh does, writes results/speed/growth.csv and growth.md.
# Takes minutes on a quiet machine; --quick is a smoke run.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/compare/prepare.sh
peers
exec python3 scripts/compare/growth.py --gdiff "$gdiff" --bench "$bench" --python "$venv/bin/python" "$@"
