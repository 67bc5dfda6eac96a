#!/usr/bin/env bash
# Compares FID, KID, inception score, precision, recall, density and coverage with torch-fidelity and prdc on the same
# features, and the features of Inception-v3 with torch-fidelity's: results/images/tools.md. Some minutes; needs PyTorch.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. scripts/torch.sh
venv=target/compare/features
wanted=scripts/compare/features_requirements.txt
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    "$python" -m venv --system-site-packages --clear "$venv" >>"$packages_log" 2>&1 || skip "$python cannot make a venv"
    # Without their dependencies, torchvision among them, of which nothing is used here.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'numpy<2' scipy scikit-learn tqdm Pillow \
        >>"$packages_log" 2>&1 || skip "pip cannot install scikit-learn"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$wanted" \
        >>"$packages_log" 2>&1 || skip "pip cannot install torch-fidelity and prdc"
    cp "$wanted" "$venv/requirements.txt"
fi
build
"$venv/bin/python" scripts/compare/features.py --gdiff "$gdiff" --out results/images/tools.md
