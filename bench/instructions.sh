#!/usr/bin/env bash
# Counts the user instructions of a server per echoed message, by callgrind: 50 connections, DEPTH frames of 64 bytes in
# flight on each (1 without it), 4-byte length prefix. `-off` and `-on` speak our own wire: the clients decline to resume, or acknowledge
# frames. Two runs of different length are subtracted, so that start and end do not count.
# The servers must be built (`cargo build --release` in this directory); needs valgrind. About two minutes.
# Usage: ./instructions.sh [SUBJECT...], of: raw handler session raw-tls tls handler-off handler-on session-off session-on
set -euo pipefail
cd "$(dirname "$0")"

subjects=("$@")
[ "${#subjects[@]}" -gt 0 ] || subjects=(raw handler session)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
few=5000 many=25000

server() {
    case $1 in
        raw | raw-tls) echo target/release/peer "$1" ;;
        handler | session | tls) echo target/release/subject "$1" --framing u32 ;;
        *-off | *-on) echo target/release/subject "${1%-*}" ;;
        *) echo "instructions: no such subject: $1" >&2; exit 1 ;;
    esac
}

# Prints the instructions of one run.
count() {
    local subject=$1 messages=$2 out=$work/$1-$2 addr
    mkfifo "$out.stdin"
    # shellcheck disable=SC2046
    valgrind --tool=callgrind --callgrind-out-file="$out.callgrind" $(server "$subject") \
        <"$out.stdin" >"$out.addr" 2>"$out.log" &
    local pid=$!
    local wire=(--framing u32)
    case $subject in
        *tls) wire+=(--tls) ;;
        *-off) wire=(--framing lastword) ;;
        *-on) wire=(--framing lastword --resume) ;;
    esac
    exec 3>"$out.stdin"
    until [ -s "$out.addr" ]; do
        kill -0 $pid || { cat "$out.log" >&2; exit 1; }
        sleep 0.1
    done
    addr=$(sed -n 's/.*"\(127[^"]*\)".*/\1/p' "$out.addr")
    target/release/load "$addr" --connections 50 --depth "${DEPTH:-1}" --payload-bytes 64 --messages "$messages" \
        --seconds 600 --warm-up-seconds 0 "${wire[@]}" >"$out.load"
    exec 3>&-
    wait $pid
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$out.log"
}

for subject in "${subjects[@]}"; do
    less=$(count "$subject" $few)
    more=$(count "$subject" $many)
    echo "$subject: $(((more - less) / (many - few))) user instructions per message"
done
