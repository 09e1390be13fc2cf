#!/bin/sh
# Installs missing packages, builds a release, and compares fieldfold with its peers: a table on standard output.
#
#     benchmarks/run.sh [--large] [--only NAME ...]          decomposition; --large adds a file of 4 GB
#     benchmarks/run.sh interpolation [--only NAME ...]      interpolation; --only selects cases
set -eu
cd "$(dirname "$0")/.."
script=peers.py
if [ "${1:-}" = interpolation ]; then
    script=interpolation_peers.py
    shift
fi

./install-packages.sh clang-19 meson ninja-build pkg-config libxtensor-dev libxtensor-blas-dev libcereal-dev \
    libopenblas-dev libnanoflann-dev libxsimd-dev libqhull-dev libsuitesparse-dev nlohmann-json3-dev libxxhash-dev \
    libcli11-dev libbenchmark-dev libalglib-dev python3-numpy python3-scipy python3-sklearn >&2
[ -f build/benchmarks/build.ninja ] ||
    CXX="${CXX:-clang++-19}" meson setup build/benchmarks --buildtype=release -Dbenchmarks=enabled -Dcli=enabled \
        -Dtests=disabled -Dexamples=disabled >&2
ninja -C build/benchmarks >&2
exec /usr/bin/python3 "benchmarks/$script" build/benchmarks "$@"
