#!/usr/bin/env bash
# Copies the Python programs out of docs/map.md and compares their z with those of `gdiff gaussianize apply`, for every kind of
# layer and transform that they know, at points of the data's law and far outside. Skips with the reason where numpy and scipy
# cannot be had.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/packages.sh
python=${MAP_PYTHON:-python3}
if ! "$python" -c 'import numpy, scipy' 2>/dev/null; then
    . scripts/python.sh
fi
build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk '/^```python$/ { code = 1; next } /^```$/ { code = 0 } code' docs/map.md >"$work/map.py"
awk '/^```python mixture$/ { code = 1; next } /^```$/ { code = 0 } code' docs/map.md >"$work/mixture.py"
"$python" scripts/map_test.py "$gdiff" "$work"
