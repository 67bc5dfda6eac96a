#!/usr/bin/env bash
# Walks through README.md as a stranger would: copies its first spec and every command out of it and runs them one after the
# other, in an empty folder. Prints each command, how long it took and what it printed first; fails where one fails, or where
# the table beside the first run is not what that run prints.
set -euo pipefail
. "$(dirname "$0")/common.sh"
root=$PWD
begun=$SECONDS
./scripts/quickstart.sh
work=$root/target/walk/stranger
rm -rf "$work"
mkdir -p "$work"
cargo install --path . --locked --root "$work/installed" --target-dir target --quiet
export PATH="$work/installed/bin:$PATH"
cd "$work"
ln -s "$root/configs" configs

awk '/^```toml$/ { code = 1; next } /^```$/ { code = 0 } code' "$root/README.md" >first.toml
awk '/^    \| / { print substr($0, 5) }' "$root/README.md" >expected.txt
# What stands in capitals in README, and the second study and the points that its commands speak of.
prepare() {
    gdiff run first.toml network.width=16 replicates=2 train.epochs=20 --out results/second --quiet
    gdiff data first.toml --stream fresh --count 500 --out points.csv
    gdiff data first.toml --count 500 --out real.csv
}
words=(SPEC=first.toml DIR_A=results/first DIR_B=results/second RUN_A=results/first/runs/baseline-r0
    RUN_B=results/first/runs/gaussianized-r0 TABLE=points.csv MAP=map.safetensors REAL=real.csv FAKE=points.csv
    DIR=results/planned KEY=train.ema)
# The two studies among the questions train for minutes: here with fewer of everything.
small=(replicates=1 train.epochs=1 sample.count=200 metrics.reference=200)

commands=0
while read -r line; do
    for word in "${words[@]}"; do
        line=$(sed -E "s#(^| )${word%%=*}( |\$)#\1${word#*=}\2#g" <<<"$line")
    done
    read -ra command <<<"$line"
    case $line in *configs/study/*) command+=("${small[@]}") ;; *"gdiff init") command+=(started.toml) ;; esac
    [ -d results/second ] || [[ $line == *"run first.toml --plot"* ]] || prepare
    from=$EPOCHREALTIME
    echo "\$ ${command[*]}"
    "${command[@]}" >printed.txt 2>messages.txt || {
        cat printed.txt messages.txt
        echo "FAILED: a command of README.md: $line" >&2
        exit 1
    }
    head -n 3 printed.txt
    awk -v from="$from" -v to="$EPOCHREALTIME" 'BEGIN { printf "    (%.1f s)\n", to - from }'
    commands=$((commands + 1))
    [[ $line != *"run first.toml --plot"* ]] || cp printed.txt first.txt
done < <(grep -oP '`gdiff [^`]*`' "$root/README.md" | tr -d '`' | awk '!seen[$0]++' |
    awk '/run first.toml --plot/ { print; next } { rest[++n] = $0 } END { for (i = 1; i <= n; i++) print rest[i] }')
[ "$commands" -ge 12 ] || { echo "FAILED: README.md has but $commands commands" >&2; exit 1; }
[ -f results/first/report.html ] || { echo "FAILED: the first run drew no page" >&2; exit 1; }
python3 "$root/scripts/walk_test.py" expected.txt first.txt
echo "$commands commands of README.md, $((SECONDS - begun)) s"
