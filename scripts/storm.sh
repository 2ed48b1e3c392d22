#!/usr/bin/env bash
# Starts a server whose game obeys, plays a storm against it, and drains it by SIGTERM.
# Usage: scripts/storm.sh PATH_TO_LASTWORD SCENARIO [MORE ARGUMENTS OF lastword storm]
set -euo pipefail

binary=${1:?usage: scripts/storm.sh PATH_TO_LASTWORD SCENARIO}
scenario=${2:?usage: scripts/storm.sh PATH_TO_LASTWORD SCENARIO}
shift 2

scratch=$(mktemp -d)
"$binary" serve --game storm --listen 127.0.0.1:0 --admin 127.0.0.1:0 --log off >"$scratch/out" &
server=$!
trap 'kill -KILL $server 2>/dev/null || true; rm -rf "$scratch"' EXIT

fail() {
    echo "storm: $*" >&2
    exit 1
}

deadline=$((SECONDS + 30))
until line=$(head -n 1 "$scratch/out") && [ -n "$line" ]; do
    [ $SECONDS -lt $deadline ] || fail "no line on stdout"
    kill -0 "$server" 2>/dev/null || fail "the server is gone"
    sleep 0.05
done
[[ $line =~ ^listening\ game=([^ ]+)\ admin=([^ ]+)$ ]] || fail "unexpected first line: $line"

"$binary" storm --server "${BASH_REMATCH[1]}" --admin "${BASH_REMATCH[2]}" --scenario "$scenario" "$@"

kill -TERM "$server"
wait "$server" || fail "the server ended with status $?"
trap 'rm -rf "$scratch"' EXIT
