# Sourced by compare.sh, growth.sh, roofline.sh and bench_check.sh: builds the program and the benchmark `compare`; makes the
# peers' environment, and installs valgrind, where they are asked for.
# GDIFF=PATH and BENCH=PATH use what is built already.
build
bench=${BENCH:-$(cargo bench "${cargo_options[@]:1}" --bench compare --no-run 2>&1 | tee /dev/stderr |
    sed -n 's/^ *Executable .*(\(.*\))$/\1/p')}

venv=target/compare/venv
peers() {
    local wanted=scripts/compare/requirements.txt
    if ! cmp -s "$wanted" "$venv/requirements.txt"; then
        "${PYTHON:-python3}" -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --requirement "$wanted"
        cp "$wanted" "$venv/requirements.txt"
    fi
}

need_valgrind() {
    if ! command -v valgrind >/dev/null; then
        . scripts/packages.sh
        apt_install valgrind || { package_words >&2; exit 1; }
    fi
}
