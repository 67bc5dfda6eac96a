#!/usr/bin/env bash
# Builds what is to be given to others, in target/dist: bin/gdiff without debug information and symbols, bin/gdiff.debug with
# both (gdb finds it beside the program), manual pages in man/, completions for bash, zsh and fish, licences.
set -euo pipefail
. "$(dirname "$0")/common.sh"
# The usual builds leave out the debug information, so this one is of its own: the same code, some minutes.
CARGO_PROFILE_RELEASE_STRIP=none cargo build "${cargo_options[@]}" --target-dir target/whole
gdiff=target/whole/release/gdiff
dist=target/dist
rm -rf "$dist"
mkdir -p "$dist/bin" "$dist/completions"
objcopy --only-keep-debug "$gdiff" "$dist/bin/gdiff.debug"
objcopy --strip-all "$gdiff" "$dist/bin/gdiff"
(cd "$dist/bin" && objcopy --add-gnu-debuglink=gdiff.debug gdiff)
"$dist/bin/gdiff" man --dir "$dist/man"
for shell in bash zsh fish; do
    "$dist/bin/gdiff" completions "$shell" >"$dist/completions/gdiff.$shell"
done
cp LICENSE-MIT LICENSE-APACHE CHANGELOG.md "$dist/"
"$dist/bin/gdiff" --version
du -h "$dist/bin/gdiff" "$dist/bin/gdiff.debug"
