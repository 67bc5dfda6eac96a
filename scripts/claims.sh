#!/usr/bin/env bash
# Do the first paper's claims hold, mixture by mixture? Runs configs/suite/*.toml (baseline, Gaussianized with
# this project's map, and Gaussianized with the paper's own recipe, at widths 16 and 128) and writes
# results/claims/README.md. Arguments go to every `gdiff run`, e.g. --set replicates=5.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
out=results/claims
mkdir -p "$out"

# The paper's recipe: five layers of ICA with Silverman's bandwidth, plain kernel tails, nothing held out.
paper=(--set gaussianize.rotation=ica --set gaussianize.coupling=marginal --set gaussianize.layers=5
    --set gaussianize.bandwidth=silverman --set gaussianize.bandwidth_factor=1.0
    --set gaussianize.tails=kernel --set gaussianize.held_out=0.0
    --set 'pipelines=["gaussianized"]')

for spec in configs/suite/*.toml; do
    name=$(basename "$spec" .toml)
    "$gdiff" run "$spec" --out "$out/$name" --quiet "$@"
    "$gdiff" run "$spec" --out "$out/$name-paper" --quiet "${paper[@]}" "$@"
done

{
    echo "# The first paper's claims, mixture by mixture"
    echo
    echo "Made by \`./scripts/claims.sh${*:+ $*}\`; gdiff $("$gdiff" --version | cut -d' ' -f2)," \
        "commit $(sed -n 's/.*"git_commit": "\(.*\)".*/\1/p' "$out/grid4/provenance.json"), $(date -u +%F)," \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores."
    echo
    cat scripts/claims.md
    echo
    for spec in configs/suite/*.toml; do
        name=$(basename "$spec" .toml)
        awk -v name="$name" -f scripts/claims.awk "$out/$name/summary.csv" "$out/$name-paper/summary.csv"
    done
} >"$out/README.md"
cat "$out/README.md"
