#!/usr/bin/env bash
# Everything that must pass: format, tests, the commands of README.md one by one, the programs of examples/, the long
# fuzzing of the spec reader, lints, documentation, and, where they can be had, a sweep on a real Slurm, the notebook, the
# networks in PyTorch, and the page in a real browser. Installs what is missing, and says how long each part took. With
# CI=true a part is skipped only where the network cannot be reached. Beside it: scripts/msrv_test.sh, the oldest Rust.
set -euo pipefail
. "$(dirname "$0")/common.sh"
# As the program sets it for itself. With threads of OpenBLAS's own, called by many tests at once, a fit failed once under load that
# passes otherwise; whether they were the cause was not shown.
export OPENBLAS_NUM_THREADS=1

part() { # a name, then a command
    local begun=$SECONDS
    echo "== $1"
    "${@:2}"
    echo "== $1: $((SECONDS - begun)) s"
}
# Its count stands in what it prints; nothing found under its name is a failure.
fuzz() {
    GDIFF_FUZZ_SPECS=100000 cargo test "${cargo_options[@]}" --test it -- --nocapture fuzz_spec:: | tee target/fuzz.log
    grep -q "fuzz: 100000 mutated specs, 30000 overrides" target/fuzz.log
}
part "format" cargo fmt --check
part "tests" cargo test "${cargo_options[@]}"
part "fuzz" fuzz
part "lints" cargo clippy "${cargo_options[@]}" --all-targets -- -D warnings
part "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc "${cargo_options[@]}" --no-deps
part "slurm" ./scripts/slurm_test.sh
part "notebook" ./scripts/notebook_test.sh
part "walk" ./scripts/walk_test.sh
part "examples" ./scripts/examples_test.sh
part "model" ./scripts/model_test.sh
part "features" ./scripts/features_test.sh
part "map" ./scripts/map_test.sh
part "browser" ./scripts/browser_test.sh
