#!/bin/sh
# Installs the Debian packages named as arguments that are missing, if this is
# Debian and we are root; otherwise prints the one command that does.
set -eu
command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=
for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null
else
    echo "missing packages; run:  sudo apt-get install$missing" >&2
    exit 1
fi
