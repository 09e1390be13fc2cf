#!/bin/sh
# Runs one test of each folder under valgrind: no invalid access, no use of uninitialized memory, nothing lost.
# Usage: memcheck.sh [BUILD_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/memcheck}
tests="base/npy linalg/dense points/neighbors rows/npy decomposition/errors fields/space rbf/system
       interpolation/operators compression/grid pod/gappy files/map interfaces/c cli/fields"

# shellcheck disable=SC2046 # one word per package
"$root/install-packages.sh" valgrind $(cat "$root/tests/packages.txt")
# Without debug information: valgrind of Debian 12 does not read that of clang.
[ -f "$build/build.ninja" ] ||
    CXX="${CXX:-clang++-19}" meson setup "$build" "$root" -Dbuildtype=release -Dtests=enabled -Dcli=enabled -Dexamples=disabled
cd "$root/tests"
passed=0
failed=0
for name in $tests; do
    target=tests/test_$(echo "$name" | tr / _)
    ninja -C "$build" src/fieldfold "$target" > /dev/null
    if OPENBLAS_NUM_THREADS=1 valgrind -q --trace-children=yes --trace-children-skip='*/sh,*/bin/*' --leak-check=full \
        --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=9 "$build/$target" --color_output=no; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$name failed"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
