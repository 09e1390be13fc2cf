#!/usr/bin/env python3
"""The example cylinder_wake_ranks on several ranks gives the map of one rank.
Usage: cylinder_wake.py EXAMPLE PROGRAM MPIRUN WORK_FOLDER
"""
import json
import pathlib
import subprocess
import sys

example, program = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
mpirun, work = sys.argv[3], pathlib.Path(sys.argv[4]).resolve()
failures = []


def run(*arguments, folder=work):
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=True, timeout=250).stdout


def map_of(ranks):
    folder = work / str(ranks)
    folder.mkdir(parents=True, exist_ok=True)
    run(mpirun, "-n", str(ranks), example, "200", "8", folder=folder)
    return str(folder / "cylinder_wake_ranks.fold")


alone = map_of(1)
facts = json.loads(run(program, "info", alone, "--json"))
for ranks in (2, 3, 7):
    path = map_of(ranks)
    found = json.loads(run(program, "info", path, "--json"))
    angles = json.loads(run(program, "compare", alone, path, "--json"))["angles_in_degrees"]
    values, expected = found["singular_values"], facts["singular_values"]
    # The truncated singular values have half of the digits where a Gram matrix has been used.
    if max(abs(a - b) for a, b in zip(values[:8], expected[:8])) > 1e-12 * expected[0]:
        failures.append(f"{ranks} ranks: singular values {values[:8]}, expected {expected[:8]}")
    # The gap between the last kept singular value and the next amplifies rounding errors.
    tolerance = 1e-12 * expected[0] / (expected[7] - expected[8]) * 180 / 3.14159
    if max(angles) > tolerance:
        failures.append(f"{ranks} ranks: angles {angles}, expected at most {tolerance}")

for failure in failures:
    print(failure)
print("1 test case out of 1 failed" if failures else "1 test case out of 1 passed")
sys.exit(bool(failures))
