#!/usr/bin/env bash
# Plays whole sessions in virtual time, with seeded faults: no frame is lost, none comes twice, each comes in its order. Fails
# at the first broken promise, and prints the seed that plays it again.
# Usage: scripts/simulate.sh [SESSIONS]     10,000 without a number; SEED=N is the first seed, 0 without it
set -euo pipefail
cd "$(dirname "$0")/.."

SESSIONS=${1:-10000} SEED=${SEED:-0} RUST_BACKTRACE=0 \
    cargo test --quiet --release --package lastword-session --test simulation -- --ignored --nocapture
