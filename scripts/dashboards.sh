#!/usr/bin/env bash
# Parses the dashboards with Grafana's own types, in a virtual environment under target/. Says so and succeeds where its packages
# cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$PWD/target/dashboards
python=$environment/bin/python
if ! "$python" -c 'import grafana_foundation_sdk' 2>/dev/null; then
    if ! { python3 -m venv "$environment" &&
        "$python" -m pip install --quiet --require-hashes -r deploy/grafana/requirements.txt; } >/dev/null 2>&1; then
        echo "skipped: dashboards: its Python packages cannot be had here, see deploy/grafana/requirements.in"
        exit 0
    fi
fi
"$python" deploy/grafana/roundtrip.py
