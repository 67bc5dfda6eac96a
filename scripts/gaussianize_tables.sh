#!/usr/bin/env bash
# The map against one Gaussian, Gaussian mixtures, kernel densities and the first paper's recipe, on tables that
# scikit-learn ships and on generators of known density: mean log-density of fresh points. Arguments go to
# scripts/compare/gaussianize_tables.py. Writes results/gaussianize/tables.md and tables.csv.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
venv=target/gaussianize/venv
wanted=scripts/compare/gaussianize_requirements.txt
if [ -z "${TABLES_PYTHON:-}" ]; then
    if ! cmp -s "$wanted" "$venv/requirements.txt"; then
        "${PYTHON:-python3}" -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --requirement "$wanted"
        cp "$wanted" "$venv/requirements.txt"
    fi
    TABLES_PYTHON=$venv/bin/python
fi
"$TABLES_PYTHON" scripts/compare/gaussianize_tables.py --gdiff "$gdiff" "$@"
