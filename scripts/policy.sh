#!/usr/bin/env bash
# Checks the dependencies: their licences, their sources and the layers between crates (deny.toml), and that each of them is
# used. Known advisories are not checked, since their database is not a package of any registry.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$(scripts/tools.sh):$PATH"
failed=''
for manifest in Cargo.toml bench/Cargo.toml fuzz/Cargo.toml; do
    echo "$manifest:"
    cargo deny --locked --manifest-path "$manifest" --config deny.toml --log-level error --workspace \
        check licenses sources bans || failed="$failed cargo-deny($manifest)"
    cargo shear --locked --deny-warnings "$(dirname "$manifest")" || failed="$failed cargo-shear($manifest)"
done
[ -z "$failed" ] || { echo "policy: failed:$failed" >&2; exit 1; }
