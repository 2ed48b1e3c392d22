#!/bin/sh
# Installs what the tests of the live page drive Chromium with: the packages that tests/browser/package-lock.json pins.
set -eu
cd "$(dirname "$0")/../tests/browser"

installed=node_modules/.package-lock.json
[ -f "$installed" ] && [ ! package-lock.json -nt "$installed" ] && exit 0
npm ci --silent --no-audit --no-fund
touch "$installed"
