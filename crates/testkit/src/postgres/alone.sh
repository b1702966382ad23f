# Runs a PostgreSQL server for one test, which may kill it: $1 its folder, $2 the folder of its programs, $3 the port. What
# is committed without waiting stays in memory for ten seconds.
set -eu
cd "$1"
chmod 711 .

# PostgreSQL refuses to be run by root.
ordinary=
if [ "$(id -u)" = 0 ]; then ordinary="setpriv --reuid=nobody --regid=nogroup --clear-groups"; fi

if [ ! -e made ]; then
    mkdir -m 700 data
    if [ "$(id -u)" = 0 ]; then chown nobody data; fi
    $ordinary "$2/initdb" -D data -U postgres -A trust -N -E UTF8 --locale=C
    touch made
fi
exec $ordinary "$2/postgres" -D data -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
    -c shared_buffers=16MB -c max_connections=20 -c autovacuum=off -c wal_writer_delay=10s -c wal_writer_flush_after=0
