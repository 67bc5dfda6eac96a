#!/usr/bin/env bash
# Do the first paper's claims hold, mixture by mixture? Runs configs/suite/*.toml and configs/suite/shapes/*.toml at
# width 16 with 10 replicates, with and without rescaled betas, and at width 128 with 3; writes results/claims/. An hour
# and a half on two quiet cores, with CLAIMS_WIDE=no (without the networks of width 128) 20 minutes; a second call goes on
# where the first was stopped. Arguments go to every `gdiff run`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
out=results/claims
work=${CLAIMS_WORK:-target/claims}
mkdir -p "$work"
names=()
for spec in configs/suite/*.toml configs/suite/shapes/*.toml; do
    name=$(basename "$spec" .toml)
    case $spec in */shapes/*) name=shapes_$name ;; esac
    names+=("$name")
    echo "claims: $name"
    "$gdiff" run "$spec" --out "$work/$name" --quiet "$@"
    folders=("$name")
    if [ "${CLAIMS_WIDE:-yes}" != no ]; then
        folders+=("$name-wide")
        "$gdiff" run "$spec" --out "$work/$name-wide" --quiet --set 'sweep={}' --set network.width=128 --set replicates=3 \
            --set 'pipelines=["baseline", "ica_kde", "gaussianized"]' --set metrics.every=20 "$@"
    fi
    for folder in "${folders[@]}"; do
        mkdir -p "$out/$folder"
        cp "$work/$folder/summary.csv" "$work/$folder/provenance.json" "$out/$folder/"
    done
done

{
    echo "# The first paper's claims, mixture by mixture"
    echo
    echo "Made by \`${CLAIMS_WIDE:+CLAIMS_WIDE=$CLAIMS_WIDE }./scripts/claims.sh${*:+ $*}\`; gdiff $("$gdiff" --version | cut -d' ' -f2)," \
        "commit $(sed -n 's/.*"git_commit": "\(.*\)".*/\1/p' "$out/grid4/provenance.json"), $(date -u +%F)," \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores."
    echo
    cat scripts/claims.md
    echo
    python3 scripts/claims.py "$out" "${names[@]}"
} >"$out/README.md"
cat "$out/README.md"
