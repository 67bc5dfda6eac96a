#!/usr/bin/env bash
# The ways of Gaussianizing that were tried, on every mixture of configs/suite: mean log-density of fresh points
# under the map, and mean true log-likelihood of the map's own samples (step 0 of the Gaussianized pipeline).
# Writes results/gaussianize/suite.md. SEEDS=5 takes five data sets instead of three.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
seeds=${SEEDS:-3}
out=results/gaussianize
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# name | flags of `gdiff gaussianize fit`
variants='default|
joint, kernels half as wide|--pair-factor 0.5
joint, kernels 1.5 times as wide|--pair-factor 1.5
pairs of sliced axes|--coupling pairs
sliced marginals, 0.3 x Silverman|--coupling marginal --patience 5
sliced marginals, 0.3 x Silverman, 100 layers unwatched|--coupling marginal --layers 100 --held-out 0
sliced marginals, ISJ|--coupling marginal --patience 5 --bandwidth isj --bandwidth-factor 1
ICA then random, 0.3 x Silverman, 20 layers|--coupling marginal --rotation ica_random --layers 20 --held-out 0
the paper: 5 x ICA, Silverman|--coupling marginal --rotation ica --layers 5 --bandwidth-factor 1 --tails kernel --held-out 0'

{
    echo "# Gaussianizing the suite, several ways"
    echo
    echo "Made by \`SEEDS=$seeds ./scripts/gaussianize_variants.sh\`; $("$gdiff" -V)," \
        "$(date -u +%F), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
        "$(nproc) cores. 10,000 points to fit, 10,000 fresh ones, 10,000 samples; medians over $seeds data sets."
    echo
    cat scripts/gaussianize_variants.md
} >"$out/suite.md"

for spec in configs/suite/*.toml; do
    name=$(basename "$spec" .toml)
    rm -f "$work"/rows
    for ((seed = 0; seed < seeds; seed++)); do
        "$gdiff" data "$spec" --set seed="$seed" --out "$work/train.npy"
        "$gdiff" data "$spec" --set seed="$seed" --stream reference --out "$work/fresh.npy"
        truth=$("$gdiff" metrics "$work/train.npy" "$work/fresh.npy" --spec "$spec" --json | sed 's/.*"log_likelihood":\([^,}]*\).*/\1/')
        echo "data|$truth|$truth|0" >>"$work/rows"
        while IFS='|' read -r variant flags; do
            begin=$(date +%s.%N)
            # shellcheck disable=SC2086
            if "$gdiff" gaussianize fit "$work/train.npy" --out "$work/map" --seed "$seed" $flags >/dev/null 2>"$work/error"; then
                end=$(date +%s.%N)
                fresh=$("$gdiff" gaussianize apply "$work/map" "$work/fresh.npy" --out "$work/z.npy" | sed 's/mean log-density \([^ ]*\).*/\1/')
                "$gdiff" gaussianize sample "$work/map" --count 10000 --seed "$seed" --out "$work/x.npy"
                own=$("$gdiff" metrics "$work/fresh.npy" "$work/x.npy" --spec "$spec" --json | sed 's/.*"log_likelihood":\([^,}]*\).*/\1/')
                echo "$variant|$fresh|$own|$(awk -v a="$begin" -v b="$end" 'BEGIN { print b - a }')" >>"$work/rows"
            else
                echo "$name, $variant: $(cat "$work/error")" >&2
            fi
        done <<<"$variants"
    done
    awk -F'|' -v name="$name" '
        function median(list, n,   i, j, v, t) {
            for (i = 1; i <= n; i++) v[i] = list[i] + 0
            for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
            return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
        }
        !($1 in count) { order[++kinds] = $1 }
        { n = ++count[$1]; for (c = 2; c <= 4; c++) value[$1, c, n] = $c }
        END {
            for (k = 1; k <= kinds; k++) {
                variant = order[k]
                for (c = 2; c <= 4; c++) {
                    for (i = 1; i <= count[variant]; i++) list[i] = value[variant, c, i]
                    m[c] = median(list, count[variant])
                }
                if (variant == "data") {
                    printf "## %s (data %.3f)\n\n| map | fresh points | own samples | fit, s |\n| --- | ---: | ---: | ---: |\n", name, m[2]
                } else printf "| %s | %.3f | %.3f | %.2f |\n", variant, m[2], m[3], m[4]
            }
            print ""
        }' "$work/rows" >>"$out/suite.md"
done

# Data that are no mixtures: the log-density of fresh points alone.
{
    echo "## No mixtures: log-density of fresh points"
    echo
    echo "| map | swiss_roll | circles | checkerboard | pinwheel |"
    echo "| --- | ---: | ---: | ---: | ---: |"
    while IFS='|' read -r variant flags; do
        row="| $variant |"
        for kind in swiss_roll circles checkerboard pinwheel; do
            printf 'name = "x"\n[data]\nkind = "%s"\n' "$kind" >"$work/shape.toml"
            "$gdiff" data "$work/shape.toml" --out "$work/train.npy"
            "$gdiff" data "$work/shape.toml" --stream fresh --out "$work/fresh.npy"
            # shellcheck disable=SC2086
            "$gdiff" gaussianize fit "$work/train.npy" --out "$work/map" $flags >/dev/null
            row+=" $("$gdiff" gaussianize apply "$work/map" "$work/fresh.npy" --out "$work/z.npy" | sed 's/mean log-density \([^ ]*\).*/\1/') |"
        done
        echo "$row"
    done <<<"$variants"
} >>"$out/suite.md"
cat "$out/suite.md"
