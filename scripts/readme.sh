#!/usr/bin/env bash
# Pastes the README's example into a fresh crate that depends on the façade by path, and plays against it: a frame comes
# back, the end is told with its cause, and all frames before a goodbye reach the game.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
crate=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null || true; fi; rm -rf "$crate"' EXIT

fail() {
    echo "readme: $*" >&2
    exit 1
}

mkdir "$crate/src"
cat > "$crate/Cargo.toml" <<TOML
[package]
name = "twenty-lines"
version = "0.1.0"
edition = "2024"

[dependencies]
lastword = { path = "$root/crates/lastword" }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[workspace]
TOML
# As it is pasted, but for the two ports, which may be in use here.
awk '/^```rust/ { inside = 1; next } /^```/ { if (inside) exit } inside' README.md > "$crate/src/main.rs"
lines=$(grep -c . "$crate/src/main.rs")
sed -i 's/127\.0\.0\.1:7000/127.0.0.1:0/; s/127\.0\.0\.1:9464/127.0.0.1:0/' "$crate/src/main.rs"
# The versions that the workspace is tested with.
cp Cargo.lock "$crate/"
CARGO_TARGET_DIR="$root/target/readme" cargo build --quiet --manifest-path "$crate/Cargo.toml"

"$root/target/readme/debug/twenty-lines" > "$crate/out" &
server=$!
# It does not print its port: the kernel tells it.
deadline=$((SECONDS + 30))
port=
while [ -z "$port" ]; do
    [ $SECONDS -lt $deadline ] || fail "it does not listen"
    kill -0 "$server" 2>/dev/null || fail "it is gone"
    port=$(ss -Hltnp 2>/dev/null | awk -v pid="pid=$server," 'index($0, pid) && $2 == 0 && $3 == 4096 { sub(/.*:/, "", $4); print $4; exit }')
done

says_hello() {
    printf '\x00\x00\x28\x01LW\x01\x01\x02\x00\x01\x00\x00'
    head -c 28 /dev/zero
    printf '%s' "$1"
}

exec 3<>"/dev/tcp/127.0.0.1/$port"
says_hello ann >&3
[ "$(timeout 10 head -c 54 <&3 | wc -c)" -eq 54 ] || fail "no welcome"
printf '\x00\x00\x05\x00hello' >&3
[ "$(timeout 10 head -c 9 <&3 | tail -c 5)" = hello ] || fail "no echo"
exec 3>&-
until grep -q 'peer_fin in live' "$crate/out"; do
    [ $SECONDS -lt $deadline ] || fail "the end is not told: $(cat "$crate/out")"
    sleep 0.05
done

# A player who says six hundred things and goodbye: nothing of it is lost, also while the game answers.
frames=600
exec 3<>"/dev/tcp/127.0.0.1/$port"
says_hello bob >&3
[ "$(timeout 10 head -c 54 <&3 | wc -c)" -eq 54 ] || fail "no welcome"
{
    for ((n = 0; n < frames; n++)); do printf '\x00\x00\x05\x00hello'; done
    printf '\x00\x00\x09\x06\x01\x00\x00\x00\x00\x00\x00\x00\x00'
} >&3
# The answers are not read: a client that says goodbye discards them.
timeout 10 cat <&3 > /dev/null
exec 3>&-
until grep -q 'peer_goodbye in live' "$crate/out"; do
    [ $SECONDS -lt $deadline ] || fail "the goodbye is not told: $(cat "$crate/out")"
    sleep 0.05
done
admin=$(ss -Hltnp | awk -v pid="pid=$server," -v game="$port" 'index($0, pid) { sub(/.*:/, "", $4); if ($4 != game) { print $4; exit } }')
exec 4<>"/dev/tcp/127.0.0.1/$admin"
printf 'GET /api/closes?cause=peer_goodbye HTTP/1.0\r\nHost: localhost\r\n\r\n' >&4
record=$(timeout 10 cat <&4)
exec 4>&-
for count in "\"frames_in\":$frames," '"frames_undelivered":0,'; do
    case $record in
    *"$count"*) ;;
    *) fail "frames before the goodbye did not reach the game: $record" ;;
    esac
done

echo "readme: its $lines lines compile and run as pasted: $(cat "$crate/out")"
