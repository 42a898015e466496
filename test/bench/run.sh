#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2034,SC2154
# SPDX-License-Identifier: PostgreSQL
# `make bench`: installs what is missing, builds, makes throw-away clusters and the provider's stand-in, runs the cases one
# after the other and prints their figures, each beside a reference of the same run. The report, its charts and the figures stay
# in build/bench. The status is 0 when every case has measured something; a missed target is said in the report only.
#
#   CASES="wire dispatch"   the cases to run, files in test/bench/cases; default: all
#   BENCH_ROUNDS=N          rounds per case instead of each case's own number
#   BENCH_ROWS="N M"        sizes of generations in the data cases; default: 100000 1000000 5000000
#   BENCH_SHORT=1           a smoke test with small counts, as `make check` runs it; its figures mean nothing
#   PG_CONFIG               chooses the server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cluster.sh"
. "$here/../lib/build.sh"
. "$here/../lib/steps.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES KEEP
export LC_ALL=C.UTF-8
# What is measured at data of one's own, on a cluster without workers; then what the workers do.
data_cases='machine install adopt lists members poll tabs lifecycle counts counts_writers cleanup isolation tokens admin_stats'
worker_cases='stand_in wire dispatch dispatch_tls app_way outstanding memory idle snapshot old_snapshot watched shutdown'
all_cases="$data_cases $worker_cases"
read -ra cases <<<"${CASES:-$all_cases}"
results=$atelier_root/build/bench${BENCH_SHORT:+-short}
log=$results/bench.log

check_choices() {
  local name
  for name in "${cases[@]}"; do
    [ ! -e "$here/cases/$name.pl" ] || continue
    echo "There is no case $name. CASES names some of: $all_cases" >&2
    return 1
  done
  if [ -n "${BENCH_ROUNDS:-}" ] && ! [[ $BENCH_ROUNDS =~ ^[1-9][0-9]*$ ]]; then
    echo 'BENCH_ROUNDS is a number of rounds.' >&2
    return 1
  fi
  if [ -n "${BENCH_ROWS:-}" ] && ! [[ $BENCH_ROWS =~ ^([1-9][0-9]{3,}\ ?)+$ ]]; then
    echo 'BENCH_ROWS is a list of numbers of at least 1000.' >&2
    return 1
  fi
}

build_references() {
  cmake_build "$stand_in_build" plain-curl -DCMAKE_BUILD_TYPE=Release &&
    cmake_build "$stand_in_build" app-way -DCMAKE_BUILD_TYPE=Release
}

# The server's user may not be able to reach the checkout.
prepare_server() {
  private_server && install_extension "$(extension_folder product)" &&
    cp -r "$here" "$work/sources" && cp -r "$here/../adopt" "$work/sources/" && chmod -R a+rX "$work/sources" &&
    as_server_user mkdir "$work/results"
}

# Without pages in the WAL, checkpoints and autovacuum, which come when they like, a round costs what the round before cost.
fsync=on
[ -z "${BENCH_SHORT:-}" ] || fsync=off
steady=("fsync = $fsync" 'full_page_writes = off' 'autovacuum = off' 'checkpoint_timeout = 1h' 'max_wal_size = 8GB')

# WAL is kept for pg_waldump.
make_worker_cluster() {
  cluster_create bench "shared_preload_libraries = 'atelier'" "atelier.api_base_url = '$stand_in_url/v1'" \
    "${steady[@]}" 'shared_buffers = 256MB' 'wal_keep_size = 1GB' &&
    cluster_start bench && (
    cluster_use bench
    "$server_bin/psql" -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION atelier' -f "$here/sql/setup.sql"
  )
}

# Nothing is ever sent from here. What is written into a table of the same transaction needs no WAL at this level.
make_data_cluster() {
  cluster_create data "shared_preload_libraries = 'atelier'" "atelier.databases = ''" \
    "atelier.api_base_url = 'http://127.0.0.1:9/v1'" "${steady[@]}" 'shared_buffers = 1GB' 'work_mem = 16MB' \
    'wal_level = minimal' 'max_wal_senders = 0' 'max_connections = 200' &&
    cluster_start data
}

kind_of() {
  if [[ " $data_cases " == *" $1 "* ]]; then echo data; else echo bench; fi
}

# The clusters that the cases need, the others not.
make_clusters() {
  local name kinds=''
  for name in "${cases[@]}"; do kinds+=" $(kind_of "$name")"; done
  if [[ $kinds == *bench* ]]; then
    step 'Building the stand-in of the provider' build_stand_in &&
      step 'Building the references' build_references &&
      mkdir -p "$work/bin" && cp "$stand_in_build/bin/"{plain-curl,app-way} "$work/bin/" && chmod -R a+rX "$work/bin" &&
      stand_in_start "$stand_in_program" &&
      step 'Making a cluster with workers' make_worker_cluster || return 1
  fi
  if [[ $kinds == *data* ]]; then step 'Making a cluster for the data' make_data_cluster; fi
}

# A case that failed may have left the server as it was in the middle of a restart.
run_case() {
  local kind
  kind=$(kind_of "$1")
  as_server_user "$server_bin/pg_ctl" -D "$work/$kind/data" status >/dev/null || cluster_start "$kind" || return 1
  cluster_use "$kind"
  as_server_user env BENCH_BIN="$server_bin" BENCH_DATA="$work/$kind/data" BENCH_RESULTS="$work/results" \
    BENCH_SOURCES="$work/sources" BENCH_STAND_IN="${stand_in_url:-}" BENCH_PLAIN_CURL="$work/bin/plain-curl" BENCH_APP_WAY="$work/bin/app-way" \
    perl "$work/sources/cases/$1.pl"
}

check_choices || exit 2
rm -rf "$results"
mkdir -p "$results"
"$here/../lib/install-packages.sh" wrk libpq-dev openssl stunnel4
if ! choose_pg_config; then
  echo "No PostgreSQL server with its headers was found (PG_CONFIG=${PG_CONFIG:-})." >&2
  exit 1
fi
echo "atelier for PostgreSQL $pg_major"
work_begin bench
step 'Building the extension' build_extension product
step 'Copying the server, installing into the copy' prepare_server
make_clusters

failed=()
for name in "${cases[@]}"; do
  step "Measuring: $name" run_case "$name" || failed+=("$name")
  cp "$work/results/$name.json" "$results/" 2>/dev/null || true
done
for kind in bench data; do cp "$work/$kind/server.log" "$results/$kind.server.log" 2>/dev/null || true; done

echo
BENCH_SERVER=$("$server_bin/postgres" --version) BENCH_FILE_SYSTEM=$(df --output=fstype "$work" | tail -1) \
  BENCH_COMMIT=$(git -C "$atelier_root" describe --always --dirty 2>/dev/null || true) \
  "$here/report.pl" "$results" "${cases[@]}" | tee "$results/report.md"
echo "The report is in $results/report.md"
[ -z "${BENCH_SHORT:-}" ] || echo "$((${#cases[@]} - ${#failed[@]})) passed, ${#failed[@]} failed"
[ "${#failed[@]}" = 0 ] || { echo "No figures, because the case failed: ${failed[*]}"; exit 1; }
