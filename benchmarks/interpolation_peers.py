#!/usr/bin/python3
"""Interpolation of scattered data by fieldfold and its peers, on the same data in one run.

    benchmarks/interpolation_peers.py BUILD_FOLDER [--only NAME ...]

Each contender runs in its own process; seconds are medians. Building is the part that needs no queries, applying is
the rest. Errors are taken at the queries, against the function behind the values: Franke's, times cos(2 z) in space,
and mixed with a wave for several columns. Memory is the peak of the process including data, if it exceeds the 35 MiB of
this script. The last columns give the seconds relative to fieldfold, and the comparison specific to the case. The rates
of the machine are measured at both ends of the run, because others may use it.
"""

import argparse
import functools
import itertools
import json
import os
import sys
import tempfile
import time

import numpy as np

from peers import apart, limits, measured, row

HERE = os.path.abspath(__file__)
THREADS = (1, 2)
FACTORIZATION = """
import json, time
import numpy as np, scipy.linalg.lapack
a = np.random.default_rng(0).random((3000, 3000))
a = a @ a.T + 3000.0 * np.eye(3000)
seconds = []
for _ in range(7):
    copy = np.array(a, order="F")
    start = time.perf_counter()
    scipy.linalg.lapack.dpotrf(copy, lower=1, clean=0, overwrite_a=1)
    seconds.append(time.perf_counter() - start)
print(json.dumps({"build": float(np.median(seconds))}))
"""
READING = """
import json, time
import numpy as np
a = np.ones(2 ** 26)
seconds = []
for _ in range(9):
    start = time.perf_counter()
    a @ a
    seconds.append(time.perf_counter() - start)
print(json.dumps({"reading": a.nbytes / min(seconds)}))
"""


def franke(x, y, *z):
    plane = (0.75 * np.exp(-((9 * x - 2) ** 2 + (9 * y - 2) ** 2) / 4)
             + 0.75 * np.exp(-(9 * x + 1) ** 2 / 49 - (9 * y + 1) / 10)
             + 0.5 * np.exp(-((9 * x - 7) ** 2 + (9 * y - 3) ** 2) / 4)
             - 0.2 * np.exp(-(9 * x - 4) ** 2 - (9 * y - 7) ** 2))
    return plane * np.cos(2 * z[0]) if z else plane


def columns_at(points, columns):
    f = franke(*points.T)[:, None]
    if columns == 1:
        return f
    s = np.arange(columns)
    return f * np.cos(s) + np.sin(3 * points[:, :1] + s)


def write(folder, num_points, num_queries, dim, columns, graded):
    generator = np.random.default_rng(0)
    for name, count in (("points", num_points), ("queries", num_queries)):
        places = generator.random((count, dim))
        if graded:
            places[:, 1] **= 3
        values = columns_at(places, columns)
        np.save(os.path.join(folder, name + ".npy"), places)
        np.save(os.path.join(folder, "values.npy" if name == "points" else "exact.npy"), values)
        if name == "points":
            np.save(os.path.join(folder, "fields.npy"), values.T.copy())


def errors(folder, results):
    exact, found = np.load(os.path.join(folder, "exact.npy")), np.load(results)
    difference = (found if found.shape == exact.shape else found.T) - exact
    return {"max": float(np.abs(difference).max()), "rms": float(np.sqrt(np.mean(difference ** 2)))}


class Work:
    """Random points, values and queries, in files that all contenders read."""

    def __init__(self, parent, num_points, num_queries, dim=2, columns=1, graded=False):
        self.label = (f"{num_points} to {num_queries}, {dim}-D" + (", boundary layer" if graded else "")
                      + (f", {columns} columns" if columns > 1 else ""))
        self.folder = tempfile.mkdtemp(dir=parent)
        apart(write, self.folder, num_points, num_queries, dim, columns, graded)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, contender, method, threads, repeats):
        """A contender is a command with the arguments of bench_interpolation."""
        results = self.path("results.npy")
        found = measured([*contender, method, self.path("points.npy"), self.path("values.npy"),
                          self.path("queries.npy"), str(threads), str(repeats), results], threads)
        return {**found, "seconds": found["build"] + found["apply"], **apart(errors, self.folder, results)}


def show(work, threads, who, found, base=None, remark=""):
    def number(name, text="{:.3g}", factor=1.0):
        return text.format(found[name] * factor) if name in found else ""
    row(work.label, threads, who, number("build"), number("apply"), number("seconds"), number("max", "{:.2g}"),
        number("rms", "{:.2g}"), number("bytes", "{:.0f}", 2.0 ** -20),
        f"{found['seconds'] / base['seconds']:.1f}" if base else "", remark)


def show_machine():
    """Prints the rates of the machine, and returns the bytes read per second with one thread and with two."""
    # The sum in `limits` is too slow to saturate memory; a dot product of BLAS is not. The best of several processes,
    # because some read with two threads at little more than the rate of one during their lifetime.
    readings = {threads: max(measured([sys.executable, "-c", READING], threads)["reading"] for _ in range(4))
                for threads in THREADS}
    print(", ".join(f"dgemm {limits(threads)[0] / 1e9:.1f} GFLOP/s and reading {readings[threads] / 1e9:.1f} GB/s with "
                    f"OPENBLAS_NUM_THREADS={threads}" for threads in THREADS))
    return readings


def run_scipy(method, points, values, queries, _threads, repeats, results):
    """Runs in its own process, and prints the seconds."""
    from scipy.interpolate import RBFInterpolator
    points, values, queries = np.load(points), np.load(values), np.load(queries)
    neighbors = int(method.split("=")[1]) if "=" in method else None
    seconds = []
    for _ in range(int(repeats)):
        start = time.perf_counter()
        interpolator = RBFInterpolator(points, values, neighbors=neighbors)
        built = time.perf_counter()
        found = interpolator(queries)
        seconds.append((built - start, time.perf_counter() - built))
    np.save(results, found)
    print(json.dumps(dict(zip(("build", "apply"), np.median(seconds, axis=0)))))


class Bench:
    def __init__(self, build, folder, readings):
        self.readings = readings
        self.program = os.path.join(build, "src", "fieldfold")
        self.fieldfold = [os.path.join(build, "benchmarks", "bench_interpolation")]
        self.alglib = [os.path.join(build, "benchmarks", "bench_alglib")]
        self.scipy = [sys.executable, HERE, "--peer"]
        self.work = functools.cache(functools.partial(Work, folder))

    def all_points(self):
        """A thin plate spline of all points."""
        for columns, threads in itertools.product((20, 1), THREADS):
            work = self.work(3000, 10000, columns=columns)
            factorization = measured([sys.executable, "-c", FACTORIZATION], threads)
            show(work, threads, "LAPACK dpotrf of order 3000", {"build": factorization["build"]})
            ours = work.run(self.fieldfold, "global", threads, 9)
            show(work, threads, "fieldfold", ours, ours,
                 f"build {ours['build'] / factorization['build']:.2f} times dpotrf")
            show(work, threads, "scipy", work.run(self.scipy, "global", threads, 5), ours)
            # The free edition is limited to one thread.
            if threads == 1 and os.path.exists(self.alglib[0]):
                show(work, threads, "ALGLIB", work.run(self.alglib, "global", threads, 1), ours)

    def neighbors(self):
        for dim, threads in itertools.product((2, 3), THREADS):
            work = self.work(100000, 100000, dim)
            ours = work.run(self.fieldfold, "neighbors=50", threads, 5)
            show(work, threads, "fieldfold, 50 neighbors", ours, ours)
            show(work, threads, "scipy, 50 neighbors", work.run(self.scipy, "neighbors=50", threads, 3), ours)

    def again(self):
        """Repeated interpolation between the same grids, with an operator."""
        for columns, threads in itertools.product((1, 20), THREADS):
            work = self.work(100000, 100000, columns=columns)
            ours = work.run(self.fieldfold, "operator=50", threads, 51)
            ours["seconds"] = ours["apply"]
            rate = ours["operator"] / ours["apply"]
            show(work, threads, "fieldfold, operator of 50 neighbors made before", ours, ours,
                 f"{rate / 1e9:.1f} GB/s of it, {self.readings[threads] / rate:.2f} times reading it once")
            show(work, threads, "scipy, 50 neighbors", work.run(self.scipy, "neighbors=50", threads, 3), ours)

    def partition(self):
        small = {}
        for (dim, graded), threads in itertools.product(((2, False), (3, False), (2, True)), THREADS):
            work = self.work(100000, 100000, dim, graded=graded)
            ours = work.run(self.fieldfold, "partition", threads, 5)
            near = work.run(self.fieldfold, "neighbors=50", threads, 5)
            small.setdefault(threads, ours)
            ratios = (f"{what} {ours[key] / near[key]:.2f}"
                      for key, what in (("seconds", "time"), ("max", "max error"), ("rms", "rms error")))
            show(work, threads, "fieldfold, partition of unity", ours, ours,
                 ", ".join(ratios) + " times that of 50 neighbors")
            show(work, threads, "fieldfold, 50 neighbors", near, ours)
        for threads in THREADS:
            work = self.work(1000000, 1000000)
            ours = work.run(self.fieldfold, "partition", threads, 3)
            show(work, threads, "fieldfold, partition of unity", ours, ours,
                 f"{ours['seconds'] / small[threads]['seconds'] / 10:.2f} times as long a point as of 100000")

    def fields(self):
        for threads in THREADS:
            one = None
            for columns in (1, 4, 16):
                work = self.work(100000, 100000, columns=columns)
                ours = work.run(self.fieldfold, "neighbors=50", threads, 5)
                one = one or ours
                show(work, threads, "fieldfold, 50 neighbors", ours, ours,
                     f"{ours['seconds'] / one['seconds']:.2f} times one column")

    def files(self):
        """The program, from files to a file, and an equivalent script with scipy."""
        kinds = (("global", [], (3000, 10000, 2, 20)), ("neighbors=50", ["--neighbors", "50"], (100000, 100000)))
        for (method, options, size), threads in itertools.product(kinds, THREADS):
            work = self.work(*size)
            program = [self.program, "interpolate", "--field", "f=" + work.path("fields.npy"), "--coords",
                       work.path("points.npy"), "--to", work.path("queries.npy"), "--threads", str(threads), *options,
                       "-o", work.path("fields")]
            script = [*self.scipy, method, *(work.path(name + ".npy") for name in ("points", "values", "queries")),
                      str(threads), "1", work.path("results.npy")]
            base = None
            for who, command, repeats, results in (("fieldfold interpolate", program, 5, work.path("fields/f.npy")),
                                                   ("scipy, python and all", script, 3, work.path("results.npy"))):
                seconds = []
                for _ in range(repeats):
                    start = time.perf_counter()
                    memory = measured(command, threads)["bytes"]
                    seconds.append(time.perf_counter() - start)
                found = {"seconds": float(np.median(seconds)), "bytes": memory, **apart(errors, work.folder, results)}
                base = base or found
                show(work, threads, who + (", 50 neighbors" if options else ", all points"), found, base)


CASES = {"global": Bench.all_points, "neighbors": Bench.neighbors, "again": Bench.again, "partition": Bench.partition,
         "fields": Bench.fields, "program": Bench.files}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?")
    parser.add_argument("--only", nargs="*", choices=list(CASES), help="names of cases", metavar="NAME")
    parser.add_argument("--peer", nargs=7, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return run_scipy(*arguments.peer)
    if not arguments.build:
        parser.error("a build folder is needed")
    readings = show_machine()
    print()
    row("work", "threads", "by", "build, s", "apply, s", "together, s", "max error", "rms error", "MiB in all",
        "times fieldfold", "comparison")
    row(*["---"] * 11)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.build, folder, readings)
        for name, case in CASES.items():
            if not arguments.only or name in arguments.only:
                case(bench)
    print()
    show_machine()


if __name__ == "__main__":
    main()
