#!/usr/bin/env bash
# A look inside the reverse process: writes results/inside/. Quality against network calls (configs/study/calls.toml), with a
# learned variance too (configs/study/learned_variance.toml), and against the step of a late start
# (configs/study/late_start.toml), the error over t and the likelihood of networks of every
# width (configs/gmm_widths.toml), and on the mixtures of configs/suite/ when the samples choose their modes and how likely
# held-out points are. About half an hour on two quiet cores; a second call goes on where the first was stopped. Arguments go
# to every `gdiff run`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
out=results/inside
work=${INSIDE_WORK:-target/inside}
mkdir -p "$work" "$out"
everything=(--set diagnostics.cloning=true --set diagnostics.error_over_t=true --set diagnostics.likelihood=1000)

study() { # its folder, its spec, and what is set
    local name=$1 spec=$2
    shift 2
    echo "inside: $name"
    "$gdiff" run "$spec" --out "$work/$name" --quiet "$@"
    mkdir -p "$out/$name"
    cp "$work/$name/summary.csv" "$work/$name/provenance.json" "$out/$name/"
}
picture() { # a study's folder, and figures of it, each with another name behind a colon if it is to have one
    local folder=$work/$1 name as
    shift
    "$gdiff" plot "$folder" >/dev/null
    "$gdiff" plot "$folder" --dark >/dev/null
    for as in "$@"; do
        name=${as%:*} as=${as#*:}
        cp "$folder/figures/$name.png" "$out/$as.png"
        cp "$folder/figures/$name-dark.png" "$out/$as-dark.png"
    done
}

study calls configs/study/calls.toml "$@"
picture calls calls
study learned_variance configs/study/learned_variance.toml "$@"
picture learned_variance calls:learned_variance
study late_start configs/study/late_start.toml "$@"
picture late_start starts
study widths configs/gmm_widths.toml "${everything[@]}" "$@"
picture widths bifurcation error_over_t
names=()
for spec in configs/suite/*.toml configs/suite/shapes/*.toml; do
    name=$(basename "$spec" .toml)
    case $spec in */shapes/*) name=shapes_$name ;; esac
    # In 16 dimensions the divergence and the map take an hour: INSIDE_SIXTEEN=yes asks for it.
    if [ "$name" = sixteen ] && [ "${INSIDE_SIXTEEN:-no}" = no ]; then continue; fi
    names+=("$name")
    study "suite_$name" "$spec" --set 'sweep={}' --set replicates=5 --set metrics.every=1 \
        --set 'pipelines=["baseline", "ica_kde", "gaussianized", "exact"]' \
        --set diagnostics.cloning=true --set diagnostics.likelihood=1000 "$@"
done

{
    echo "# Inside the reverse process"
    echo
    echo "Made by \`./scripts/inside.sh${*:+ $*}\`; $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores." \
        "\`provenance.json\` of each folder here says which commit of gdiff $("$gdiff" --version | cut -d' ' -f2) made it."
    echo
    cat scripts/inside.md
    echo
    python3 scripts/inside.py "$out" "$work" "${names[@]}"
} >"$out/README.md.part"
mv "$out/README.md.part" "$out/README.md"
cat "$out/README.md"
