#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2154,SC2317
# SPDX-License-Identifier: PostgreSQL
# `make demo`: installs what is missing, builds, makes a throw-away cluster, and lets three users queue thirty generations
# against the provider's stand-in. The status is 0 when every one of them ended as it should.
#
#   KEEP=1         leaves the cluster and the stand-in running and says how to connect and how to end them
#   DEMO_REAL=1    one generation at the real provider with the token in REPLICATE_API_TOKEN; it asks first, which needs a
#                  terminal. DEMO_REAL=yes does not ask.
#   PG_CONFIG      chooses the server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cluster.sh"
. "$here/../lib/build.sh"
. "$here/../lib/steps.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES
log=$atelier_root/build/demo.log

# The cluster is kept only when the demo got as far as saying how to end it.
keep=${KEEP:-}
unset KEEP

# No server or program of the demo shall find the token in its environment.
provider_token=${REPLICATE_API_TOKEN:-}
unset REPLICATE_API_TOKEN

# Runs psql commands as the DBA and shows them.
show_sql() {
  psql -X -q -e -v ON_ERROR_STOP=1 "${table_style[@]}"
}

run_sql() {
  psql -X -q -v ON_ERROR_STOP=1 "${table_style[@]}" -f "$1"
}

may_spend() {
  local answer
  if ! [[ $provider_token =~ ^[A-Za-z0-9_]+$ ]]; then
    echo 'DEMO_REAL needs a token of the provider in REPLICATE_API_TOKEN.' >&2
    return 1
  fi
  [ "$DEMO_REAL" != yes ] || return 0
  if ! [ -t 0 ]; then
    echo 'This would spend money, and there is no terminal to ask on. DEMO_REAL=yes does not ask.' >&2
    return 1
  fi
  read -r -p 'Run black-forest-labs/flux-schnell once at the real provider? It costs a fraction of a cent. [y/N] ' answer
  [[ $answer == [yY]* ]] || { echo 'Nothing was done.'; return 1; }
}

build() {
  step 'Building the extension' build_extension product
  [ -n "$real" ] || step 'Building the stand-in of the provider' build_stand_in
  step 'Copying the server, installing into the copy' prepare_server
}

prepare_server() {
  private_server && install_extension "$(extension_folder product)"
}

# make_cluster SETTING ... makes and starts the cluster, with these settings over the defaults.
make_cluster() {
  step 'Making a cluster' cluster_create demo "shared_preload_libraries = 'atelier'" "$@"
  cluster_start demo
  cluster_use demo
  export PATH=$server_bin:$PATH PGCLIENTENCODING=UTF8 PSQL_PAGER='' PAGER=''
  printf '\n'
  show_sql <<<'CREATE EXTENSION atelier;'
}

# The workers come up when CREATE EXTENSION has been committed, within some milliseconds.
await_workers() {
  local tries
  for ((tries = 0; tries < 50; tries++)); do
    [ "$(psql -X -A -t -c 'SELECT count(*) FROM atelier.worker_state()')" -lt 3 ] || return 0
    sleep 0.1
  done
}

show_health() {
  await_workers
  show_sql <<<'SELECT * FROM atelier.health();'
}

# The thirty generations at the stand-in.
play() {
  KEEP=$keep stand_in_start "$stand_in_program"
  export DEMO_PROVIDER=$stand_in_url
  "$here/provider.pl" models "$here/provider.json"
  make_cluster "atelier.api_base_url = '$stand_in_url/v1'" "atelier.poll_interval = '500ms'"
  run_sql "$here/users.sql"
  show_health
  "$here/provider.pl" throttle r8_acme_demo_000000000000000000000000001 4
  printf 'Three tokens are in the pool; the provider throttles the first one for four seconds.\n'
  run_sql "$here/generations.sql"
  printf 'Ada, Ben and Cleo have queued ten generations each.\n\n'
  run_in_group "$here/watch.pl" 60
  run_sql "$here/report.sql"
  "$here/check.pl" || status=1
}

# One generation at the real provider.
play_for_real() {
  # What fails to be parsed would be logged, the token with it.
  make_cluster "log_min_error_statement = 'panic'"
  printf "INSERT INTO replicate_tokens (token) VALUES ('%s');\n" "$provider_token" | psql -X -q -v ON_ERROR_STOP=1
  show_health
  run_sql "$here/real.sql"
  run_in_group "$here/watch.pl" 300
  run_sql "$here/report.sql"
  show_sql <<<'SELECT status, output_urls, error_message FROM generations;'
  [ "$(psql -X -A -t -c 'SELECT status FROM generations')" = completed ] || status=1
}

real=
case ${DEMO_REAL:-} in
  1 | yes) real=1; may_spend || exit 2 ;;
  '' | 0) ;;
  *) echo 'DEMO_REAL is 1 or yes.' >&2; exit 2 ;;
esac

mkdir -p "$(dirname "$log")"
: >"$log"
"$here/../lib/install-packages.sh"
if ! choose_pg_config; then
  echo "No PostgreSQL server with its headers was found (PG_CONFIG=${PG_CONFIG:-})." >&2
  exit 1
fi
echo "atelier for PostgreSQL $pg_major"
table_style=(-P pager=off -P footer=off)
[ "$(locale charmap 2>/dev/null)" != UTF-8 ] || table_style+=(-P linestyle=unicode)
work_begin demo
build

status=0
if [ -n "$real" ]; then
  play_for_real
else
  play
fi
if [ -n "$keep" ]; then
  KEEP=$keep
  echo
  [ -n "$real" ] || echo "Stand-in: $stand_in_url/_control/stats"
  print_connection demo
fi
exit "$status"
