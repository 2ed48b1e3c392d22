#!/usr/bin/env bash
# Measures every claim about silence, and puts the tables into one file; some hours.
# Usage: scripts/silence.sh PATH_TO_LASTWORD_SILENCE [DIRECTORY_FOR_RESULTS]
set -euo pipefail

binary=${1:?usage: scripts/silence.sh PATH_TO_LASTWORD_SILENCE [DIRECTORY]}
results=${2:-target/silence}
mkdir -p "$results"
tables=$results/tables.txt
: >"$tables"

failed=''
for what in matrix detection outages loss stopped idle-cost mass-outage; do
    started=$SECONDS
    echo "== $what" | tee -a "$tables"
    # Its progress is on standard error, and is kept next to the figures.
    "$binary" "$what" --json "$results/$what.json" 2>"$results/$what.log" | tee -a "$tables" || failed="$failed $what"
    echo "$((SECONDS - started)) s" | tee -a "$tables"
done
echo "$(uname -sr), $(nproc) cores, $(date -u +%F)" | tee -a "$tables"
[ -z "$failed" ] || { echo "not as it has to be:$failed (see $results)" >&2; exit 1; }
