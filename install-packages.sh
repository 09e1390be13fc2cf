#!/bin/sh
# Installs the missing packages of those given as arguments (Debian names), and prints their names.
set -eu

if ! command -v dpkg-query > /dev/null; then
    echo "Not Debian or Ubuntu; these packages or their equivalents must be installed already: $*" >&2
    exit 0
fi
missing=
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
fi
echo "Installing with ${as_root:+$as_root }apt-get:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086 # one word per package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
