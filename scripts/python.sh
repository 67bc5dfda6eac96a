# Sourced after common.sh: sets `python` to one that has scripts/requirements.txt, in target/python.
# Where that cannot be had (no Python, no venv, no way to a package index) it says so and ends the script well.

skip() {
    echo "SKIPPED: $0: $1" >&2
    exit 0
}

# Runs a command as root, where that is allowed.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        return 1
    fi
}

python=target/python/bin/python
if ! cmp -s scripts/requirements.txt target/python/requirements.txt; then
    command -v python3 >/dev/null || skip "there is no python3"
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        { as_root apt-get update -qq && as_root apt-get install -y -qq python3-venv; } \
            || skip "python3 has no venv, and apt-get cannot install it"
    fi
    rm -rf target/python
    mkdir -p target
    python3 -m venv target/python || skip "python3 cannot make a venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt \
        || skip "pip cannot install scripts/requirements.txt"
    cp scripts/requirements.txt target/python/
fi
