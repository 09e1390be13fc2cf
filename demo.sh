#!/bin/sh
# Installs missing packages, builds the example with optimization, and runs it. Repeated runs skip completed steps.
set -eu
cd "$(dirname "$0")"

./install-packages.sh clang-19 meson ninja-build pkg-config libxtensor-dev libxtensor-blas-dev libcereal-dev \
    libopenblas-dev libnanoflann-dev libxsimd-dev libqhull-dev libsuitesparse-dev nlohmann-json3-dev libxxhash-dev \
    libcli11-dev libstb-dev
[ -f build/demo/build.ninja ] ||
    CXX="${CXX:-clang++-19}" meson setup build/demo --buildtype=release -Dtests=disabled -Dexamples=enabled
ninja -C build/demo
exec build/demo/examples/cylinder_wake
