#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2154
# SPDX-License-Identifier: PostgreSQL
# `make bench`: installs what is missing, builds, makes a throw-away cluster and the provider's stand-in, runs the cases one
# after the other and prints their figures, each beside a reference of the same run. The report and the figures stay in
# build/bench. The status is 0 when every case has measured something; a missed target is said in the report only.
#
#   CASES="wire dispatch"   the cases to run, files in test/bench/cases; default: all
#   BENCH_ROUNDS=N          rounds per case instead of each case's own number
#   BENCH_SHORT=1           a smoke test with small counts; its figures mean nothing
#   PG_CONFIG               chooses the server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/cluster.sh"
. "$here/../lib/build.sh"
. "$here/../lib/steps.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES KEEP
export LC_ALL=C.UTF-8
all_cases='stand_in wire dispatch outstanding memory idle snapshot shutdown'
read -ra cases <<<"${CASES:-$all_cases}"
results=$atelier_root/build/bench
log=$results/bench.log

# step TITLE COMMAND ... runs a command that may take a while; what it says goes to the log.
step() {
  local title=$1 start=$SECONDS
  shift
  printf '%-44s' "$title"
  if run_in_group "$@" >>"$log" 2>&1; then
    printf '%4d s\n' $((SECONDS - start))
    return 0
  fi
  echo ' failed'
  tail -30 "$log" | sed 's/^/    /'
  echo "    The whole output is in $log"
  return 1
}

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
}

build_plain_curl() {
  cmake_build "$stand_in_build" plain-curl -DCMAKE_BUILD_TYPE=Release
}

# The server's user may not be able to reach the checkout.
prepare_server() {
  private_server && install_extension "$(extension_folder product)" &&
    mkdir -p "$work/bin" && cp "$stand_in_build/bin/plain-curl" "$work/bin/" &&
    cp -r "$here" "$work/sources" && chmod -R a+rX "$work/bin" "$work/sources" &&
    as_server_user mkdir "$work/results"
}

# Without pages in the WAL, checkpoints and autovacuum, which come when they like, a round costs what the round before cost.
# WAL is kept for pg_waldump.
make_cluster() {
  cluster_create bench "shared_preload_libraries = 'atelier'" "atelier.api_base_url = '$stand_in_url/v1'" \
    'fsync = on' 'full_page_writes = off' 'autovacuum = off' 'shared_buffers = 256MB' 'checkpoint_timeout = 1h' \
    'max_wal_size = 8GB' 'wal_keep_size = 1GB' &&
    cluster_start bench
}

set_up_database() {
  psql_quietly -c 'CREATE EXTENSION atelier' -f "$here/sql/setup.sql"
}

psql_quietly() {
  "$server_bin/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}

# A case that failed may have left the server as it was in the middle of a restart.
run_case() {
  as_server_user "$server_bin/pg_ctl" -D "$work/bench/data" status >/dev/null || cluster_start bench || return 1
  as_server_user env BENCH_BIN="$server_bin" BENCH_DATA="$work/bench/data" BENCH_RESULTS="$work/results" \
    BENCH_SOURCES="$work/sources" BENCH_STAND_IN="$stand_in_url" BENCH_PLAIN_CURL="$work/bin/plain-curl" \
    perl "$work/sources/cases/$1.pl"
}

check_choices || exit 2
rm -rf "$results"
mkdir -p "$results"
"$here/../lib/install-packages.sh" wrk
if ! choose_pg_config; then
  echo "No PostgreSQL server with its headers was found (PG_CONFIG=${PG_CONFIG:-})." >&2
  exit 1
fi
echo "atelier for PostgreSQL $pg_major"
work_begin bench
step 'Building the extension' build_extension product
step 'Building the stand-in of the provider' build_stand_in
step 'Building the plain libcurl program' build_plain_curl
step 'Copying the server, installing into the copy' prepare_server
stand_in_start "$stand_in_program"
step 'Making a cluster' make_cluster
cluster_use bench
step 'Setting up the database' set_up_database

failed=()
for name in "${cases[@]}"; do
  step "Measuring: $name" run_case "$name" || failed+=("$name")
  cp "$work/results/$name.json" "$results/" 2>/dev/null || true
done
cp "$work/bench/server.log" "$results/"

echo
BENCH_SERVER=$("$server_bin/postgres" --version) BENCH_FILE_SYSTEM=$(df --output=fstype "$work/bench/data" | tail -1) \
  BENCH_COMMIT=$(git -C "$atelier_root" describe --always --dirty 2>/dev/null || true) \
  "$here/report.pl" "$results" "${cases[@]}" | tee "$results/report.md"
echo "The report is in $results/report.md"
[ "${#failed[@]}" = 0 ] || { echo "No figures, because the case failed: ${failed[*]}"; exit 1; }
