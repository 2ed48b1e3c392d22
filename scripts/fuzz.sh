#!/usr/bin/env bash
# Builds the fuzz targets of fuzz/ with the stable toolchain and runs each for some seconds under libFuzzer, which follows the
# coverage. Fails at a finding, and says how to play it again. The corpus stays in fuzz/target for the next run.
# Usage: scripts/fuzz.sh [SECONDS [TARGET]...]
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:-5}
[ $# -eq 0 ] || shift
targets=("$@")
[ $# -gt 0 ] || targets=(decoder hello goodbye dialect)

# These are the flags of cargo-fuzz, except for the address sanitizer, which only nightly compilers have. The code under
# test has no unsafe code, so it is not needed. With --target the build scripts are not instrumented.
host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --quiet --release --locked --target "$host" --target-dir "$target_dir"

work=$target_dir/fuzz
python3 seeds.py "$work/seeds"
for target in "${targets[@]}"; do
    mkdir -p "$work/corpus/$target" "$work/findings/$target"
    program=$target_dir/$host/release/$target
    log=$work/$target.log
    if ! RUST_BACKTRACE=0 "$program" -max_total_time="$seconds" -timeout=25 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$work/findings/$target/" "$work/corpus/$target" "$work/seeds/$target" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target has a finding; play it again with $program FILE ($log)" >&2
        exit 1
    fi
    begin=$(sed -n 's/^#[0-9]*\tINITED cov: \([0-9]*\).*/\1/p' "$log")
    end=$(sed -n 's/^#\([0-9]*\)\tDONE *cov: \([0-9]*\) ft: \([0-9]*\).*/\2 branches and \3 features covered in \1 runs/p' "$log")
    [ "${begin:-0}" -gt 0 ] && [ -n "$end" ] || {
        echo "fuzz: $target runs without coverage ($log)" >&2
        exit 1
    }
    echo "fuzz: $target: $end; $begin branches were known at the start"
done
