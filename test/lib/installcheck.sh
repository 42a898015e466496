#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2154
# SPDX-License-Identifier: PostgreSQL
# The part of `make installcheck` that PGXS does not know: pgTAP on the user's own server, then the TAP tests on throw-away
# clusters made from its programs. What this machine cannot run is named and left out.
set -euo pipefail
. "$(dirname "$0")/cluster.sh"
. "$atelier_root/test/lib/build.sh"
. "$atelier_root/test/lib/suites.sh"

choose_pg_config
bin=$("$PG_CONFIG" --bindir)
status=0

if [ -z "$(names_of .sql "$atelier_root"/test/pgtap/*.sql)" ]; then
  echo 'pgTAP: no tests.'
elif [ ! -e "$("$PG_CONFIG" --sharedir)/extension/pgtap.control" ] || ! perl -MTAP::Parser::SourceHandler::pgTAP -e1; then
  echo "pgTAP: left out. It needs the extension pgtap and Perl's TAP::Parser::SourceHandler::pgTAP."
else
  suite_pgtap "$bin" || status=1
fi

if [ -z "$(names_of .pl "$atelier_root"/test/t/*.pl)" ]; then
  echo 'TAP: no tests.'
elif [ "$(id -u)" = 0 ]; then
  echo 'TAP: left out. A server does not run as root; run this as another user, or "make check".'
elif ! perl -MIPC::Run -e1 || ! command -v cmake >/dev/null; then
  echo "TAP: left out. It needs Perl's IPC::Run, and CMake for the provider's stand-in."
else
  build_stand_in >/dev/null
  suite_tap "$bin" "$PWD/build/tap" "$stand_in_program" "$atelier_root" || status=1
fi
exit "$status"
