#!/usr/bin/env bash
# Runs the whole test suite again and again with one busy loop on each core, so that a flaky test shows. About 7 minutes a run.
# Usage: scripts/suite-under-load.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-20}
results=target/suite-under-load
mkdir -p "$results"
cargo test --workspace --no-run --quiet

loops=()
trap 'kill "${loops[@]}" 2>/dev/null || true' EXIT
for _ in $(seq "$(nproc)"); do
    sh -c 'while :; do :; done' &
    loops+=($!)
done

failed=0
for run in $(seq "$runs"); do
    log=$results/$run.log
    cargo test --workspace --no-fail-fast >"$log" 2>&1 && verdict=passed || verdict=FAILED
    [ "$verdict" = passed ] || failed=$((failed + 1))
    echo "run $run of $runs: $verdict, $(grep -cE '^test .* ok$' "$log") tests passed ($log)"
    grep -E '^test .* FAILED$' "$log" || true
done
echo "$((runs - failed)) of $runs runs without a failure"
[ "$failed" -eq 0 ]
