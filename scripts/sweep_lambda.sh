#!/usr/bin/env bash
# The second paper's lambdas in a shell loop, for those who like one folder a run; a [sweep] table does the same in
# one command. Arguments: a spec, then anything for `gdiff run`.
set -euo pipefail
spec=$(realpath "${1:?give a spec, for example configs/gmm_width16.toml}")
shift
. "$(dirname "$0")/common.sh"
build
name=$(basename "$spec" .toml)
for lambda in 0 0.01 0.05 0.1 0.3; do
    "$gdiff" run "$spec" --set train.isotropy.lambda="$lambda" --out "results/$name-lambda$lambda" "$@"
done
