# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: PostgreSQL
# Throw-away PostgreSQL clusters on a private copy of the server, and the stand-in of the provider. Sourced by check.sh,
# the demo and the bench (bash, set -euo pipefail). Nothing here touches an installed server or a cluster of its owner.
#
#   choose_pg_config                     sets PG_CONFIG and pg_major; fails when there is no server with its headers
#   work_begin NAME                      makes the folder $work, and sees to it that at exit all below it ends and goes;
#                                        sets server_bin, where private_server puts psql and the other programs
#   private_server                       copies the server's files to $work/server
#   install_extension FOLDER             installs what build_extension made there into the private copy
#   cluster_create NAME [SETTING=VALUE ...]   initdb; the values go to postgresql.conf as they are, quotes included
#   cluster_start NAME | cluster_stop NAME [fast|immediate]
#   cluster_use NAME                     exports PGHOST, PGPORT, PGUSER, PGDATABASE for psql and the like
#   stand_in_start PROGRAM [FLAG ...]    sets stand_in_pid and stand_in_url (without the /v1 of the API)
#   stand_in_stop
#   as_server_user COMMAND ...           as root: runs it as an unprivileged user, since no server runs as root
#
#   print_connection NAME                how to reach a cluster that KEEP=1 leaves running, and how to end it
#
# KEEP=1 leaves $work, its clusters and the stand-in as they are.

atelier_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

has_server_and_headers() {
  local pgxs
  pgxs=$("$1" --pgxs 2>/dev/null) && [ -e "$pgxs" ] && [ -x "$("$1" --bindir)/postgres" ]
}

choose_pg_config() {
  local candidate
  for candidate in "${PG_CONFIG:-pg_config}" /usr/lib/postgresql/{18,17,15}/bin/pg_config; do
    if has_server_and_headers "$candidate"; then
      PG_CONFIG=$candidate
      pg_major=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
      export PG_CONFIG
      return 0
    fi
    [ -z "${PG_CONFIG:-}" ] || break
  done
  return 1
}

work_begin() {
  local user=postgres
  work=$(mktemp -d "${TMPDIR:-/tmp}/atelier-$1.XXXXXX")
  chmod 755 "$work"
  server_bin=$work/server$("$PG_CONFIG" --bindir)
  as_server=(env -C "$work" HOME="$work")
  if [ "$(id -u)" = 0 ]; then
    id -u "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$work"
    as_server=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "${as_server[@]}")
  fi
  trap work_end EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

work_end() {
  local status=$?
  trap '' INT TERM HUP
  running_step_end
  if [ -z "${KEEP:-}" ]; then
    stand_in_stop
    stop_all_clusters
    rm -rf "$work"
  fi
  exit "$status"
}

# Overridden by steps.sh, which knows of a command that is still running.
running_step_end() { :; }

as_server_user() {
  "${as_server[@]}" "$@"
}

# The server finds its files relative to its programs, so a copy in the same layout needs no setting.
private_server() {
  local folder
  for folder in bindir pkglibdir sharedir; do
    folder=$("$PG_CONFIG" --$folder)
    mkdir -p "$work/server$folder"
    cp -a "$folder/." "$work/server$folder/"
  done
}

install_extension() {
  make -s -C "$1" PG_CONFIG="$PG_CONFIG" DESTDIR="$work/server" install >/dev/null
}

free_port() {
  perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

cluster_create() {
  local name=$1 setting
  shift
  as_server_user mkdir -p "$work/$name"
  as_server_user "$server_bin/initdb" -D "$work/$name/data" -U postgres -A trust -N --no-locale -E UTF8 \
    >"$work/$name.initdb.log"
  {
    echo "unix_socket_directories = '$work/$name'"
    echo "listen_addresses = ''"
    echo "port = $(free_port)"
    for setting in "$@"; do echo "$setting"; done
  } >>"$work/$name/data/postgresql.conf"
}

cluster_start() {
  as_server_user "$server_bin/pg_ctl" -D "$work/$1/data" -l "$work/$1/server.log" -w -s start
}

cluster_stop() {
  as_server_user "$server_bin/pg_ctl" -D "$work/$1/data" -m "${2:-fast}" -w -s stop
}

cluster_use() {
  export PGHOST=$work/$1 PGUSER=postgres PGDATABASE=postgres
  PGPORT=$(sed -n 's/^port = //p' "$work/$1/data/postgresql.conf" | tail -1)
  export PGPORT
}

print_connection() {
  local data=$work/$1/data
  cluster_use "$1"
  echo "Connect:  $server_bin/psql -h $PGHOST -p $PGPORT -U $PGUSER $PGDATABASE"
  echo "End it:   kill -INT $(head -1 "$data/postmaster.pid") ${stand_in_pid:-}; rm -rf $work"
}

# Ends every postmaster below $work, those of the TAP tests too. A pid file may be stale and its number taken by a
# stranger, so only a process that sits in that data folder is ours.
stop_all_clusters() {
  local file folder pid tries
  while IFS= read -r file; do
    folder=$(dirname "$file")
    pid=$(head -1 "$file")
    for ((tries = 0; tries < 100; tries++)); do
      [ "$(readlink "/proc/$pid/cwd")" = "$folder" ] || break
      [ "$tries" != 0 ] || kill -QUIT "$pid" 2>/dev/null || true
      sleep 0.1
    done
  done < <(find "$work" -name postmaster.pid 2>/dev/null)
}

# The program is copied, since the server's user may not be able to reach the checkout.
stand_in_start() {
  local program=$1 port_file=$work/stand-in.port tries life=(--exit-with-parent)
  shift
  [ -z "${KEEP:-}" ] || life=()
  mkdir -p "$work/bin"
  cp "$program" "$work/bin/replicate-stand-in"
  rm -f "$port_file"
  "${as_server[@]}" "$work/bin/replicate-stand-in" --host 127.0.0.1 --port 0 --port-file "$port_file" \
    "${life[@]}" "$@" >"$work/stand-in.log" 2>&1 &
  stand_in_pid=$!
  for ((tries = 0; tries < 100; tries++)); do
    if [ -s "$port_file" ]; then
      stand_in_url=http://127.0.0.1:$(cat "$port_file")
      return 0
    fi
    kill -0 "$stand_in_pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "The stand-in did not start:" >&2
  cat "$work/stand-in.log" >&2
  return 1
}

stand_in_stop() {
  [ -n "${stand_in_pid:-}" ] || return 0
  kill "$stand_in_pid" 2>/dev/null || true
  wait "$stand_in_pid" 2>/dev/null || true
  stand_in_pid=
}
