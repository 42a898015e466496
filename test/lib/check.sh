#!/usr/bin/env bash
# shellcheck disable=SC1091,SC2154
# SPDX-License-Identifier: PostgreSQL
# `make check`: everything on a bare Debian machine, as root or with sudo. Installs what is missing, builds, runs every
# suite on throw-away clusters and ends with the line "N passed, N failed". Logs are in build/log.
#
# PG_CONFIG chooses the server; SUITES names the suites to run (default: all; pg_upgrade is one test of tap);
# ATELIER_OLD_SERVER is for that test; JOBS and TAP_JOBS set the parallelism.
set -euo pipefail
here=$(dirname "$0")
. "$here/cluster.sh"
. "$here/build.sh"
. "$here/steps.sh"
. "$here/suites.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES KEEP
export LC_ALL=C.UTF-8
suites=${SUITES:-unit lint regress isolation pgtap hosted tap crash clients bench}

wanted() { [[ " $suites " == *" $1 "* ]]; }

count_files() {
  local file count=0
  for file in "$@"; do [ ! -e "$file" ] || count=$((count + 1)); done
  echo "$count"
}

# suite NAME COUNTER FILES COMMAND ... runs a suite that is wanted and has files.
suite() {
  local name=$1 counter=$2 files=$3
  shift 3
  wanted "$name" || return 0
  if [ "$files" = 0 ]; then
    printf '%-12s no tests yet\n' "$name"
    return 0
  fi
  run_step "$name" "$counter" "$files" "$@" || true
}

unit_tests() {
  build_unit_tests && ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    ctest --test-dir "$unit_build" --output-on-failure -j"$jobs"
}

lints() {
  ATELIER_LIBRARY=$(extension_folder product)/atelier.so "$here/run-tap.pl" "$atelier_root"/test/lint/*.pl
}

# The TAP tests run as the server's user, who may not be able to reach the checkout.
tap_tests() {
  export -f suite_tap server_tests
  export PG_CONFIG
  as_server_user bash -c 'suite_tap "$@"' - "$server_bin" "$work/tap" "$work/bin/replicate-stand-in" "$work/sources" "$@"
}

prepare_servers() {
  private_server &&
    install_extension "$(extension_folder test)" &&
    mkdir -p "$work/sources/test" "$work/bin" &&
    cp -r "$atelier_root"/{sql,docs,extension.control} "$work/sources/" &&
    cp -r "$atelier_root/test/lib" "$work/sources/test/" || return 1
  cp -r "$atelier_root"/test/{t,crash,adopt} "$work/sources/test/"
  if [ -e "$stand_in_program" ]; then cp "$stand_in_program" "$work/bin/"; fi
  chmod -R a+rX "$work/sources" "$work/bin"
  # No workers here: these suites look at what SQL does, and nothing may ever leave for the real provider.
  cluster_create check "shared_preload_libraries = 'atelier'" "atelier.databases = ''" \
    "atelier.api_base_url = 'http://127.0.0.1:9/v1'" "fsync = off" "max_prepared_transactions = 10" &&
    cluster_start check
}

# The packages of the clients are npm's, and a machine need not reach it. A lock file that does not hold is a failure.
client_tests() {
  local out=$atelier_root/build/clients log=$log_folder/clients-packages.log
  wanted clients || return 0
  if ! run_in_group clients_packages "$out" >"$log" 2>&1 && ! grep -qE 'EINTEGRITY|EUSAGE' "$log"; then
    printf '%-12s left out: npm could not install its packages, see %s\n' clients "$log"
    return 0
  fi
  suite clients count_tap "$(count_files "$atelier_root"/test/clients/*.test.ts)" suite_clients "$server_bin" "$out"
}

server_suites() {
  local files out=$atelier_root/build
  run_step test-build count_whole 1 build_extension test FAULTS=1 || return 0
  if { wanted tap || wanted crash || wanted pg_upgrade; } && [ -e "$atelier_root/CMakeLists.txt" ]; then
    run_step stand-in count_whole 1 build_stand_in || return 0
  fi
  run_step servers count_whole 1 prepare_servers || return 0
  cluster_use check
  files=$(count_files "$atelier_root"/sql/*.sql)
  suite regress count_regress "$files" suite_regress "$server_bin" "$out/regress-$pg_major"
  files=$(count_files "$atelier_root"/test/specs/*.spec)
  suite isolation count_regress "$files" suite_isolation "$server_bin" "$out/isolation-$pg_major"
  suite pgtap count_tap "$(count_files "$atelier_root"/test/pgtap/*.sql)" suite_pgtap "$server_bin"
  suite hosted count_tap "$(count_files "$atelier_root"/test/pgtap/*.sql)" suite_pgtap_hosted "$server_bin"
  suite tap count_tap "$(count_files "$atelier_root"/test/t/*.pl)" tap_tests
  suite crash count_tap "$(count_files "$atelier_root"/test/crash/*.pl)" tap_tests test/crash/matrix.pl test/crash/mutation.pl
  suite pg_upgrade count_tap 1 tap_tests test/t/090_pg_upgrade.pl
  client_tests
}

rm -rf "$log_folder"
mkdir -p "$log_folder"
more_packages=()
if wanted clients && ! { command -v node && command -v npm; } >/dev/null; then more_packages=(nodejs npm); fi
"$here/install-packages.sh" "${more_packages[@]}"
if ! choose_pg_config; then
  echo "No PostgreSQL server with its headers was found (PG_CONFIG=${PG_CONFIG:-})." >&2
  exit 1
fi
echo "atelier for PostgreSQL $pg_major"
work_begin check

suite unit count_ctest "$(count_files "$atelier_root"/test/unit/{,*/}*.cpp)" unit_tests
run_step build count_whole 1 build_extension product WERROR=1 || true
suite lint count_tap "$(count_files "$atelier_root"/test/lint/*.pl)" lints
if wanted regress || wanted isolation || wanted pgtap || wanted hosted || wanted tap || wanted crash || wanted pg_upgrade || wanted clients; then server_suites; fi
# Keeps the bench alive; its times are not judged.
suite bench count_tap "$(count_files "$atelier_root"/test/bench/cases/*.pl)" env BENCH_SHORT=1 "$atelier_root/test/bench/run.sh"
print_total
