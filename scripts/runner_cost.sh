#!/usr/bin/env bash
# What the runner itself costs: planning 10,000 points, a run beyond its own compute, looking through 10,000
# finished runs. Writes results/runner/cost.md. Takes a few minutes and half a gigabyte of scratch space.
set -euo pipefail
. "$(dirname "$0")/common.sh"
build
gdiff=$(realpath "$gdiff")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p results/runner
report="$PWD/results/runner/cost.md"
load=$(cut -d' ' -f1-3 /proc/loadavg)
cd "$scratch"

cat >tiny.toml <<'SPEC'
name = "tiny"
pipelines = ["baseline"]
[data]
kind = "gmm"
samples = 40
[[data.components]]
mean = [-1.0, 0.0]
std = 0.3
[[data.components]]
mean = [1.0, 0.5]
std = 0.3
[diffusion]
steps = 3
[network]
hidden = [4]
time_dim = 4
[train]
iterations = 2
batch_size = 16
[sample]
count = 20
[metrics]
reference = 20
SPEC
points() { # a spec with so many points
    cat tiny.toml
    echo '[sweep]'
    seq "$1" | awk '{ values = values (NR > 1 ? ", " : "") 0.001 + $1 * 1e-7 } END { print "train.learning_rate = [" values "]" }' \
        OFMT=%.7f CONVFMT=%.7f
}
points 10000 >many.toml
points 200 >some.toml

sorted=()
measure() { # how often, a command: wall-clock seconds of each time, sorted
    local times=$1 begin
    shift
    mapfile -t sorted < <(for _ in $(seq "$times"); do
        begin=$EPOCHREALTIME
        "$@" >/dev/null
        awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.4f\n", b - a }'
    done | sort -g)
}
row() { # what, bound, unit: of the last measurement
    echo "| $1 | $2 $3 | ${sorted[0]} $3 | ${sorted[${#sorted[@]} / 2]} $3 | ${#sorted[@]} |"
}
plan() { rm -rf plan && "$gdiff" sweep plan many.toml --out plan; }
# Wall clock beyond the runs' own stages (fit, training, sampling), milliseconds a run.
beyond() {
    "$gdiff" run some.toml --out "some$1" --quiet --jobs 1
    awk -F'[:,]' '/"seconds":/ { wall = $2 } /"(gaussianize|train|sample)":/ { own += $2 }
        END { printf "%.2f\n", 1000 * (wall - own) / 200 }' "some$1/provenance.json"
}
alone() { # the same for a run that has a process of its own, of the plan of 10,000
    local begin=$EPOCHREALTIME
    "$gdiff" sweep exec plan --index "$1" --quiet
    local end=$EPOCHREALTIME status
    status=$(ls -td plan/runs/* | head -n 1)/status.json
    awk -F'[:,]' -v wall="$begin $end" '/"(gaussianize|train|sample)":/ { own += $2 }
        END { split(wall, w, " "); printf "%.2f\n", 1000 * (w[2] - w[1] - own) }' "$status"
}

{
    echo "# What the runner costs"
    echo
    echo "Made by \`./scripts/runner_cost.sh\`; gdiff $("$gdiff" --version | cut -d' ' -f2), $(date -u +%F)," \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, shared with other work" \
        "(load average at the start: $load), $(stat -f -c %T .) file system. Wall-clock time; runs are tiny, so that the" \
        "runner is what is measured."
    echo
    echo "| what | bound | smallest | median | times |"
    echo "| --- | --- | --- | --- | --- |"
    measure 5 plan
    row "planning 10,000 points (\`sweep plan\`)" 1 s
    mapfile -t sorted < <(for i in 1 2 3 4 5; do beyond "$i"; done | sort -g)
    row "a run beyond its own stages, one of 200 in one process (\`run --jobs 1\`)" 20 ms
    mapfile -t sorted < <(for i in $(seq 100 120); do alone "$i"; done | sort -g)
    row "a run beyond its own stages, in a process of its own, of a plan of 10,000 (\`sweep exec\`)" 20 ms
    "$gdiff" run many.toml --out many --quiet
    measure 5 "$gdiff" run many.toml --out many
    row "10,000 finished runs: \`run\` again" 2 s
    measure 5 "$gdiff" ls many
    row "10,000 finished runs: \`ls\`" 2 s
    "$gdiff" sweep plan many.toml --out many >/dev/null
    measure 5 "$gdiff" sweep status many
    row "10,000 finished runs: \`sweep status\`" 2 s
    measure 5 "$gdiff" sweep submit many --dry-run
    row "10,000 finished runs: \`sweep submit --dry-run\`" 2 s
    measure 5 "$gdiff" sweep collect many
    row "10,000 finished runs: \`sweep collect\`, which writes their tables" 2 s
} >"$report.new"
mv "$report.new" "$report"
cat "$report"
