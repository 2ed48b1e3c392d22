#!/bin/sh
# Installs the Debian packages whose programs the tests run; quick and silent when all are there.
set -eu

PATH="$PATH:/usr/sbin:/sbin"
programs='g++:g++ ip:iproute2 ss:iproute2 nft:nftables unshare:util-linux setpriv:util-linux haproxy:haproxy nginx:libnginx-mod-stream
    chromium:chromium node:nodejs npm:npm prometheus:prometheus promtool:prometheus'

missing=''
for entry in $programs; do
    program=${entry%%:*}
    package=${entry#*:}
    case "$missing " in
    *" $package "*) continue ;;
    esac
    command -v "$program" >/dev/null || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

fail() {
    echo "setup: missing packages:$missing" >&2
    echo "setup: $1; the tests that need them will say that they were skipped" >&2
    exit 1
}

command -v apt-get >/dev/null || fail 'apt-get is not here, install them by hand'
if [ "$(id -u)" -eq 0 ]; then
    as_root=''
elif command -v sudo >/dev/null; then
    as_root='sudo'
else
    fail 'neither root nor sudo, so they cannot be installed'
fi

echo "setup: installing$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # both are lists of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
