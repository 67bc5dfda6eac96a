#!/usr/bin/env bash
# Table 1 of the second paper (Iso-Diffusion): runs configs/iso/*.toml and prints, for each data set and metric,
# the paper's numbers, ours at each lambda with 95 % intervals, the control (the plain network with its output
# scaled), fresh real points, and a verdict by the paired interval. Also writes it to results/iso/table1.md, the
# isotropy along the forward process to results/iso/figure2.csv (Figure 2), by how much each lambda scaled the
# predictions to results/iso/scales.md, and the figure of the whole trade to results/iso/SET/.
#
#     scripts/iso_table1.sh                              # the paper's settings, 3 replicates
#     scripts/iso_table1.sh --set replicates=20          # goes on from there; finished runs are kept
#     scripts/iso_table1.sh --out results/iso_own --set data.reference_scale=own
#     scripts/iso_table1.sh --only central_banana        # one of the four data sets; again for more of them
#
# Arguments but --out DIR and --only SET go to `gdiff run`. GDIFF=PATH takes a binary that is built already.
set -euo pipefail

# The call, as a shell takes it.
command=scripts/iso_table1.sh
for argument in "$@"; do
    case $argument in
        *[!A-Za-z0-9_./=-]*) command+=" ${argument@Q}" ;;
        *) command+=" $argument" ;;
    esac
done
out=results/iso
arguments=()
sets=()
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=${2:?--out needs a folder}; shift 2 ;;
        --only) sets+=("${2:?--only needs a data set}"); shift 2 ;;
        *) arguments+=("$1"); shift ;;
    esac
done

. "$(dirname "$0")/common.sh"
build

[ ${#sets[@]} -gt 0 ] || sets=(swiss_roll scattered_moon moon_two_circles central_banana)
folders=()
for name in "${sets[@]}"; do
    "$gdiff" run "configs/iso/$name.toml" --out "$out/$name" --quiet ${arguments[@]+"${arguments[@]}"}
    folders+=("$out/$name")
done

tables=()
for folder in "${folders[@]}"; do
    tables+=("$folder/provenance.json" "$folder/summary.csv" "$folder/metrics.csv")
done
awk -v command="$command" -f scripts/iso_table1.awk "${tables[@]}" > "$out/table1.md.part"
mv "$out/table1.md.part" "$out/table1.md"

# The first run of each data set stands for all: lambda changes neither data nor noise.
awk -F, '
    FNR == 1 {
        for (i = 1; i <= NF; i++) column[$i] = i
        set = FILENAME; sub(/\/isotropy.csv$/, "", set); sub(/.*\//, "", set)
        first = ""
        if (NR == 1) print "data,t,isotropy,formula"
        next
    }
    first == "" { first = $1 }
    $1 == first { print set "," $column["t"] "," $column["isotropy"] "," $column["formula"] }
' "${folders[@]/%//isotropy.csv}" > "$out/figure2.csv.part"
mv "$out/figure2.csv.part" "$out/figure2.csv"

# What the loss asks for and what the networks reached.
{
    echo "# By how much the isotropy term scales the predictions"
    for folder in "${folders[@]}"; do
        runs=("$folder"/runs/*/status.json)
        printf '\n`gdiff isotropy %s/runs/*`\n\n' "$folder"
        "$gdiff" isotropy "${runs[@]%/status.json}" --out "$folder/scales.csv"
    done
} > "$out/scales.md.part"
mv "$out/scales.md.part" "$out/scales.md"
for folder in "${folders[@]}"; do
    "$gdiff" plot "$folder" > "$folder/plot.log"
    "$gdiff" plot "$folder" --dark > "$folder/plot.log"
done

cat "$out/table1.md" "$out/scales.md"
