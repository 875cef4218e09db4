#!/usr/bin/env bash
# A PostgreSQL server for tests: loopback only, no password, nothing synced to disk. Never for data that matters.
#   scripts/postgres.sh start DIR PORT   makes DIR a new cluster if it is none, starts it, prints its address
#   scripts/postgres.sh stop DIR         stops it at once; DIR may then be deleted
# Run as root it becomes the user postgres, since PostgreSQL refuses root.
set -euo pipefail

usage() {
  echo "usage: $0 start DIR PORT | stop DIR [PORT]" >&2
  exit 2
}
[ $# -ge 2 ] || usage
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
port=${3:-}

bin=
for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
  [ -x "$candidate/initdb" ] && bin=$candidate # the last one is the newest
done
if [ -z "$bin" ] && command -v initdb >/dev/null 2>&1; then
  bin=$(dirname "$(readlink -f "$(command -v initdb)")")
fi
if [ -z "$bin" ]; then
  echo "postgres.sh: no PostgreSQL found under /usr/lib/postgresql; run scripts/install-needs.sh" >&2
  exit 1
fi

as_owner=()
[ "$(id -u)" -ne 0 ] || as_owner=(runuser -u postgres --)

# Where the cluster lives: in DIR, unless its user may not enter there or a socket's path (107 bytes) would not fit; then
# in a folder of its own that DIR remembers.
elsewhere=$dir/cluster-in
home=$dir
if [ -s "$elsewhere" ]; then
  home=$(cat "$elsewhere")
elif [ "$action" = start ]; then
  [ "$(id -u)" -ne 0 ] || chown postgres "$dir"
  if [ ${#dir} -gt 80 ] || ! "${as_owner[@]}" test -w "$dir"; then
    home=$(mktemp -d /tmp/offhook-pg.XXXXXX)
    [ "$(id -u)" -ne 0 ] || chown postgres "$home"
    echo "$home" >"$elsewhere"
  fi
fi
data=$home/data
# pg_ctl wants a working directory that its user may enter.
cd /

case $action in
  start)
    case $port in '' | *[!0-9]*) usage ;; esac
    if [ ! -s "$data/PG_VERSION" ]; then
      "${as_owner[@]}" "$bin/initdb" -D "$data" -U offhook -A trust -E UTF8 --locale=C --no-sync >"$home/initdb.log" 2>&1 || {
        cat "$home/initdb.log" >&2
        exit 1
      }
      # One host line for each loopback family and the socket; nobody else gets in.
      printf 'local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\n' >"$data/pg_hba.conf"
    fi
    options="-p $port -k '$home' -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off"
    options+=" -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB -c timezone=UTC"
    if ! "${as_owner[@]}" "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
      "${as_owner[@]}" "$bin/pg_ctl" -D "$data" -l "$data/server.log" -w -t 60 -o "$options" start >/dev/null </dev/null || {
        echo "postgres.sh: the server did not start on port $port:" >&2
        tail -n 20 "$data/server.log" >&2 || true
        exit 1
      }
    fi
    echo "postgres://offhook@127.0.0.1:$port/postgres"
    ;;
  stop)
    if [ -s "$data/postmaster.pid" ]; then
      "${as_owner[@]}" "$bin/pg_ctl" -D "$data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
    fi
    if [ "$home" != "$dir" ]; then
      rm -rf -- "$home" "$elsewhere"
    fi
    ;;
  *) usage ;;
esac
