#!/usr/bin/env bash
# Checks that each crate compiles by itself with every combination of its features, so that none of them relies on features
# that another crate of the workspace turns on.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$(scripts/tools.sh):$PATH"
cargo hack check --quiet --locked --workspace --feature-powerset
