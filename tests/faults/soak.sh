#!/bin/sh
# Four processes fit, save, load and compress over shared files.
# Usage: soak.sh PROGRAM [SECONDS]
set -eu
folder=$(mktemp -d)
pids=
for seed in 1 2 3 4; do
    OPENBLAS_NUM_THREADS=1 "$1" "$folder" "${2:-600}" "$seed" &
    pids="$pids $!"
done
status=0
for pid in $pids; do wait "$pid" || status=1; done
left=$(find "$folder" -name '.fieldfold-*' | wc -l)
[ "$left" -eq 0 ] || { echo "$left temporary files are left"; status=1; }
rm -rf "$folder"
exit "$status"
