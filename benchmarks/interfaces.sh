#!/bin/sh
# Compares C, Fortran and Python with C++, in one run.
# Usage: interfaces.sh [BUILD_FOLDER]; one with benchmarks and the shared library, or none yet
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/benchmarks}
cd "$build"
[ -f benchmarks/bench_interfaces ] || { echo "run benchmarks/run.sh first, which sets up $build"; exit 1; }
meson compile benchmarks/bench_interfaces fieldfold:shared_library > /dev/null
gfortran -O2 -Jbenchmarks -o benchmarks/bench_fortran "$root/interfaces/fortran/fieldfold.f90" \
    "$root/benchmarks/interfaces.f90" -Linterfaces -lfieldfold
export LD_LIBRARY_PATH=interfaces FIELDFOLD_LIBRARY="$build/interfaces/libfieldfold.so" PYTHONPATH="$root/interfaces/python"
benchmarks/bench_interfaces benchmarks/interfaces.fold
for round in 1 2 3 4 5; do
    benchmarks/bench_interfaces benchmarks/interfaces.fold C++
    benchmarks/bench_interfaces benchmarks/interfaces.fold C
    benchmarks/bench_fortran benchmarks/interfaces.fold
    /usr/bin/python3 "$root/benchmarks/interfaces.py" benchmarks/interfaces.fold
done | tee benchmarks/interfaces.log
median() { awk -v name="$1" '$1 == name { print $2 }' benchmarks/interfaces.log | sort -g | sed -n 3p; }
for language in C Fortran Python; do
    echo "$language $(median "$language") C++ $(median C++)" | awk '{ printf "%s / C++ %.3f\n", $1, $2 / $4 }'
done
