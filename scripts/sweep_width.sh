#!/usr/bin/env bash
# The first paper's widths in a shell loop, for those who like one folder a run; a [sweep] table does the same in
# one command. Arguments: a spec, then anything for `gdiff run`.
set -euo pipefail
spec=$(realpath "${1:?give a spec, for example configs/gmm_width16.toml}")
shift
. "$(dirname "$0")/common.sh"
build
name=$(basename "$spec" .toml)
for width in 16 32 64 128; do
    "$gdiff" run "$spec" --set network.width="$width" --out "results/$name-width$width" "$@"
done
