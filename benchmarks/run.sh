#!/bin/sh
# Installs missing packages, builds a release, and compares fieldfold with its peers: a table on standard output.
#
#     benchmarks/run.sh [--large] [--only NAME ...]          decomposition; --large adds a file of 4 GB
#     benchmarks/run.sh interpolation [--only NAME ...]      interpolation; --only selects cases
#     benchmarks/run.sh formats [--samples N] [--points N]   fit from each file format, relative to .npy
#     benchmarks/run.sh ranks [--json FILE] [--only NAME ...]   maps of rows distributed over ranks of MPI
set -eu
cd "$(dirname "$0")/.."
script=peers.py
packages=
mpi=
if [ "${1:-}" = interpolation ]; then
    script=interpolation_peers.py
    shift
elif [ "${1:-}" = formats ]; then
    script=formats.py
    packages='libzip-dev libhdf5-dev libnetcdf-dev libvtk9-dev cmake python3-h5py python3-netcdf4 python3-meshio'
    shift
elif [ "${1:-}" = ranks ]; then
    script=ranks.py
    packages='libopenmpi-dev openmpi-bin libscalapack-openmpi-dev'
    mpi=-Dmpi=enabled
    shift
fi

# shellcheck disable=SC2086 # one word per package
./install-packages.sh clang-19 meson ninja-build pkg-config libxtensor-dev libxtensor-blas-dev libcereal-dev \
    libopenblas-dev libnanoflann-dev libxsimd-dev libqhull-dev libsuitesparse-dev nlohmann-json3-dev libxxhash-dev \
    libcli11-dev libbenchmark-dev libalglib-dev python3-numpy python3-scipy python3-sklearn $packages >&2
[ -f build/benchmarks/build.ninja ] ||
    CXX="${CXX:-clang++-19}" meson setup build/benchmarks --buildtype=release -Dbenchmarks=enabled -Dcli=enabled \
        -Dtests=disabled -Dexamples=disabled ${mpi:+"$mpi"} >&2
# The folder may be one without MPI.
[ -z "$mpi" ] || meson configure build/benchmarks "$mpi" >&2
ninja -C build/benchmarks >&2
exec /usr/bin/python3 "benchmarks/$script" build/benchmarks "$@"
