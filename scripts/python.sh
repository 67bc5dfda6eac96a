# Sourced after common.sh: sets `python` to one that has scripts/requirements.txt, in target/python. Where that
# cannot be had, ends the script as skip in packages.sh does.
. scripts/packages.sh

python=target/python/bin/python
if ! cmp -s scripts/requirements.txt target/python/requirements.txt; then
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3 python3-venv || skip "python3 with venv cannot be installed"
    fi
    rm -rf target/python
    mkdir -p target
    python3 -m venv target/python >>"$packages_log" 2>&1 || skip "python3 cannot make a venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r scripts/requirements.txt \
        >>"$packages_log" 2>&1 || skip "pip cannot install scripts/requirements.txt"
    cp scripts/requirements.txt target/python/
fi
