#!/usr/bin/env bash
# What metrics say of real images that were made worse in known ways, as results/images/real_controls.md shows it: the digits for
# several numbers of images and in features, and Fashion-MNIST. Half an hour at most on two cores.
#
#     ./scripts/real_controls.sh [FOLDER OF FASHION-MNIST]
. "$(dirname "$0")/common.sh"
build
fashion=${1:-/usr/share/datasets/fashion-mnist}
spec=configs/images/real_controls.toml
"$gdiff" controls "$spec" --count 200,400,800
"$gdiff" controls "$spec" --count 800 --features random --frechet
if [ -d "$fashion" ]; then
    "$gdiff" controls "$spec" data.name=unset "data.path=$fashion" \
        metrics.reference=5000 sample.count=5000 replicates=3 --count 1000,5000
fi
