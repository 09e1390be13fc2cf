#!/bin/sh
# Installs missing packages, builds the tests with warnings as errors, and runs them. Repeated runs skip completed
# steps. The last line is the total of test cases. FIELDFOLD_DATA is a folder of real snapshots, for additional tests.
set -eu
cd "$(dirname "$0")"

# shellcheck disable=SC2046 # one word per package
./install-packages.sh $(cat tests/packages.txt)
[ -f build/test/build.ninja ] ||
    CXX="${CXX:-clang++-19}" meson setup build/test -Dwerror=true -Dtests=enabled -Dcli=enabled -Dexamples=enabled -Dmpi=enabled
ninja -C build/test
[ -n "${FIELDFOLD_DATA:-}" ] || echo "FIELDFOLD_DATA is not set: the tests on real snapshots are skipped"
status=0
meson test -C build/test --no-rebuild --print-errorlogs || status=$?

# Each program reports its test cases. A crash without any reported failure counts as one failure.
awk -v status="$status" '
    / test cases? out of [0-9]+ passed/ { passed += $1 }
    / test cases? out of [0-9]+ (failed|aborted)/ { failed += $1 }
    / test cases? out of [0-9]+ skipped/ { skipped += $1 }
    END {
        if (status != 0 && failed == 0) failed = 1
        if (skipped > 0) printf "%d skipped\n", skipped
        printf "%d passed, %d failed\n", passed, failed
    }' build/test/meson-logs/testlog.txt
exit "$status"
