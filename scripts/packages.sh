# Sourced by scripts that need packages: installs them with apt-get and pip, waits for another apt-get that holds its
# locks, and decides what becomes of a test whose packages cannot be had.
# shellcheck shell=bash

packages_log=$(dirname "${BASH_SOURCE[0]}")/../target/packages.log
mkdir -p "$(dirname "$packages_log")"
: >"$packages_log"

# Runs a command as root, where that is allowed.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@"
    elif command -v sudo >/dev/null; then
        sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 "$@"
    else
        echo "there is neither root nor sudo to run $1 with"
        return 1
    fi
}

# apt-get with its words at the end of the log. DPkg::Lock::Timeout makes it wait for dpkg's lock, but not for those
# of its lists and archives, so it is asked again as long as it says that another process holds one.
apt_get() {
    local end=$((SECONDS + 600)) from=$(($(wc -c <"$packages_log") + 1))
    until as_root apt-get -o DPkg::Lock::Timeout=600 "$@" >>"$packages_log" 2>&1; do
        tail -c "+$from" "$packages_log" | grep -qE "(get|acquire) .*lock" && [ "$SECONDS" -lt "$end" ] || return 1
        from=$(($(wc -c <"$packages_log") + 1))
        sleep 2
    done
}

# Installs packages; fails with the reason in the log. RUNLEVEL=1 above keeps their services from starting.
apt_install() {
    if ! command -v apt-get >/dev/null; then
        echo "there is no apt-get" >>"$packages_log"
        return 1
    fi
    apt_get update -qq && apt_get install -y -qq --no-install-recommends "$@"
}

# The last lines of the log, which hold the package manager's reason.
package_words() {
    tail -n 8 "$packages_log" | sed 's/^/    /'
}

no_network() {
    local words="could not (resolve|connect)|cannot initiate the connection|unable to connect|failed to fetch"
    words+="|temporary failure (in name resolution|resolving)|name or service not known|network is unreachable"
    words+="|connection (timed out|refused|reset)|newconnectionerror|connecttimeout|read timed out|max retries exceeded"
    grep -qiE "$words" "$packages_log"
}

# Ends a test that cannot have what it needs: $1 says what. With CI=true only the want of a network is an excuse.
skip() {
    echo "SKIPPED: $0: $1" >&2
    package_words >&2
    if [ "${CI:-}" = true ] && ! no_network; then
        echo "FAILED: $0: with CI=true a test is skipped only where the network cannot be reached" >&2
        exit 1
    fi
    exit 0
}
