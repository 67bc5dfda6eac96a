#!/usr/bin/env bash
# Runs the programs of examples/ as their first lines say, and checks what they print.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
cargo build "${cargo_options[@]}" --examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
programs=$PWD/target/release/examples
printf 'name = "moons"\n[data]\nkind = "two_moons"\nsamples = 4000\n' >"$work/moons.toml"
"$gdiff" data "$work/moons.toml" --out "$work/real.csv"
"$gdiff" data "$work/moons.toml" --stream fresh --count 4000 --out "$work/fresh.csv"

value() { # the number behind a name in what a program printed
    grep -oP "^$2 +\K[0-9.e-]+" "$work/$1.txt"
}
at_least() { # a number, and another that it must reach
    awk -v value="$1" -v least="$2" 'BEGIN { exit !(value >= least) }' || { echo "FAILED: $1 is below $2" >&2; exit 1; }
}
"$programs/gaussianize_table" "$work/real.csv" "$work/new.csv" | tee "$work/map.txt"
at_least 1e-6 "$(value map "there and back: largest error")"
if "$programs/gaussianize_table" "$work/real.csv" "$work/new.csv" >/dev/null 2>&1; then
    echo "FAILED: gaussianize_table wrote over a file" >&2
    exit 1
fi
"$programs/prdc_of_two_tables" "$work/real.csv" "$work/fresh.csv" >"$work/fresh.txt"
"$programs/prdc_of_two_tables" "$work/real.csv" "$work/new.csv" | tee "$work/new.txt"
for metric in precision recall coverage; do
    at_least "$(value new $metric)" "$(awk -v floor="$(value fresh $metric)" 'BEGIN { print floor - 0.1 }')"
done
"$programs/train_and_sample" | tee "$work/training.txt"
# Distances of a trained network, and not of a collapsed or a lucky one.
network=$(value training "sliced W2 of the samples of the network")
at_least 0.3 "$network"
at_least "$network" "$(awk -v exact="$(value training "sliced W2 of the samples of the exact denoiser")" 'BEGIN { print 0.5 * exact }')"
