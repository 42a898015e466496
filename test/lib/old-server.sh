#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2034,SC2154
# SPDX-License-Identifier: PostgreSQL
# Copies this machine's PostgreSQL 15, with atelier built for the tests, into a Debian root that has a newer version, so that
# pg_upgrade finds both there. Libraries that the newer system lacks go into the server's own lib folder. Root only.
#
#   old-server.sh NAME FOLDER     NAME as debian-root.sh knows it; prints the folder above bin as it is called inside
#
# Prints nothing where this machine has no PostgreSQL 15 with its headers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=$1 folder=$2
export PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
. "$here/cluster.sh"
. "$here/build.sh"
choose_pg_config || exit 0
root=${ATELIER_ROOTS:-/var/tmp/atelier-roots}/$name
build_extension test FAULTS=1 >&2
rm -rf "${root:?}/${folder#/}"
work=$root/$folder
private_server
install_extension "$(extension_folder test)"
prefix=$folder/server$(dirname "$("$PG_CONFIG" --bindir)")
known=$("$here/debian-root.sh" run "$name" ldconfig -p)
ldd "$root$prefix"/bin/* "$root$prefix"/lib/{atelier,plpgsql}.so | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u |
  while IFS= read -r library; do
    grep -qF "$(basename "$library") " <<<"$known" || cp -L "$library" "$root$prefix/lib/"
  done
echo "$prefix"
