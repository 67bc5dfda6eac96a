#!/usr/bin/env bash
# The second paper's tables of images (2 to 4) on images that anyone has: runs a config of configs/images, the controls of real
# images for it, and writes results/images/NAME.md beside the grids of samples.
#
#     scripts/images_table.sh                                      # the digits
#     scripts/images_table.sh fashion14 data.path=FOLDER           # another config, and arguments of gdiff run
#
# GDIFF=PATH takes a binary that is built already.
set -euo pipefail
name=digits
if [ $# -gt 0 ] && [[ $1 != *=* ]] && [[ $1 != --* ]]; then
    name=$1
    shift
fi
command="scripts/images_table.sh $name${*:+ $*}"
. "$(dirname "$0")/common.sh"
build
out=target/images/$name
mkdir -p "$out.controls" results/images
"$gdiff" run "configs/images/$name.toml" --out "$out" --plot --quiet "$@"
for features in pixels random; do
    "$gdiff" controls "configs/images/$name.toml" "$@" --set sweep=unset --features "$features" --frechet --out "$out.controls/$features.csv"
done
python3 scripts/images_table.py "$out" "$out.controls/pixels.csv" "$out.controls/random.csv" "$command" >"results/images/$name.md.part"
mv "results/images/$name.md.part" "results/images/$name.md"
for grid in "$out"/figures/grids*.png; do
    cp "$grid" "results/images/$name-${grid##*/}"
done
cat "results/images/$name.md"
