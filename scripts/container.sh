#!/usr/bin/env bash
# Builds the container image `gdiff` and runs `gdiff --version` in it, with docker or podman, whichever answers, or with
# buildah, which needs no service.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for engine in docker podman; do
    if "$engine" info >/dev/null 2>&1; then
        "$engine" build --file scripts/Containerfile --tag gdiff .
        exec "$engine" run --rm gdiff --version
    fi
done
if command -v buildah >/dev/null; then
    buildah build --file scripts/Containerfile --tag gdiff .
    container=$(buildah from gdiff)
    trap 'buildah rm "$container" >/dev/null' EXIT
    buildah run "$container" -- gdiff --version
    exit
fi
echo "Neither docker nor podman answers here, and there is no buildah: start or install one, then run this again." >&2
exit 1
