#!/usr/bin/env bash
# Installs what the build needs and is missing: a C toolchain and the system OpenBLAS (Debian-like systems).
# Without root, build with a library that needs none: GDIFF_FEATURES=openblas-static (or netlib-static,
# intel-mkl-static), and this script installs nothing.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "Rust is missing: install it (https://rustup.rs), then run this again." >&2
    exit 1
fi

if [ -n "${GDIFF_FEATURES:-}" ]; then
    exit 0
fi

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v pkg-config >/dev/null || missing+=(pkg-config)
pkg-config --exists openblas 2>/dev/null || missing+=(libopenblas-dev)
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "Missing: ${missing[*]}, and no right to install them." >&2
    echo "Ask for them, or use a library that needs no root: GDIFF_FEATURES=openblas-static $0" >&2
    exit 1
fi
. "$(dirname "$0")/packages.sh"
echo "Installing ${missing[*]}"
if ! apt_install "${missing[@]}"; then
    echo "Missing: ${missing[*]}, and apt-get cannot install them:" >&2
    package_words >&2
    exit 1
fi
