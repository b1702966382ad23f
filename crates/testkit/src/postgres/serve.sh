# Runs a PostgreSQL server for tests on loopback, for as long as somebody uses it: $1 its folder, $2 the folder of its
# programs, $3 the port. Whoever uses it holds a shared lock on `users`; the server's data go when it stops.
set -eu
cd "$1"

# PostgreSQL refuses to be run by root.
ordinary() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
    else
        "$@"
    fi
}

rm -rf data url
mkdir -m 700 data
if [ "$(id -u)" = 0 ]; then chown nobody data; fi
ordinary "$2/initdb" -D data -U postgres -A trust -N -E UTF8 --locale=C
ordinary "$2/postgres" -D data -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
    -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB -c autovacuum=off &
server=$!
address="postgres://postgres@127.0.0.1:$3/postgres"
until "$2/psql" -q "$address" -c 'SELECT 1' >/dev/null 2>&1; do
    kill -0 "$server"
    sleep 0.05
done
echo "$address" >url.new
mv url.new url

exec 9>start
idle=0
while kill -0 "$server"; do
    sleep 0.5
    if ! flock -n users true; then
        idle=0
    elif [ "$idle" -lt 10 ]; then
        idle=$((idle + 1))
    else
        # Nobody may begin to use it while it is being stopped.
        flock 9
        if flock -n users true; then break; fi
        flock -u 9
    fi
done
rm -f url
# The shell that started it ignores the signal, as every job in the background does.
kill -INT "$(head -n 1 data/postmaster.pid)" || true
wait "$server" || true
rm -rf data
