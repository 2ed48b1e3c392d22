#!/usr/bin/env bash
# Builds the fuzz targets of fuzz/ with the stable toolchain and runs each under libFuzzer, which follows the coverage. Fails
# at a finding, and says how to play it again. A run begins with the inputs of fuzz/corpus and of fuzz/seeds.py; the inputs
# that it adds stay in fuzz/target for the next run.
# Usage: scripts/fuzz.sh [SECONDS [TARGET]...]   each target for so many seconds, 5 without a number
#        scripts/fuzz.sh depth [TARGET]...       each for its number of executions (10^8 or 10^7, hours in all), and a table;
#                                                a run that was stopped continues, as long as the program is the same
#        scripts/fuzz.sh keep [TARGET]...        writes the few inputs that reach every known branch to fuzz/corpus
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

mode=${1:-5}
[ $# -eq 0 ] || shift
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(basename -s .rs targets/*.rs)

# The parsers that an attacker reaches first, and with the least effort, run the longest.
executions() {
    case $1 in
        decoder | hello) echo 100000000 ;;
        *) echo 10000000 ;;
    esac
}
# A deep run that is stopped loses at most this.
slice_seconds=60

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

# Runs a target with these limits of libFuzzer. Prints how many runs there were, how many of a second, the branches that were
# known at the start, and the branches and features at the end.
run() {
    local target=$1 program=$target_dir/$host/release/$1 log=$work/$1.log begin end speed
    shift
    mkdir -p "$work/corpus/$target" "$work/findings/$target" "corpus/$target" "$work/seeds/$target"
    if ! RUST_BACKTRACE=0 "$program" "$@" -timeout=25 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$work/findings/$target/" "$work/corpus/$target" "corpus/$target" "$work/seeds/$target" \
        >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target has a finding; play it again with $program FILE ($log)" >&2
        exit 1
    fi
    begin=$(sed -n 's/^#[0-9]*\tINITED cov: \([0-9]*\).*/\1/p' "$log")
    end=$(sed -n 's/^#\([0-9]*\)\tDONE *cov: \([0-9]*\) ft: \([0-9]*\).*/\1 \2 \3/p' "$log")
    speed=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    [ "${begin:-0}" -gt 0 ] && [ -n "$end" ] || {
        echo "fuzz: $target runs without coverage ($log)" >&2
        exit 1
    }
    read -r runs branches features <<<"$end"
    echo "$runs $speed $begin $branches $features"
}

row='| %-10s | %11s | %12s | %8s | %8s |\n'
# shellcheck disable=SC2059 # the format is the row's
[ "$mode" != depth ] || printf "$row" target executions "a second" branches features

# Runs a target in slices up to its number of executions, and prints its row. Earlier executions of this program count.
deepen() {
    local target=$1 wanted sum log more runs=0 seconds=0 branches=- features=- begun figures
    wanted=$(executions "$target")
    sum=$(sha256sum "$target_dir/$host/release/$target")
    log=$work/$target-${sum:0:16}.executions
    [ ! -e "$log" ] || read -r runs seconds branches features <"$log"
    while [ "$runs" -lt "$wanted" ]; do
        begun=$SECONDS
        figures=$(run "$target" -runs=$((wanted - runs)) -max_total_time="$slice_seconds")
        read -r more _ _ branches features <<<"$figures"
        runs=$((runs + more))
        seconds=$((seconds + SECONDS - begun))
        echo "$runs $seconds $branches $features" >"$log"
    done
    # shellcheck disable=SC2059
    printf "$row" "$target" "$runs" $((runs / (seconds > 0 ? seconds : 1))) "$branches" "$features"
}

for target in "${targets[@]}"; do
    case $mode in
        keep)
            kept=$work/kept/$target
            rm -rf "$kept"
            mkdir -p "$kept" "$work/corpus/$target" "corpus/$target"
            "$target_dir/$host/release/$target" -set_cover_merge=1 -use_counters=0 -max_len=1024 "$kept" \
                "$work/corpus/$target" "corpus/$target" "$work/seeds/$target" >"$work/$target.log" 2>&1
            rm -rf "corpus/$target"
            cp -r "$kept" "corpus/$target"
            echo "fuzz: $target: $(find "corpus/$target" -type f | wc -l) inputs are kept"
            ;;
        depth)
            deepen "$target"
            ;;
        *)
            figures=$(run "$target" -max_total_time="$mode")
            read -r runs _ begin branches features <<<"$figures"
            echo "fuzz: $target: $branches branches and $features features covered in $runs runs; $begin branches were known at the start"
            ;;
    esac
done
