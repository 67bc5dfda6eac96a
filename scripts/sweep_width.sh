#!/usr/bin/env bash
# The first paper's widths, one run each. Arguments: a spec, then anything for `gdiff run`.
exec "$(dirname "$0")/sweep_key.sh" network.width "16 32 64 128" "$@"
