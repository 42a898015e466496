#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2034,SC2154
# SPDX-License-Identifier: PostgreSQL
# `make check-versions`: runs `make check` in Debian roots with PostgreSQL 17 and 18 and adds up what they counted.
# VERSIONS chooses others (15, 17, 18); SUITES is handed on (pg_upgrade: that test alone); ATELIER_ROOTS says where the roots
# live. Where this machine has PostgreSQL 15, a copy of it goes into the newer roots for pg_upgrade.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo 'Debian roots are made and entered by root.' >&2; exit 1; }
  exec sudo --preserve-env=VERSIONS,SUITES,ATELIER_ROOTS,JOBS,TAP_JOBS "$0"
fi
. "$here/cluster.sh"
. "$here/steps.sh"
log_folder=$atelier_root/build/log-versions
declare -A release=([15]=bookworm [17]=trixie [18]=sid)

check_in_root() {
  local name=$1 settings=() old_server
  "$here/debian-root.sh" make "$name"
  "$here/debian-root.sh" put "$name" /srv/atelier
  if [ "$name" != bookworm ]; then
    # With its packages there, the root lacks no other library than what only the older server needs.
    "$here/debian-root.sh" run "$name" /srv/atelier/test/lib/install-packages.sh
    old_server=$("$here/old-server.sh" "$name" /srv/old-server)
    [ -z "$old_server" ] || settings+=("ATELIER_OLD_SERVER=$old_server")
  fi
  [ -z "${SUITES:-}" ] || settings+=("SUITES=$SUITES")
  [ -z "${JOBS:-}" ] || settings+=("JOBS=$JOBS")
  [ -z "${TAP_JOBS:-}" ] || settings+=("TAP_JOBS=$TAP_JOBS")
  "$here/debian-root.sh" run "$name" make -C /srv/atelier check "${settings[@]}"
}

unmount_all() {
  local status=$? version
  trap '' INT TERM HUP
  running_step_end
  for version in $versions; do "$here/debian-root.sh" unmount "${release[$version]}" || true; done
  exit "$status"
}

versions=${VERSIONS:-17 18}
trap unmount_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$log_folder"
for version in $versions; do
  run_step "$version" count_tap 1 check_in_root "${release[$version]}" || true
done
print_total
