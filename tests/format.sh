#!/bin/sh
# Reports where the sources differ from the output of clang-format.
# Usage: format.sh CLANG_FORMAT SOURCE_ROOT
set -eu
cd "$2"
if find modules src interfaces tests examples benchmarks -name '*.cpp' -o -name '*.[ch]' -o -name '*.hpp' -o -name '*.cppm' |
    xargs "$1" --dry-run -Werror; then
    echo "1 test case out of 1 passed"
else
    echo "1 test case out of 1 failed"
    exit 1
fi
