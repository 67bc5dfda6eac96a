#!/usr/bin/env bash
# gdiff beside PyTorch, JAX, prdc, scipy and numpy on this machine, in turn, one thread against one and two against
# two. Builds, puts the peers into target/compare/venv (6 GB with the plain torch wheel, see scripts/compare/requirements.txt),
# writes results/speed/compare.csv and compare.md and the tables in docs/speed.md. Takes minutes on a quiet machine;
# --quick is a smoke run. PYTHON=python3.12 takes that one.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/compare/prepare.sh
peers
exec python3 scripts/compare/compare.py --gdiff "$gdiff" --bench "$bench" --python "$venv/bin/python" "$@"
