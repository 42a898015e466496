# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: PostgreSQL
# The suites that need a server. Sourced after cluster.sh by check.sh, which gives them throw-away clusters, and by
# installcheck.sh, which gives them the user's own server. The PG* variables say which server that is.
#
#   suite_regress BIN FOLDER      pg_regress over sql/*.sql; BIN holds psql, results go to FOLDER
#   suite_isolation BIN FOLDER    test/specs/*.spec, expected output in test/expected
#   suite_pgtap BIN               test/pgtap/*.sql in a database of its own, pgTAP in the schema tap
#   suite_pgtap_hosted BIN        the same in a database as hosting platforms hand it over
#   suite_tap BIN FOLDER STAND_IN SOURCES   test/t/*.pl below SOURCES; makes its own clusters from the programs in BIN

server_tests() {
  echo "$(dirname "$("$PG_CONFIG" --pgxs)")/../test"
}

# The names of the files with this ending, without folder and ending.
names_of() {
  local ending=$1 file
  shift
  for file in "$@"; do [ ! -e "$file" ] || basename "$file" "$ending"; done
}

# Runs pg_regress or its isolation twin and shows the differences when there are any.
regress_like() {
  local program=$1 bin=$2 input=$3 folder=$4 database=$5 status=0
  shift 5
  rm -rf "$folder"
  mkdir -p "$folder"
  "$program" --bindir="$bin" --inputdir="$input" --outputdir="$folder" --dbname="$database" --no-locale \
    --encoding=UTF8 "$@" || status=$?
  [ ! -s "$folder/regression.diffs" ] || cat "$folder/regression.diffs"
  return "$status"
}

suite_regress() {
  mapfile -t names < <(names_of .sql "$atelier_root"/sql/*.sql)
  regress_like "$(server_tests)/regress/pg_regress" "$1" "$atelier_root" "$2" contrib_regression "${names[@]}"
}

suite_isolation() {
  mapfile -t names < <(names_of .spec "$atelier_root"/test/specs/*.spec)
  regress_like "$(server_tests)/isolation/pg_isolation_regress" "$1" "$atelier_root/test" "$2" isolation_regression \
    "${names[@]}"
}

suite_pgtap() {
  pgtap_database "$1" atelier_pgtap -c 'CREATE EXTENSION atelier' && run_pgtap "$1" atelier_pgtap
}

# As suite_pgtap, in a database as hosting platforms hand it over. Not on a server that is in use: it makes roles.
suite_pgtap_hosted() {
  pgtap_database "$1" atelier_pgtap_hosted -f "$atelier_root/test/adopt/hosted.sql" \
    -c 'SET SESSION AUTHORIZATION supabase_admin' -c 'CREATE EXTENSION atelier' -c 'RESET SESSION AUTHORIZATION' &&
    run_pgtap "$1" atelier_pgtap_hosted
}

# A new database with what these psql options make, and with pgTAP.
pgtap_database() {
  local PATH=$1:$PATH database=$2
  shift 2
  PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -d postgres \
    -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8'" &&
    PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -d "$database" "$@" -c 'CREATE SCHEMA tap' -c 'CREATE EXTENSION pgtap SCHEMA tap' \
      -c 'GRANT USAGE ON SCHEMA tap TO PUBLIC' -c "ALTER DATABASE $database SET search_path = public, tap"
}

run_pgtap() {
  PATH=$1:$PATH PGDATABASE=$2 "$atelier_root/test/lib/run-tap.pl" --pgtap "$atelier_root"/test/pgtap/*.sql
}

suite_tap() {
  local bin=$1 folder=$2 stand_in=$3 sources=$4
  mkdir -p "$folder"
  cd "$sources" || return 1
  env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PATH="$bin:$PATH" TESTDIR="$folder" TESTDATADIR="$folder/data" \
    TESTLOGDIR="$folder/log" PG_REGRESS="$(server_tests)/regress/pg_regress" ATELIER_STAND_IN="$stand_in" \
    PERL5LIB="$(server_tests)/perl:$sources/test/t/lib${PERL5LIB:+:$PERL5LIB}" \
    "$sources/test/lib/run-tap.pl" --jobs="${TAP_JOBS:-2}" test/t/*.pl
}
