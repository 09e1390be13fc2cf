#!/bin/sh
# Builds the library for MPICH, and runs the tests on its ranks, which wait for each other at full speed.
# Usage: mpich.sh [BUILD_FOLDER [RANKS]]; default: on 1, 2, 3, 4 and 7 ranks, 12347
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/mpich}
ranks=${2:-12347}

# shellcheck disable=SC2046 # one word per package
"$root/install-packages.sh" mpich libmpich-dev libscalapack-mpich-dev $(cat "$root/tests/packages.txt")
[ -f "$build/build.ninja" ] ||
    CXX="${CXX:-clang++-19}" meson setup "$build" "$root" -Dwerror=true -Dtests=enabled -Dcli=disabled \
        -Dexamples=disabled -Dmpi=enabled -Dmpicc=mpicc.mpich -Dnpz=disabled -Dhdf5=disabled -Dnetcdf=disabled \
        -Dvtk=disabled
ninja -C "$build" tests/ranks
# shellcheck disable=SC2046 # one word per test
meson test -C "$build" --no-rebuild --print-errorlogs \
    $(meson test -C "$build" --no-rebuild --list 2> /dev/null | sed 's/.* //' | grep -e "mpi/ranks_[$ranks]" -e mpi/killed)
