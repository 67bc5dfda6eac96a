#!/usr/bin/env bash
# What metrics say of real images that were made worse in known ways: writes results/images/real_controls.md as a whole, with its
# tables and figures beside it, for the digits and for Fashion-MNIST (scripts/datasets.sh), in pixels and in features of a network
# with random weights, for several numbers of images. Half an hour at most on two cores.
#
#     ./scripts/real_controls.sh [FOLDER OF FASHION-MNIST [FOLDER OF RESULTS]]
. "$(dirname "$0")/common.sh"
build
fashion=${1:-/usr/share/datasets/fashion-mnist}
out=${2:-results/images}
spec=configs/images/real_controls.toml
mkdir -p "$out"
if [ ! -d "$fashion" ]; then
    echo "$fashion is no folder: ./scripts/datasets.sh installs Fashion-MNIST and says where its files are" >&2
    exit 2
fi

controls() { # NAME ARGUMENTS..
    "$gdiff" controls "$spec" --features pixels,random --frechet \
        --out "$out/real_controls_$1.csv" --plot "$out/real_controls_$1.svg" --dark "${@:2}"
}
controls digits --count 200,400,800
controls fashion data.name=unset "data.path=$fashion" metrics.reference=5000 sample.count=5000 replicates=3 --count 1000,2000,5000

awk -f scripts/real_controls.awk "$out/real_controls_digits.csv" "$out/real_controls_fashion.csv" >"$out/real_controls.md.new"
mv "$out/real_controls.md.new" "$out/real_controls.md"
