#!/usr/bin/env bash
# From a fresh machine to results: installs what is missing, builds, and runs the main experiment.
# Arguments go to `gdiff run`; the default is configs/gmm_width16.toml.
set -euo pipefail
. "$(dirname "$0")/common.sh"

build
if [ $# -eq 0 ]; then
    set -- configs/gmm_width16.toml
fi
"$gdiff" run "$@"
