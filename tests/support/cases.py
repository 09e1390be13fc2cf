"""Test cases of the program in Python, each in a folder of its own.

The arguments of a script that imports it begin with PROGRAM WORK_FOLDER.
"""
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import traceback


def imported(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


np = imported("numpy")
program, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
cases, faults = [], []


def case(name, modules="", endings="", *arguments):
    """Registers a test case that needs Python modules and formats."""

    def keep(check):
        cases.append((name, modules.split(), set(endings.split()), lambda: check(*arguments)))
        return check

    return keep


def expect(holds, *what):
    if not holds:
        faults.append(" ".join(map(str, what)))


def expect_close(found, right, tolerance, *what):
    """Equal shapes, NaN at the same places, and differences up to the tolerance times the largest number."""
    found, right = np.asarray(found), np.asarray(right, dtype=float)
    if found.shape != right.shape:
        return expect(False, *what, "has the shape", found.shape, "and not", right.shape)
    known = ~np.isnan(right)
    size, error = np.abs(right[known]).max(initial=0), np.abs(found - right)[known].max(initial=0)
    expect(np.array_equal(~np.isnan(found), known), *what, "has NaN at other places")
    expect(error <= tolerance * size, *what, "differs by", error, "where the largest number is", size)


def call(*arguments):
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, encoding="utf-8", errors="backslashreplace", timeout=60
    )


def run(*arguments):
    done = call(*arguments)
    if done.returncode != 0:
        raise RuntimeError(f"fieldfold {' '.join(map(str, arguments))}: {done.stderr.splitlines()[-1:]}")
    return done.stdout


# The endings of the formats of this build.
built = {
    ending
    for entry in json.loads(run("formats", "--json"))
    for ending in entry["endings"]
    if entry["reads"] or entry["writes"]
}


def run_cases():
    """Runs all cases, prints their totals, and ends the script."""
    counts = {"passed": 0, "skipped": 0, "failed": 0}
    for number, (name, modules, endings, check) in enumerate(cases):
        if np is None or any(imported(module) is None for module in modules) or not endings <= built:
            counts["skipped"] += 1
            continue
        faults.clear()
        folder = work / f"{number:03d}"
        folder.mkdir()
        os.chdir(folder)
        try:
            check()
        except Exception as error:  # noqa: BLE001
            faults.append(
                f"{type(error).__name__} in line {traceback.extract_tb(error.__traceback__)[-1].lineno}: {error}"
            )
        expect(not list(folder.rglob(".fieldfold*")), "a temporary file is left")
        counts["failed" if faults else "passed"] += 1
        for fault in faults[:3]:
            print(f"{folder.name} {name}: {fault}")
    for what, count in counts.items():
        if count > 0 or what == "passed":
            print(f"{count} test case{'' if count == 1 else 's'} out of {len(cases)} {what}")
    sys.exit(counts["failed"] > 0)
