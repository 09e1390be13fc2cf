#!/bin/sh
# Installs missing packages, builds the example with optimization, runs it, and writes a report of its map. Repeated runs
# skip completed steps.
set -eu
cd "$(dirname "$0")"

./install-packages.sh clang-19 meson ninja-build pkg-config libxtensor-dev libxtensor-blas-dev libcereal-dev \
    libopenblas-dev libnanoflann-dev libxsimd-dev libqhull-dev libsuitesparse-dev nlohmann-json3-dev libxxhash-dev \
    libcli11-dev libstb-dev node-d3 zlib1g-dev
[ -f build/demo/build.ninja ] ||
    CXX="${CXX:-clang++-19}" meson setup build/demo --buildtype=release -Dtests=disabled -Dexamples=enabled -Dcli=enabled -Dreport=enabled
ninja -C build/demo
build/demo/examples/cylinder_wake
build/demo/src/fieldfold report cylinder_wake.fold --field ux=cylinder_wake_ux.npy --field uy=cylinder_wake_uy.npy \
    -o cylinder_wake.html
