#!/bin/sh
# Builds a project with fieldfold as a subproject from a copy of the tree, and checks what is rebuilt after an interface
# changes. Builds and runs an example that is such a project, too. Then builds the interfaces with -fopenmp and for
# C++23, as importers with these arguments need them, and links them with the same library.
# Usage: modules.sh SOURCE_ROOT WORK_FOLDER
set -eu
source=$1
work=$2

rm -rf "$work"
mkdir -p "$work/subprojects/fieldfold"
cp "$source"/tests/consumers/modules/* "$work"
cp -r "$source/examples/surrogate" "$work/subprojects"
tar -C "$source" -cf - meson.build meson_options.txt modules src interfaces | tar -C "$work/subprojects/fieldfold" -xf -
cd "$work"

fail() {
    echo "failed: $*"
    echo "1 test case out of 4 failed"
    exit 1
}

# Unoptimized and without debug information, because only the build is tested.
ranks=
! command -v mpicc > ranks.log || ranks=-Dfieldfold:mpi=enabled
# shellcheck disable=SC2086 # one word, or none
meson setup plain --buildtype=plain -Doptimization=0 -Dsurrogate:warning_level=3 -Dsurrogate:werror=true $ranks \
    > setup.log || { cat setup.log; fail "meson setup"; }
ninja -C plain > build.log || { cat build.log; fail "the build"; }
(cd plain && ./solver && ./threads && ./fields > fields.log && ./tables) || fail "the consumer as built"
[ -z "$ranks" ] || (cd plain && mpirun -n 3 ./ranks) || fail "the consumer on three ranks"
# An example that is a project of its own, with the modules that are built already.
plain/subprojects/surrogate/surrogate > printed || { cat printed; fail "the example surrogate"; }
for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy' 2> /dev/null && break
done
"$python" "$source/tests/consumers/examples.py" surrogate > checks 2>&1 ||
    { cat printed checks; fail "what the example surrogate prints"; }
ninja -C plain | grep -q 'no work to do' || fail "a second build has work to do"

touch subprojects/fieldfold/modules/pod/svd.cppm
ninja -C plain -n > rebuild.log
# What an interface is compiled to.
compiled=gcm
"${CXX:-clang++-19}" --version | grep -q clang && compiled=pcm
for part in fieldfold.pod.svd.$compiled fieldfold.files.map.$compiled fieldfold.$compiled pod_svd.cpp.o files_spec.cpp.o \
    solver.cpp.o; do
    grep -q "$part" rebuild.log || fail "$part is not rebuilt after pod/svd.cppm is touched"
done
for part in fieldfold.rbf.interpolator.$compiled fieldfold.compression.grid.$compiled compression_grid.cpp.o \
    linalg_dense.cpp.o; do
    ! grep -q "$part" rebuild.log || fail "$part is rebuilt after pod/svd.cppm is touched"
done

meson setup openmp --buildtype=plain -Doptimization=0 -Dfieldfold:openmp=true -Dfieldfold:modules_std=c++23 \
    "-Dcpp_args=-fopenmp -std=c++23" -Dcpp_link_args=-fopenmp > setup.log || { cat setup.log; fail "meson setup with OpenMP"; }
link_with_openmp() {  # PROGRAM OBJECT
    ninja -C openmp "$1.p/$2.cpp.o" > build.log || { cat build.log; fail "the build with OpenMP"; }
    link=$(ninja -C plain -t commands "$1" | tail -n 1 | sed "s| $1.p/| ../openmp/$1.p/|; s| -o $1 | -o ../openmp/$1 |")
    (cd plain && sh -c "$link -fopenmp") || fail "linking $1 with OpenMP"
}
link_with_openmp threads threads
link_with_openmp fields fields
(cd openmp && OMP_NUM_THREADS=8 ./threads > threads.log) || fail "the consumer with OpenMP"
grep -q '^8 threads' openmp/threads.log || fail "OpenMP is not enabled"
(cd openmp && OMP_NUM_THREADS=8 ./fields > fields.log) && cmp plain/fields.log openmp/fields.log ||
    fail "the comparison of results with and without OpenMP"
echo "4 test cases out of 4 passed"
