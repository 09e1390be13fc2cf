#!/bin/sh
# Builds the fuzz targets with the address and undefined-behaviour sanitizers, makes seeds from valid files of every
# kind, and runs each target.
# Usage: run.sh [SECONDS_OF_EACH] [BUILD_FOLDER]
set -eu
seconds=${1:-60}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${2:-$root/build/address-undefined}
case $build in /*) ;; *) build=$PWD/$build ;; esac

"$root/tests/sanitize.sh" address,undefined "$build" setup
ninja -C "$build" src/fieldfold tests/fuzz/fuzz_map tests/fuzz/fuzz_npy tests/fuzz/fuzz_spec tests/fuzz/fuzz_c

# OpenBLAS and the solvers keep their memory until the end of the program.
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-19 || true)
export ASAN_SYMBOLIZER_PATH ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 OPENBLAS_NUM_THREADS=1
seeds=$build/seeds
rm -rf "$seeds"
mkdir -p "$seeds/map" "$seeds/npy" "$seeds/spec" "$seeds/c" "$seeds/files"
program=$build/src/fieldfold

# A .npy file of 4096 bytes. Usage: array NAME DESCRIPTION SHAPE FIRST LETTERS LAST [FORTRAN_ORDER]: each number has
# the bytes FIRST, as many random letters, and LAST; '?' is the first byte of numbers below 1.
array() {
    header="{'descr': '$2', 'fortran_order': ${7:-False}, 'shape': $3, }"
    {
        printf '\223NUMPY\001\000v\000%-117s\n' "$header"
        awk -v first="$4" -v letters="$5" -v last="$6" 'BEGIN {
            srand(1)
            for (size = 0; size < 4096; size += length(first) + letters + length(last)) {
                printf "%s", first
                for (i = 0; i < letters; ++i) printf "%s", substr("abcdefghijklmnopqrstuvwxyz", 1 + int(26 * rand()), 1)
                printf "%s", last
            }
        }'
    } > "$seeds/npy/$1.npy"
}
array doubles '<f8' '(8, 64)' '' 7 '?'
array columns '<f8' '(16, 32)' '' 7 '?' True
array floats '>f4' '(16, 64)' '?' 3 ''
array halves '<f2' '(2, 8, 128)' '' 1 '8'
array marks '|b1' '(4096,)' '' 1 ''
array whole '<i8' '(64, 8)' '' 1 '       '

cd "$seeds/files"
"$program" interpolate --coords ../npy/doubles.npy --to ../npy/doubles.npy --interpolate-method nearest \
    --save-operator nearest.fold
fit() { "$program" fit --quiet "$@" || echo "no seed from: fit $*"; }
for single in "" --single; do
    fit --data ../npy/doubles.npy --rank 2 $single -o "plain$single.fold"
    fit --field u=../npy/doubles.npy --rank 2 --center --normalize zscore --keep-training-latents $single \
        -o "centred$single.fold"
    fit --field u=../npy/doubles.npy --rank 2 --standardize --mask auto --missing-value 3 --validate 4 $single \
        -o "standardized$single.fold"
    fit --field u=../npy/halves.npy --components 128 --grid-axes 1 --rank 2 --kernel gaussian --epsilon 2 --neighbors 9 \
        --periods 0,360 $single -o "options$single.fold"
done
cp "$root"/tests/figures/format_*.fold .
for file in *.fold; do tail -c +9 "$file" | head -c -16 > "$seeds/map/$file"; done

cat > "$seeds/spec/fields.json" << 'JSON'
{"method": "svd", "fields": ["u", "v"], "coords": [[0, 0], [1, 0], [0, 1]], "interpolate_method": "rbf",
 "interpolate_opts": {"kernel": "gaussian", "epsilon": 2, "neighbors": 3, "smoothing": 0.1, "degree": 0},
 "field_opts": {"normalize": {"u": "zscore"}, "center": true, "point_weights": [1, 2, 3], "mask": "auto"},
 "rank": 2, "keep_training_latents": true}
JSON
cat > "$seeds/spec/data.json" << 'JSON'
{"data_matrix": [[1, 2, 3], [4, 5, 6], [7, 8, 10], [1, 0, 1]], "energy_tol": 0.9, "validate_every": 0,
 "field_opts": {"mass": {"rows": [0, 1, 2, 3], "columns": [0, 1, 2, 3], "values": [1, 2, 3, 4]},
                "missing_values": [-9999], "gappy_snapshots": "fill", "gappy_states": "nan"}}
JSON

cp "$seeds"/spec/* "$seeds/c"
for option in '"max_rank": 3, "tolerance": 0.1' '"interpolate_method": "nearest"' '"kernel": "cubic", "neighbors": 4' \
    '"max_rank": 2, "forgetting": 0.9, "block": 2'; do
    echo "{$option}" > "$seeds/c/$(echo "$option" | cksum | cut -d ' ' -f 1).json"
done

fuzz() {  # TARGET
    mkdir -p "$build/corpus/$1" "$build/findings"
    words=$here/$1.dict
    [ -f "$words" ] || words=$here/spec.dict
    rm -f "$build/$1.failed"
    "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -max_len=65536 -timeout=10 -malloc_limit_mb=256 \
        -rss_limit_mb=2048 -dict="$words" -artifact_prefix="$build/findings/$1-" -print_final_stats=1 \
        "$build/corpus/$1" "$seeds/$1" > "$build/$1.log" 2>&1 || touch "$build/$1.failed"
}
status=0
for pair in 'map npy' 'spec c'; do
    for target in $pair; do fuzz "$target" & done
    wait
    for target in $pair; do
        echo "fuzzed $target for $seconds seconds"
        grep -E 'number_of_executed_units|peak_rss' "$build/$target.log" || true
        [ -f "$build/$target.failed" ] || continue
        status=1
        echo "a finding: $build/$target.log"
        grep -m 3 -E 'ERROR|SUMMARY|runtime error' "$build/$target.log" || true
    done
done
exit "$status"
