#!/bin/sh
# Builds a project with fieldfold as a subproject, from a copy of the tree, without and with OpenMP; then touches an
# interface and checks what is rebuilt.
# Usage: consumer.sh SOURCE_ROOT WORK_FOLDER
set -eu
source=$1
work=$2

rm -rf "$work"
mkdir -p "$work/subprojects/fieldfold"
cp "$source"/tests/consumer/* "$work"
tar -C "$source" -cf - meson.build meson_options.txt modules src | tar -C "$work/subprojects/fieldfold" -xf -
cd "$work"

fail() {
    echo "failed: $*"
    echo "1 test case out of 3 failed"
    exit 1
}
expect_no_work() {
    ninja -C plain | grep -q 'no work to do' || fail "a second build has work to do"
}

meson setup plain --buildtype=debug > setup.log || { cat setup.log; fail "meson setup"; }
ninja -C plain > build.log || { cat build.log; fail "the build"; }
(cd plain && ./consumer && ./threads && ./fields > fields.log) || fail "the consumer as it was built"
expect_no_work

touch subprojects/fieldfold/modules/pod/svd.cppm
ninja -C plain -n > rebuild.log
for part in fieldfold.pod.svd.pcm fieldfold.files.map.pcm fieldfold.pcm pod_svd.cpp.o files_spec.cpp.o main.cpp.o; do
    grep -q "$part" rebuild.log || fail "$part is not rebuilt after svd.cppm is touched"
done
for part in fieldfold.rbf.interpolator.pcm fieldfold.compression.grid.pcm compression_grid.cpp.o linalg_dense.cpp.o; do
    ! grep -q "$part" rebuild.log || fail "$part is rebuilt after svd.cppm is touched"
done
ninja -C plain > build.log || { cat build.log; fail "the build after svd.cppm is touched"; }
(cd plain && ./consumer) || fail "the consumer after svd.cppm is touched"
expect_no_work

meson setup openmp --buildtype=debug -Dfieldfold:openmp=true -Dcpp_args=-fopenmp -Dcpp_link_args=-fopenmp > setup.log ||
    { cat setup.log; fail "meson setup with OpenMP"; }
ninja -C openmp > build.log || { cat build.log; fail "the build with OpenMP"; }
(cd openmp && OMP_NUM_THREADS=8 ./threads > threads.log && ./consumer) || fail "the consumer with OpenMP"
grep -q '^8 threads' openmp/threads.log || fail "OpenMP is not on"
(cd openmp && OMP_NUM_THREADS=8 ./fields > fields.log) && cmp plain/fields.log openmp/fields.log ||
    fail "the agreement of consumers with OpenMP and without"
echo "3 test cases out of 3 passed"
