#!/bin/sh
# Runs clang-tidy on the sources, which takes up to a minute per file.
# Usage: tidy.sh CLANG_TIDY SOURCE_ROOT BUILD_ROOT
set -eu
cd "$3"
find "$2/src" "$2/examples" -name '*.cpp' | sort | xargs -P "$(nproc)" -n 1 "$1" --quiet -p .
