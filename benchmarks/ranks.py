#!/usr/bin/python3
"""Maps of distributed rows: what the ranks send, how they scale, and pdgesvd of ScaLAPACK, in one run.

    benchmarks/ranks.py BUILD_FOLDER [--json FILE] [--only NAME ...] [--quick]

Each rank has one thread. Numbers of ranks take turns within one launch, and idle ranks sleep; seconds are those of the
slowest rank, medians of five. A timed run begins when nobody else uses the machine, and is repeated if somebody has.
The file of all figures is what simulate_scaling.py reads.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
         "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
COLS, RANK = 200, 20
PHASES = ["learning", "statistics", "summary", "basis", "errors", "saving"]

parser = argparse.ArgumentParser()
parser.add_argument("build", type=pathlib.Path)
parser.add_argument("--json", type=pathlib.Path)
parser.add_argument("--only", nargs="+", default=["traffic", "samples", "interpolation", "scaling", "scalapack", "model"])
parser.add_argument("--quick", action="store_true", help="a tenth of the rows, to try the script")
arguments = parser.parse_args()
less = 10 if arguments.quick else 1
figures = []


def used_by_others(action):
    """Calls an action; the share of a processor that others used meanwhile, and its result."""
    def busy():
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system = (int(word) for word in file.readline().split()[1:4])
        own = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
        return ((user + nice + system) / os.sysconf("SC_CLK_TCK")
                - sum(usage.ru_utime + usage.ru_stime for usage in own))
    start, before = time.perf_counter(), busy()
    result = action()
    return (busy() - before) / (time.perf_counter() - start), result


def timed(ranks, *words):
    """The figures of the run that others disturbed least, of two at most."""
    attempts = []
    while len(attempts) < 2:
        waits_until = time.monotonic() + 60
        while used_by_others(lambda: time.sleep(2))[0] > 0.05 and time.monotonic() < waits_until:
            pass
        attempts.append(used_by_others(lambda: run(ranks, *words)))
        if attempts[-1][0] < 0.05:
            break
    others, found = min(attempts, key=lambda attempt: attempt[0])
    if others >= 0.05:
        print(f"{words[0]}: others used {100 * others:.0f} % of a processor", file=sys.stderr)
    figures.extend(found)
    return found


def run(ranks, *words):
    """The figures of a run of bench_ranks."""
    command = ["mpirun", "-n", ranks, arguments.build / "benchmarks" / "bench_ranks", *words]
    done = subprocess.run([str(word) for word in command], env={**os.environ, **ALONE}, stdout=subprocess.PIPE,
                          text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    print(f"{' '.join(str(word) for word in words)} on {ranks} ranks: done", file=sys.stderr)
    return found


def table(header, rows):
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def listing(numbers):
    """All numbers, or the range of them."""
    numbers = sorted(set(numbers))
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def traffic(folder):
    found = []
    for points in (60_000, 240_000):
        for ranks in (1, 2, 4, 7):
            found += run(ranks, "traffic", points, COLS, RANK, 1, folder)
        found += run(2, "traffic", points // 3, COLS, RANK, 3, folder)
    figures.extend(found)
    groups = {}
    for figure in found:
        groups.setdefault((figure["call"], figure["fields"], figure["rows"]), []).append(figure)
    print(f"{COLS} samples, rank {RANK}; the most of any rank, on 1, 2, 4 and 7 ranks (three fields: 2)\n")
    rows = []
    for (call, fields, dof), same in groups.items():
        if fields > 1 and not call.startswith("compute_map"):
            continue
        numbers = [figure["numbers"] for figure in same]
        rows.append([call + (f", {fields} fields" if fields > 1 else ""), dof,
                     listing([figure["collectives"] - figure["headers"] for figure in same]),
                     listing([figure["headers"] for figure in same]), listing(numbers),
                     f"{max(numbers) / COLS ** 2:.2f}", listing([figure["bytes"] for figure in same]),
                     listing([figure["messages"] for figure in same]),
                     listing([figure["file_calls"] for figure in same])])
    order = list(dict.fromkeys(row[0] for row in rows))
    rows.sort(key=lambda row: order.index(row[0]))
    table(["call", "dof", "collective calls", "their headers", "numbers", "over n^2", "bytes", "messages",
           "file calls"], rows)


def samples(_):
    found = []
    for ranks, repeats in ((2, 3), (4, 3), (7, 1)):
        # Local maps of as many modes as the merged one, of twice as many, and of those for a tenth of its error (0).
        for number, modes in ((20, 20), (100, 20), (100, 40), (100, 0), (200, 20), (400, 20), (400, 40)):
            if ranks < 7 or (number <= 100 and modes > 0):
                found += run(ranks, "samples", 100_000 // less, number, RANK, modes, repeats)
    figures.extend(found)
    print(f"whole states of {100_000 // less} numbers on each rank, rank {RANK}; the most of any rank\n")
    rows = []
    for figure in found:
        exchange, merging = figure["exchange"], figure["merging"]
        # More ranks than twice the cores are not timed.
        is_timed = figure["ranks"] < 7
        rows.append([figure["ranks"], figure["samples"], f"{exchange['bytes'] / 1e6:.1f}",
                     f"{exchange['messages']:.0f} + {exchange['collectives']:.0f}",
                     f"{figure['modes']}, {figure['method']}", f"{merging['bytes'] / 1e6:.1f}",
                     f"{merging['messages']:.0f} + {merging['collectives']:.0f}"]
                    + ([f"{exchange['seconds']:.2f}", f"{merging['seconds']:.2f}",
                        f"{figure['exchange_over_merging']:.2f}"] if is_timed else ["", "", ""])
                    + [f"{figure['error'] / figure['best']:.6f}"])
    table(["ranks", "samples of a rank", "exchange, MB", "messages + collective calls", "local maps", "merging, MB",
           "messages + collective calls", "exchange, s", "merging, s", "exchange / merging", "error / best"], rows)


def interpolation(_):
    side = 64 // (2 if arguments.quick else 1)
    found = []
    for ranks in (1, 2, 4, 7):
        found += run(ranks, "interpolation", side, 3)
    figures.extend(found)
    print(f"{side}^3 points in slabs of the ranks, as many queries, one column of values; the most of any rank\n")
    table(["method", "call", "ranks", "seconds", "collective calls", "bytes", "messages"],
          [[figure["interpolation"], figure["call"], figure["ranks"], f"{figure['seconds']:.4f}", figure["collectives"],
            figure["bytes"], figure["messages"]] for figure in found])


def scaling(folder):
    for kind, dof in (("strong", 400_000 // less), ("weak", 200_000 // less)):
        one, two = timed(2, "learning", dof, COLS, RANK, 5, folder, kind, 1, 2)
        print(f"{kind} scaling, {dof} x {COLS}{' a rank' if kind == 'weak' else ''}, rank {RANK}, centred, gram\n")
        table(["phase", "1 rank, s", "2 ranks, s", "1 rank / 2 ranks"],
              [[phase, f"{one['seconds'][phase]:.4f}", f"{two['seconds'][phase]:.4f}",
                f"{one['seconds'][phase] / two['seconds'][phase]:.2f}"] for phase in PHASES])


def scalapack(_):
    for figure in timed(2, "scalapack", 1_000_000 // less, COLS, RANK, 3):
        print(f"{figure['rows']} x {figure['cols']} on {figure['scalapack']} ranks, all singular values; left singular "
              f"vectors, {figure['rank']} by fieldfold and all by pdgesvd; medians of {figure['repeats']}\n")
        table(["by", "seconds", "times fieldfold"],
              [["fieldfold", f"{figure['fieldfold']:.2f}", "1.0"],
               ["pdgesvd", f"{figure['pdgesvd']:.2f}", f"{figure['pdgesvd'] / figure['fieldfold']:.1f}"]])
        print(f"largest difference of singular values: {figure['difference_over_largest']:.1e} of the largest one; of "
              f"the {figure['rank']} kept, {figure['difference_of_kept']:.1e} of each\n")


def model(folder):
    for cols, rank in ((COLS, RANK), (1000, 50)):
        for ranks in (1, 2):
            timed(ranks, "rates", cols, rank, 5)
        timed(7, "learning", 50_000_000 // cols // less, cols, rank, 5, folder, "strong", 1, 2, 4, 7)
    timed(2, "network", 5, 2)
    timed(7, "network", 5, 2, 4, 7)
    timed(2, "memory", 2000, 20)


with tempfile.TemporaryDirectory() as name:
    for case in (traffic, samples, interpolation, scaling, scalapack, model):
        if case.__name__ in arguments.only:
            case(name)
if arguments.json:
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
