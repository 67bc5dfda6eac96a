#!/usr/bin/env bash
# Fashion-MNIST (70,000 grey images of 28 x 28 pixels, MIT licence) from Debian's package dataset-fashion-mnist: installs it,
# or, with a FOLDER, unpacks it there without root. Says where the files are.
#
#     ./scripts/datasets.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
. ./scripts/packages.sh

package=dataset-fashion-mnist
files=/usr/share/datasets/fashion-mnist
sums="b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7  train-images-idx3-ubyte.gz
cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa  t10k-images-idx3-ubyte.gz"

failed() {
    echo "$package cannot be had: $1" >&2
    package_words >&2
    exit 1
}

if [ $# -gt 0 ]; then
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    (cd "$work" && apt-get download "$package") >>"$packages_log" 2>&1 || failed "apt-get download"
    dpkg-deb -x "$work/$package"_*.deb "$work" || failed "dpkg-deb -x"
    cp "$work$files"/* "$folder"
    files=$folder
elif [ ! -f "$files/train-images-idx3-ubyte.gz" ]; then
    apt_install "$package" || failed "apt-get install"
fi
(cd "$files" && echo "$sums" | sha256sum --check --quiet) || failed "its files are not the known ones"

cat <<END
$files
    path = "$files"                                    70,000 images, training and test
    path = "$files/train-images-idx3-ubyte.gz"         60,000 training images
    path = "$files/t10k-images-idx3-ubyte.gz"          10,000 test images
END
