#!/usr/bin/python3
"""fieldfold and its peers side by side, on the same data in one run.

    benchmarks/peers.py BUILD_FOLDER [--large] [--only NAME ...]

Each contender runs in its own process. The columns: median seconds of the decomposition, of data in memory unless a
file is mentioned; peak memory beyond the data; error relative to that of the optimal basis of the rank; seconds
relative to fieldfold; seconds relative to the limit of the machine, which is `m n (n + 1) + 2 m n r` operations at the
rate of dgemm on one thread and one read of the data, both measured in this run.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = os.path.abspath(__file__)


def limits(threads="1"):
    """Operations per second of dgemm, and bytes read per second, on one thread."""
    code = """
import time, numpy as np
def best(action):
    times = []
    for _ in range(3):
        start = time.perf_counter(); action(); times.append(time.perf_counter() - start)
    return min(times)
a = np.ones((1500, 1500)); b = np.ones(2 ** 26)
print(2 * 1500 ** 3 / best(lambda: a @ a), b.nbytes / best(lambda: b.sum()))
"""
    out = subprocess.run([sys.executable, "-c", code], env=environment(threads), capture_output=True, check=True, text=True)
    return [float(x) for x in out.stdout.split()]


def environment(threads):
    return {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}


def apart(function, *arguments):
    """Calls a function in its own process, because a child's peak memory includes that of its parent."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def snapshots(path, m, n):
    """Snapshots whose singular values decay exponentially from 1 to 1e-14, written in blocks."""
    generator = np.random.default_rng(0)
    matrix = np.lib.format.open_memmap(path, mode="w+", dtype="f8", shape=(m, n))
    for first in range(0, m, 50000):
        block = matrix[first:first + 50000]
        block[:] = (generator.random(block.shape) - 0.5) * 10.0 ** (-14.0 * np.arange(n) / n)
    matrix.flush()


def rank_of(rule, s):
    kind, number = rule.split("=")
    if kind == "rank":
        return int(number)
    tails = np.sqrt(np.append(np.cumsum(s[::-1] ** 2)[::-1], 0.0) / np.sum(s ** 2))
    return int(np.argmax(tails <= float(number)))


def thin(svd):
    def run(a, rule):
        u, s, _ = svd(a)
        return u[:, :rank_of(rule, s)]
    return run


def scipy_svd(driver):
    import scipy.linalg
    return thin(lambda a: scipy.linalg.svd(a, full_matrices=False, lapack_driver=driver))


def sklearn_randomized(a, rule):
    from sklearn.utils.extmath import randomized_svd
    return randomized_svd(a, rank_of(rule, None), n_iter=2, random_state=0)[0]


def sklearn_incremental(a, rule):
    from sklearn.decomposition import IncrementalPCA
    rank = rank_of(rule, None)
    return IncrementalPCA(rank, batch_size=2 * rank).fit(a.T).components_.T


PEERS = {
    "numpy thin": lambda: thin(lambda a: np.linalg.svd(a, full_matrices=False)),
    "numpy full": lambda: thin(np.linalg.svd),
    "scipy gesdd": lambda: scipy_svd("gesdd"),
    "scipy gesvd": lambda: scipy_svd("gesvd"),
    "sklearn randomized": lambda: sklearn_randomized,
    "sklearn IncrementalPCA": lambda: sklearn_incremental,
}


def run_peer(name, path, rule, repeats, basis):
    """Runs in its own process, and prints the seconds."""
    run = PEERS[name]()
    a = np.load(path)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        u = run(a, rule)
        seconds.append(time.perf_counter() - start)
    np.save(basis, u)
    print(json.dumps({"seconds": float(np.median(seconds))}))


def measured(command, threads):
    """The last line printed by a command, and its peak memory."""
    with subprocess.Popen(command, env=environment(threads), stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    found = json.loads(output.splitlines()[-1]) if output.strip() else {}
    return {**found, "bytes": usage.ru_maxrss * 1024}


def projection_error(basis, path):
    """`||A - U U^T A||` by definition, in blocks of rows."""
    a = np.load(path, mmap_mode="r")
    u = np.load(basis, mmap_mode="r")
    latents = sum(u[i:i + 50000].T @ a[i:i + 50000] for i in range(0, len(a), 50000))
    return np.sqrt(sum(np.sum((a[i:i + 50000] - u[i:i + 50000] @ latents) ** 2) for i in range(0, len(a), 50000)))


def tail(path, rank, exact):
    """The norm of the truncated part: from an exact decomposition, or from the Gram matrix if that takes too long."""
    a = np.load(path)
    if exact:
        s = np.linalg.svd(np.linalg.qr(a, mode="r"), compute_uv=False)
    else:
        s = np.sqrt(np.maximum(0.0, np.linalg.eigvalsh(a.T @ a)[::-1]))
    return np.sqrt(np.sum(s[rank:] ** 2))


CASES = [
    # name, rows, columns, rule, peers, repeats of fieldfold, whether the optimum is computed exactly
    ("small", 3000, 200, "rank=20", list(PEERS), 21, True),
    ("tall", 300000, 200, "rank=20",
     ["numpy thin", "scipy gesdd", "scipy gesvd", "sklearn randomized", "sklearn IncrementalPCA"], 7, True),
    ("wide", 100000, 500, "rank=20", ["numpy thin", "sklearn randomized"], 7, True),
    ("exact", 100000, 200, "tol=1e-10", ["numpy thin", "scipy gesdd", "scipy gesvd"], 7, True),
    ("many", 100000, 2000, "rank=20", ["sklearn randomized"], 5, False),
    ("in situ", 100000, 200, "rank=33", ["sklearn IncrementalPCA"], 3, True),
]


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def compare(build, folder, case, dgemm, reading):
    name, m, n, rule, peers, repeats, exact = case
    path, basis = os.path.join(folder, "a.npy"), os.path.join(folder, "u.npy")
    apart(snapshots, path, m, n)
    contender = os.path.join(build, "benchmarks", "bench_contender")
    kind = "incremental" if name == "in situ" else "svd"
    size = m * n * 8
    optimal = {}
    for threads in (1, 2):
        base = None
        for who in ["fieldfold", *peers]:
            slow = who in ("numpy full", "scipy gesvd", "sklearn IncrementalPCA") and m > 3000
            if who == "fieldfold":
                command = [contender, kind, path, rule, str(threads), str(repeats), basis]
            else:
                count = "1" if slow else "3"
                command = [sys.executable, HERE, "--peer", who, path, rule, count, basis]
            found = measured(command, threads)
            rank = np.load(basis, mmap_mode="r").shape[1]
            if rank not in optimal:
                optimal[rank] = apart(tail, path, rank, exact)
            base = base or found["seconds"]
            limit = (m * n * (n + 1) + 2 * m * n * rank) / dgemm + size / reading
            if kind == "incremental":
                limit = n * (4 * m * rank + 2 * m * rank ** 2) / dgemm
            row(f"{m} x {n}, {rule}" + (", in situ" if kind == "incremental" else ""), threads,
                who + (f" ({found['method']})" if "method" in found else ""), f"{found['seconds']:.3g}",
                f"{max(0, found['bytes'] - size) / 2 ** 20:.0f}",
                f"{apart(projection_error, basis, path) / optimal[rank]:.4f}", f"{found['seconds'] / base:.1f}",
                f"{found['seconds'] / limit:.2f}")


def compare_files(build, folder, m, n, dgemm, reading, with_numpy):
    """The program, including files."""
    path, output = os.path.join(folder, "a.npy"), os.path.join(folder, "map.fold")
    apart(snapshots, path, m, n)
    limit = (m * n * (n + 1) + 2 * m * n * 20) / dgemm + m * n * 8 / reading
    for threads in (1, 2):
        seconds = []
        for _ in range(5 if m < 1000000 else 3):
            start = time.perf_counter()
            found = measured([os.path.join(build, "src", "fieldfold"), "fit", "--data", path, "--rank", "20",
                              "--threads", str(threads), "-o", output], threads)
            seconds.append(time.perf_counter() - start)
        ours = float(np.median(seconds))
        row(f"{m} x {n}, rank=20, from a file", threads, "fieldfold fit", f"{ours:.3g}",
            f"{found['bytes'] / 2 ** 20:.0f} in all", "", "1.0", f"{ours / limit:.2f}")
        if with_numpy:
            start = time.perf_counter()
            np_found = measured([sys.executable, HERE, "--peer", "numpy thin", path, "rank=20", "1",
                                 os.path.join(folder, "u.npy")], threads)
            whole = time.perf_counter() - start
            row(f"{m} x {n}, rank=20, from a file", threads, "numpy load and thin, python and all", f"{whole:.3g}",
                f"{np_found['bytes'] / 2 ** 20:.0f} in all", "", f"{whole / ours:.1f}", f"{whole / limit:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?")
    parser.add_argument("--large", action="store_true", help="also a file of 4 GB")
    parser.add_argument("--only", nargs="*", help="names of cases: " + ", ".join(case[0] for case in CASES) + ", files")
    parser.add_argument("--peer", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        name, path, rule, repeats, basis = arguments.peer
        return run_peer(name, path, rule, int(repeats), basis)
    if not arguments.build:
        parser.error("a build folder is needed")
    dgemm, reading = limits()
    print(f"dgemm {dgemm / 1e9:.1f} GFLOP/s, reading {reading / 1e9:.1f} GB/s, on one thread\n")
    row("work", "threads", "by", "seconds", "MiB beside the data", "error / optimal", "times fieldfold", "times limit")
    row(*["---"] * 8)
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if not arguments.only or case[0] in arguments.only:
                compare(arguments.build, folder, case, dgemm, reading)
        if not arguments.only or "files" in arguments.only:
            compare_files(arguments.build, folder, 100000, 200, dgemm, reading, True)
            if arguments.large:
                compare_files(arguments.build, folder, 2500000, 200, dgemm, reading, False)


if __name__ == "__main__":
    main()
