# Sourced after common.sh: sets `python` to one that has PyTorch. Where that cannot be had, ends the script as skip in
# packages.sh does.
# shellcheck shell=bash
. scripts/packages.sh

python=python3
if ! "$python" -c 'import torch' 2>/dev/null; then
    python=/usr/bin/python3
    if ! "$python" -c 'import torch' 2>/dev/null; then
        apt_install python3-torch || skip "python3-torch cannot be installed"
    fi
fi
