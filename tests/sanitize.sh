#!/bin/sh
# Builds the library, its interfaces, the tests and, with the address sanitizer, the fuzz targets with sanitizers of
# clang, and runs the tests.
# Usage: sanitize.sh [address,undefined|thread] [BUILD_FOLDER] [setup]; setup: does no more than set up the build
set -eu
sanitizers=${1:-address,undefined}
root=$(cd "$(dirname "$0")/.." && pwd)
build=${2:-$root/build/$(echo "$sanitizers" | tr , -)}

# shellcheck disable=SC2046 # one word per package
"$root/install-packages.sh" libclang-rt-19-dev llvm-19 $(cat "$root/tests/packages.txt")
fuzz=
[ "$sanitizers" = thread ] || fuzz="-Dfuzz=enabled -Dcpp_args=-fsanitize=fuzzer-no-link"
# shellcheck disable=SC2086 # two words
[ -f "$build/build.ninja" ] ||
    CXX="${CXX:-clang++-19}" meson setup "$build" "$root" -Db_sanitize="$sanitizers" -Db_lundef=false -Dtests=enabled \
        -Dcli=enabled -Dexamples=disabled $fuzz
[ "${3:-}" != setup ] || exit 0
ninja -C "$build"
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-19)
export ASAN_SYMBOLIZER_PATH
export TSAN_OPTIONS="external_symbolizer_path=$ASAN_SYMBOLIZER_PATH suppressions=$root/tests/thread_sanitizer.txt"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
# The consumer has a build of its own, without sanitizers; others run nothing of this build.
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 5 \
    $(meson test -C "$build" --no-rebuild --list 2> /dev/null | sed 's/.* //' | grep -v -x -e consumers/modules -e format -e floors \
        -e manual/site -e version)
