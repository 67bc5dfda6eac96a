#!/usr/bin/env bash
# Builds the container image `gdiff` and runs `gdiff --version` in it, with docker or podman, whichever answers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for engine in docker podman; do
    if "$engine" info >/dev/null 2>&1; then
        "$engine" build --file scripts/Containerfile --tag gdiff .
        exec "$engine" run --rm gdiff --version
    fi
done
echo "Neither docker nor podman answers here: start one of them, then run this again." >&2
exit 1
