#!/usr/bin/env bash
# The second paper's lambdas, one run each. Arguments: a spec, then anything for `gdiff run`.
exec "$(dirname "$0")/sweep_key.sh" train.isotropy.lambda "0 0.01 0.05 0.1 0.3" "$@"
