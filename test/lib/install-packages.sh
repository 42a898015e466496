#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2154
# SPDX-License-Identifier: PostgreSQL
# Installs from apt what the builds and tests need, and the packages named as arguments, as far as this machine lacks them;
# touches nothing when nothing is missing. The
# server's version is the one of PG_CONFIG when that is set, else what is installed already, else Debian's default.
# Works as root or through sudo. No server is created or started, and no server that is there is touched.
set -euo pipefail
. "$(dirname "$0")/cluster.sh"

packages=(g++ make cmake libgtest-dev libcurl4-openssl-dev libarchive-dev rapidjson-dev libboost-dev libssl-dev zlib1g-dev
  python3 perl libipc-run-perl libtap-parser-sourcehandler-pgtap-perl)

missing=()
want() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"
}

# The PostgreSQL version of this release of Debian; empty when apt knows no packages yet.
default_version() {
  { apt-cache depends postgresql 2>/dev/null || true; } | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "This is no Debian machine, so nothing is installed. Needed: ${packages[*]} and a PostgreSQL server with its headers."
  exit 0
fi

if choose_pg_config; then
  version=$pg_major
elif [ -n "${PG_CONFIG:-}" ]; then
  echo "PG_CONFIG=$PG_CONFIG names no server with its headers." >&2
  exit 1
else
  version=$(default_version)
  if [ -z "$version" ]; then
    apt_get update
    version=$(default_version)
  fi
  want "postgresql-$version" "postgresql-server-dev-$version"
fi
want "${packages[@]}" "$@"
# A server of somebody's own making would not find the pgTAP of a package.
if [ -z "${PG_CONFIG:-}" ] || [[ $("$PG_CONFIG" --sharedir) == /usr/share/postgresql/* ]]; then
  want "postgresql-$version-pgtap"
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "Installing ${missing[*]}"
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
  echo "Run this as root or install sudo: apt-get install ${missing[*]}" >&2
  exit 1
fi

# Installing a server package makes a cluster and starts it unless a file says otherwise; ours are all throw-away ones.
no_cluster=/etc/postgresql-common/createcluster.d/atelier.conf
as_root mkdir -p "$(dirname "$no_cluster")"
echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
trap 'as_root rm -f "$no_cluster"' EXIT

apt_get install -y --no-install-recommends "${missing[@]}" || {
  apt_get update
  apt_get install -y --no-install-recommends "${missing[@]}"
}
