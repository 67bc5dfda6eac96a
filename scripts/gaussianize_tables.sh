#!/usr/bin/env bash
# The map against one Gaussian, Gaussian mixtures, kernel densities and the first paper's recipe, on tables that
# scikit-learn ships and on generators of known density: mean log-density of fresh points. Arguments go to
# scripts/compare/gaussianize_tables.py. Writes results/gaussianize/tables.md, tables.csv and tables_drawn.csv. With
# --public first, the map against public Gaussianizers and flows: scripts/compare/gaussianize_public.py writes public.md
# and public.csv. TABLES_PYTHON=PATH takes a Python that has the packages. Numbers that a call has measured are kept under
# target/gaussianize, so that a call goes on where one was cut short.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
what=gaussianize_tables wanted=scripts/compare/gaussianize_requirements.txt venv=target/gaussianize/venv
if [ "${1:-}" = --public ]; then
    shift
    what=gaussianize_public wanted=scripts/compare/gaussianize_public_requirements.txt venv=target/gaussianize/public_venv
    export OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=2
fi
if [ -z "${TABLES_PYTHON:-}" ]; then
    if ! cmp -s "$wanted" "$venv/requirements.txt"; then
        "${PYTHON:-python3}" -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --requirement "$wanted"
        cp "$wanted" "$venv/requirements.txt"
    fi
    TABLES_PYTHON=$venv/bin/python
fi
"$TABLES_PYTHON" "scripts/compare/$what.py" --gdiff "$gdiff" "$@"
