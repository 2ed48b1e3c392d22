#!/usr/bin/env bash
# Plays the article's cases many times in a row, and stops at the first run in which one is not as documented.
# Usage: scripts/cases.sh PATH_TO_LASTWORD [RUNS]
set -euo pipefail

binary=${1:?usage: scripts/cases.sh PATH_TO_LASTWORD [RUNS]}
runs=${2:-50}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
started=$SECONDS
for ((run = 1; run <= runs; run++)); do
    "$binary" cases >"$out" || {
        echo "run $run of $runs:" >&2
        cat "$out" >&2
        exit 1
    }
    if [ "$run" -eq 1 ] || [ "$run" -eq "$runs" ]; then tail -n 1 "$out"; fi
done
echo "$runs runs in $((SECONDS - started)) s"
