#!/bin/sh
# A rank that is killed while a map is saved leaves the old file, and the next save removes what is left of it.
# Usage: killed.sh MPIRUN PROGRAM FOLDER
mpirun=$1
program=$2
folder=$3
failed=0
rm -rf "$folder"
mkdir -p "$folder"
for ranks in 1 2 3; do
  echo old > "$folder/map.fold"
  timeout 60 "$mpirun" -n $ranks "$program" --die-in-save "$folder/map.fold" > "$folder/log" 2>&1
  status=$?
  if [ $status -eq 0 ] || [ $status -eq 124 ]; then
    echo "$ranks ranks: expected an end by a signal, got status $status"
    failed=1
  fi
  if [ "$(cat "$folder/map.fold")" != old ]; then
    echo "$ranks ranks: expected the old file"
    failed=1
  fi
done
timeout 60 "$mpirun" -n 2 "$program" --save "$folder/map.fold" > "$folder/log" 2>&1 || failed=1
if [ "$(head -c 8 "$folder/map.fold")" != FIELDFLD ] || [ "$(ls -A "$folder" | sort | tr '\n' ' ')" != "log map.fold " ]; then
  echo "expected a map and no other file, got $(ls -A "$folder")"
  failed=1
fi
echo "1 test case out of 1 $([ $failed -eq 0 ] && echo passed || echo failed)"
exit $failed
