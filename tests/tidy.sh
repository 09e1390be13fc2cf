#!/bin/sh
# Runs clang-tidy on the sources, which takes up to a minute per file.
# Examples that are projects of their own are left out: the build does not know how they are compiled.
# Usage: tidy.sh CLANG_TIDY SOURCE_ROOT BUILD_ROOT
set -eu
cd "$3"
find "$2/src" "$2/examples/cylinder_wake" -name '*.cpp' | sort | xargs -P "$(nproc)" -n 1 "$1" --quiet -p .
