#!/usr/bin/env bash
# Compares the tables of the studies in tests/frozen, byte for byte, between this tree and another revision (the
# commit before, if none is given): a change that is not meant to change results must not change a byte of them.
#   ./scripts/frozen.sh [REVISION]
# OTHER=PATH takes a gdiff that is already built in place of the revision's. Columns and rows that only one of the
# two programs writes are listed, not compared: they are an extension, not a change.
set -euo pipefail
. "$(dirname "$0")/common.sh"

revision=${1:-HEAD~1}
work=$(mktemp -d)
trap 'rm -rf "$work"; git worktree prune' EXIT
build
if [ -z "${OTHER:-}" ]; then
    git worktree add --quiet --detach "$work/source" "$revision"
    (cd "$work/source" && cargo build --quiet "${cargo_options[@]}" --target-dir "$OLDPWD/target/frozen")
    OTHER=target/frozen/release/gdiff
    git worktree remove --force "$work/source"
fi
for spec in tests/frozen/*.toml; do
    name=$(basename "$spec" .toml)
    "$OTHER" run "$spec" --out "$work/before/$name" --quiet
    "$gdiff" run "$spec" --out "$work/after/$name" --quiet
done
python3 scripts/frozen.py "$work/before" "$work/after"
