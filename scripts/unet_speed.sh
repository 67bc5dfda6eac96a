#!/usr/bin/env bash
# A training step of three U-Nets beside PyTorch on this machine, in turn, to results/speed/unet.md. Takes some minutes on a
# quiet machine. Arguments go to scripts/compare/unet.py (--rounds N, --seconds S, --threads N); PYTHON=PATH takes a python
# that has PyTorch, BENCH=PATH a benchmark that is built.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/compare/prepare.sh
python=${PYTHON:-}
if [ -z "$python" ]; then
    peers
    python=$venv/bin/python
fi
command="scripts/unet_speed.sh${*:+ $*}"
python3 scripts/compare/unet.py --bench "$bench" --python "$python" --command "$command" "$@" >results/speed/unet.md.part
mv results/speed/unet.md.part results/speed/unet.md
cat results/speed/unet.md
