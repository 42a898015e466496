# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: PostgreSQL
# The suites that need a server. Sourced after cluster.sh by check.sh, which gives them throw-away clusters, and by
# installcheck.sh, which gives them the user's own server. The PG* variables say which server that is.
#
#   suite_regress BIN FOLDER      pg_regress over sql/*.sql; BIN holds psql, results go to FOLDER
#   suite_isolation BIN FOLDER    test/specs/*.spec, expected output in test/expected
#   suite_pgtap BIN               test/pgtap/*.sql in a database of its own, pgTAP in the schema tap
#   suite_pgtap_hosted BIN        the same in a database as hosting platforms hand it over
#   suite_tap BIN FOLDER STAND_IN SOURCES [FILE ...]   test/t/*.pl below SOURCES, or the files; makes its own clusters from the
#                               programs in BIN
#   clients_packages FOLDER       installs what test/clients needs from npm below FOLDER, unless it is there already
#   suite_clients BIN FOLDER      test/clients/*.test.ts on a bare database and on one that looks like a hosted one

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
  shift 4
  mkdir -p "$folder"
  cd "$sources" || return 1
  [ $# -gt 0 ] || set -- test/t/*.pl
  env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PATH="$bin:$PATH" TESTDIR="$folder" TESTDATADIR="$folder/data" \
    TESTLOGDIR="$folder/log" PG_REGRESS="$(server_tests)/regress/pg_regress" ATELIER_STAND_IN="$stand_in" \
    PERL5LIB="$(server_tests)/perl:$sources/test/t/lib${PERL5LIB:+:$PERL5LIB}" \
    "$sources/test/lib/run-tap.pl" --jobs="${TAP_JOBS:-2}" "$@"
}

# The names of its packages' hosts are npm's own business: the lock file has none.
clients_packages() {
  local folder=$1 lock=$atelier_root/test/clients/package-lock.json
  if ! { command -v node && command -v npm; }; then
    echo 'node or npm is missing'
    return 1
  fi
  ! cmp -s "$lock" "$folder/node_modules/.complete" || return 0
  rm -rf "$folder/node_modules"
  mkdir -p "$folder"
  cp "$atelier_root"/test/clients/package{,-lock}.json "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000) &&
    cp "$lock" "$folder/node_modules/.complete"
}

# A database with the extension, into which the gateway's role may come as what its tokens say.
clients_database() {
  local database=$1 run=(psql -X -q -v ON_ERROR_STOP=1)
  shift
  export PGOPTIONS='-c client_min_messages=warning'
  "${run[@]}" -d postgres -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8'" &&
    "${run[@]}" -d "$database" "$@" -c 'CREATE EXTENSION atelier' || return 1
  unset PGOPTIONS
}

suite_clients() {
  local folder=$2/work name database status=0 programs=()
  PATH=$1:$PATH
  export GATEWAY_ROLE=atelier_gateway README_FOLDER=$folder NODE_NO_WARNINGS=1
  rm -rf "$folder"
  mkdir -p "$folder"/{lib/supabase,run}
  cp -r "$atelier_root"/test/{clients,postgrest} "$folder/"
  cp "$folder"/clients/{tsconfig.json,*.mjs} "$folder/"
  clients_database atelier_clients &&
    clients_database atelier_clients_hosted -1 -f "$atelier_root/test/adopt/hosted.sql" &&
    psql -X -q -v ON_ERROR_STOP=1 -d postgres -c "DROP ROLE IF EXISTS $GATEWAY_ROLE" \
      -c "CREATE ROLE $GATEWAY_ROLE LOGIN NOINHERIT IN ROLE anon, authenticated, service_role" || return 1
  cd "$folder" || return 1
  node extract_readme.mjs "$atelier_root/README.md" "$folder" &&
    PGDATABASE=atelier_clients node generate_types.mjs >lib/supabase/types.ts &&
    PGDATABASE=atelier_clients_hosted node generate_types.mjs | diff lib/supabase/types.ts - &&
    node ../node_modules/typescript/bin/tsc && mkdir -p out/node_modules/react || return 1
  echo "module.exports = require('../../clients/lib/react');" >out/node_modules/react/index.js
  for database in atelier_clients atelier_clients_hosted; do
    for name in $(names_of .test.ts clients/*.test.ts); do
      printf "process.env.PGDATABASE = '%s';\nrequire('../out/clients/%s.test.js');\n" "$database" "$name" \
        >"run/$name-${database#atelier_}.js"
      programs+=("run/$name-${database#atelier_}.js")
    done
  done
  "$atelier_root/test/lib/run-tap.pl" --node "${programs[@]}" || status=1
  for database in atelier_clients atelier_clients_hosted; do
    psql -X -q -d postgres -c "DROP DATABASE $database" || status=1
  done
  psql -X -q -d postgres -c "DROP ROLE $GATEWAY_ROLE" || status=1
  return "$status"
}
