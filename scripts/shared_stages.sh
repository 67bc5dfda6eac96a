#!/usr/bin/env bash
# What it saves that runs share their stages (data, metrics of real points, fits): a mixture of the claims study as one
# study, and as a study for each schedule and pipeline, in turn. Writes results/speed/shared.md. A few minutes on two
# quiet cores; ROUNDS=N for more than three rounds, and arguments go to every `gdiff run`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
spec=configs/suite/aniso5.toml
pipelines=(baseline ica_kde sharper gaussianized exact)
rounds=${ROUNDS:-3}
settings=(--quiet --set replicates=4 "$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

together() { # a folder
    "$gdiff" run "$spec" --out "$1" "${settings[@]}" >/dev/null
}
apart() { # a folder
    local rescale pipeline
    for rescale in true false; do
        for pipeline in "${pipelines[@]}"; do
            "$gdiff" run "$spec" --out "$1/$pipeline-$rescale" "${settings[@]}" sweep=unset \
                "diffusion.rescale=$rescale" "pipelines=[\"$pipeline\"]" >/dev/null
        done
    done
}
seconds() { # a command
    local begun=$EPOCHREALTIME
    "$@"
    awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", b - a }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.1f\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
for round in $(seq "$rounds"); do
    seconds together "$work/together-$round" >>"$work/together.txt"
    seconds apart "$work/apart-$round" >>"$work/apart.txt"
done
a=$(median <"$work/together.txt")
b=$(median <"$work/apart.txt")
# The same runs, to the last bit.
sums() { sha256sum "$@" | cut -d' ' -f1 | sort; }
cmp <(sums "$work"/together-1/runs/*/samples.csv) <(sums "$work"/apart-1/*/runs/*/samples.csv)
out=results/speed/shared.md
{
    echo "# What shared stages save"
    echo
    echo "Made by \`./scripts/shared_stages.sh${*:+ $*}\`; $("$gdiff" -V), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
        "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(date -u +%F)."
    echo
    echo "\`$spec\`, two schedules and ${#pipelines[@]} pipelines, four replicates: as one study, whose runs share data, metrics of real points"
    echo "and fits, and as $((2 * ${#pipelines[@]})) studies, which compute them each for itself, to the same samples bit for bit. Medians of $rounds rounds in turn."
    echo
    echo "| | seconds |"
    echo "| --- | ---: |"
    echo "| one study | $a |"
    echo "| a study for each schedule and pipeline | $b |"
    echo "| ratio | $(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b / a }') |"
} >"$out.part"
mv "$out.part" "$out"
cat "$out"
