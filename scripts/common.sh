# Sourced by the other scripts: goes to the repository's root, installs what is missing, sets cargo's options.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
./scripts/install.sh

# One profile for running and testing, so that nothing is compiled twice.
cargo_options=(--release --locked)
if [ -n "${GDIFF_FEATURES:-}" ]; then
    cargo_options+=(--no-default-features --features "$GDIFF_FEATURES,figures,tensorboard")
fi

# The binary to run: GDIFF=PATH uses one that is built already.
gdiff=${GDIFF:-target/release/gdiff}
build() {
    if [ -z "${GDIFF:-}" ]; then
        cargo build "${cargo_options[@]}"
    fi
}
