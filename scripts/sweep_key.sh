#!/usr/bin/env bash
# One key of a spec in a shell loop, one folder a value; a [sweep] table does the same in one command.
# Arguments: the key, its values in one word, a spec, then anything for `gdiff run`.
set -euo pipefail
key=${1:?give a key, for example network.width}
values=${2:?give its values, for example "16 32"}
spec=$(realpath "${3:?give a spec, for example configs/gmm_width16.toml}")
shift 3
. "$(dirname "$0")/common.sh"
build
name=$(basename "$spec" .toml)
for value in $values; do
    "$gdiff" run "$spec" --set "$key=$value" --out "results/$name-${key##*.}$value" "$@"
done
