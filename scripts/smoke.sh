#!/usr/bin/env bash
# Starts the server as a user would, joins once by hand, reads health and metrics, and drains it by SIGTERM. Then it runs
# the demo for ten seconds, which fails if an ending is not recorded as what it was, or if a player that is cut loses a frame.
# Usage: scripts/smoke.sh PATH_TO_LASTWORD
set -euo pipefail

binary=${1:?usage: scripts/smoke.sh PATH_TO_LASTWORD}
out=$(mktemp)
"$binary" serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 >"$out" &
server=$!
trap 'kill -KILL $server 2>/dev/null || true; rm -f "$out"' EXIT

fail() {
    echo "smoke: $*" >&2
    exit 1
}

# The first line on stdout is a promise: listening game=IP:PORT admin=IP:PORT
deadline=$((SECONDS + 30))
until line=$(head -n 1 "$out") && [ -n "$line" ]; do
    [ $SECONDS -lt $deadline ] || fail "no line on stdout"
    kill -0 "$server" 2>/dev/null || fail "the server is gone"
    sleep 0.05
done
echo "$line"
[[ $line =~ ^listening\ game=([0-9.]+):([0-9]+)\ admin=([0-9.]+):([0-9]+)$ ]] || fail "unexpected first line: $line"
game_host=${BASH_REMATCH[1]} game_port=${BASH_REMATCH[2]}
admin_host=${BASH_REMATCH[3]} admin_port=${BASH_REMATCH[4]}

get() {
    exec 4<>"/dev/tcp/$admin_host/$admin_port"
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&4
    cat <&4
    exec 4>&-
}

# A joined player: hello (37 bytes and the name), welcome (50 bytes behind its header), a frame that is echoed.
exec 3<>"/dev/tcp/$game_host/$game_port"
{
    printf '\x00\x00\x28\x01LW\x01\x01\x02\x00\x01\x00\x00'
    head -c 28 /dev/zero
    printf 'ann'
} >&3
welcome=$(timeout 10 head -c 54 <&3 | wc -c)
[ "$welcome" -eq 54 ] || fail "no welcome"
printf '\x00\x00\x05\x00hello' >&3
answer=$(timeout 10 head -c 9 <&3 | tail -c 5)
[ "$answer" = hello ] || fail "no echo: $answer"
exec 3>&-

grep -q '^ok' <<<"$(get /healthz | tr -d '\r' | tail -n 1)" || fail "/healthz is not ok"
deadline=$((SECONDS + 10))
until get /metrics | grep -q 'lastword_disconnects_total{cause="peer_fin",class="abrupt",initiator="peer",phase="live",cohort="none"} 1'; do
    [ $SECONDS -lt $deadline ] || fail "the close is not counted as peer_fin"
    sleep 0.05
done

kill -TERM "$server"
wait "$server" || fail "the server ended with status $?"
trap 'rm -f "$out"' EXIT
echo "smoke: joined, echoed, counted as peer_fin, drained"

"$binary" demo --for 10s >"$out" || fail "the demo: $(tail -n 5 "$out")"
# One player was cut, came back, and lost nothing.
grep -q '^comes back: cut [1-9][0-9]* times, back [1-9].*none lost, none twice$' "$out" || fail "the demo: nobody came back"
echo "smoke: demo: $(tail -n 1 "$out")"
