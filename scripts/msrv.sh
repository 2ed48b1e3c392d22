#!/usr/bin/env bash
# Checks that the workspace, its tests included, compiles with the stated MSRV. Debian 12 has that very compiler as a package;
# it is unpacked into target/msrv and not installed. Says so and succeeds where the package cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

msrv=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
root=$PWD/target/msrv
if [ ! -x "$root/usr/bin/rustc" ]; then
    version=$(apt-cache madison rustc-web 2>/dev/null | awk -v msrv="$msrv" 'index($3, msrv) == 1 { print $3; exit }')
    if [ -z "$version" ]; then
        echo "skipped: msrv: no Debian package with rustc $msrv here"
        exit 0
    fi
    mkdir -p "$root/packages"
    (cd "$root/packages" && apt-get download -qq "rustc-web=$version" "libstd-rust-web-dev=$version" \
        "libstd-rust-web-$msrv" libllvm19)
    for package in "$root"/packages/*.deb; do dpkg -x "$package" "$root"; done
fi
# Bash hands on what is no name in a shell, such as CARGO_BIN_EXE_lastword-silence; dash drops it.
cat > "$root/rustc" <<SH
#!/bin/bash
LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu exec $root/usr/bin/rustc --sysroot $root/usr "\$@"
SH
chmod +x "$root/rustc"
"$root/rustc" --version
RUSTC="$root/rustc" CARGO_TARGET_DIR="$root/target" cargo check --workspace --tests
