#!/usr/bin/python3
"""The cost of a map on many ranks: reductions simulated step by step, and a model of the phases.

    benchmarks/ranks.py BUILD_FOLDER --json measured.json
    benchmarks/simulate_scaling.py measured.json [--dof M] [--samples N] [--rank R] [--ranks P ...]

A reduction is simulated as messages between ranks that begin at different times; its closed formula, without waiting,
is printed beside it. The model of the phases takes rates from the file, is compared with the learning measured there,
and extrapolates to another network, which is assumed: --latency, --bandwidth, --disk.
"""

import argparse
import json
import math

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("measured")
parser.add_argument("--dof", type=float, default=1e9)
parser.add_argument("--samples", type=int, default=1000)
parser.add_argument("--rank", type=int, default=50)
parser.add_argument("--ranks", type=int, nargs="+", default=[64, 4096])
parser.add_argument("--latency", type=float, default=1.5e-6, help="seconds of a message")
parser.add_argument("--bandwidth", type=float, default=12e9, help="bytes a second between two ranks")
parser.add_argument("--disk", type=float, default=100e9, help="bytes a second of all ranks")
parser.add_argument("--disk-of-rank", type=float, default=2e9, help="bytes a second of one rank")
parser.add_argument("--cores", type=int, default=2, help="of the machine that measured")
arguments = parser.parse_args()
with open(arguments.measured, encoding="utf-8") as file:
    measured = json.load(file)


class Network:
    """Seconds of a message, of a byte of it, and of the addition of a number."""

    def __init__(self, latency, byte, addition):
        self.latency, self.byte, self.addition = latency, byte, addition

    def message(self, numbers):
        return self.latency + 8 * numbers * self.byte


# Simulation. Each step pairs ranks; a rank goes on when it and its partner have arrived, and the message is there.

def exchange(times, distance, seconds):
    """All ranks exchange with those at a distance, a power of two, and go on together."""
    partners = times[np.arange(times.size) ^ distance]
    return np.maximum(times, partners) + seconds


def folded(times, numbers, net, reduce):
    """Ranks beyond a power of two give their numbers to others before the reduction, and receive the sums."""
    size = 1 << (times.size.bit_length() - 1)
    extra = times.size - size
    inner = times[:size].copy()
    step = net.message(numbers)
    inner[:extra] = np.maximum(inner[:extra], times[size:]) + (step + numbers * net.addition if extra else 0.0)
    inner = reduce(inner)
    return np.concatenate([inner, inner[:extra] + step])


def recursive_doubling(times, numbers, net):
    def reduce(inner):
        for step in range(inner.size.bit_length() - 1):
            inner = exchange(inner, 1 << step, net.message(numbers) + numbers * net.addition)
        return inner
    return folded(times, numbers, net, reduce)


def rabenseifner(times, numbers, net):
    def reduce(inner):
        steps = inner.size.bit_length() - 1
        for step in range(steps):
            part = numbers / 2 ** (step + 1)
            inner = exchange(inner, inner.size >> (step + 1), net.message(part) + part * net.addition)
        for step in reversed(range(steps)):
            inner = exchange(inner, inner.size >> (step + 1), net.message(numbers / 2 ** (step + 1)))
        return inner
    return folded(times, numbers, net, reduce)


def binomial(times, numbers, net):
    """To rank 0 along a binomial tree, and back."""
    times = times.copy()
    size = times.size
    steps = math.ceil(math.log2(size)) if size > 1 else 0
    for step in range(steps):
        to = np.arange(0, size - (1 << step), 2 << step)
        sent = np.maximum(times[to], times[to + (1 << step)])
        times[to] = sent + net.message(numbers) + numbers * net.addition
    for step in reversed(range(steps)):
        start = np.arange(0, size - (1 << step), 2 << step)
        arrived = times[start] + net.message(numbers)
        times[start + (1 << step)] = arrived
        times[start] = arrived
    return times


def closed(name, ranks, numbers, net):
    """Without waiting."""
    steps = math.ceil(math.log2(ranks)) if ranks > 1 else 0
    whole = net.message(numbers) + numbers * net.addition
    if name == "binomial tree":
        return steps * (whole + net.message(numbers))
    power = 1 << (ranks.bit_length() - 1)
    folding = 0.0 if power == ranks else whole + net.message(numbers)
    inner = power.bit_length() - 1
    if name == "recursive doubling":
        return folding + inner * whole
    share = (power - 1) / power * numbers
    return folding + 2 * inner * net.latency + share * (16 * net.byte + net.addition)


ALGORITHMS = {"binomial tree": binomial, "recursive doubling": recursive_doubling, "Rabenseifner": rabenseifner}


def reduction(ranks, numbers, net):
    """The faster one of two, as MPI libraries choose by length."""
    return min(closed(name, ranks, numbers, net) for name in ("recursive doubling", "Rabenseifner"))


# The model of the phases.

def figure(**wanted):
    found = [entry for entry in measured if all(entry.get(key) == value for key, value in wanted.items())]
    if not found:
        raise SystemExit(f"{arguments.measured}: expected a figure with {wanted}, got none")
    return found[-1]


def calls_of_learning():
    """Collective calls with headers, of a centred map by the Gram matrix."""
    return figure(call="compute_map, gram, centred", fields=1)["collectives"]


def phases(dof, samples, rank, ranks, rates, net, cores=None):
    """Seconds of each phase. Ranks that share cores take turns, also at what each of them repeats."""
    turns = max(1.0, ranks / cores) if cores else 1.0
    rows = dof / ranks * turns
    n, r = samples, rank
    stream = 8 * rows * n / rates["centring"]
    small = calls_of_learning() * closed("recursive doubling", ranks, 6, net) * turns
    scale = (n / rates["cols"]) ** 3
    return {
        "statistics": 8 * rows * n / rates["read"],
        "check of missing values": turns * rates["sorting_seconds"] * n / rates["cols"],
        "Gram": stream + rows * n * (n + 1) / rates["gram"],
        "its reduction": reduction(ranks, n * (n + 1) / 2, net) * turns,
        "eigenproblem": turns * rates["eigen_seconds"] * scale,
        "basis": stream + 2 * rows * n * r * (1 / rates["basis"] + 1 / rates["projection"])
                 + reduction(ranks, n * r, net) * turns,
        "CholeskyQR": rows * r * (2 * (r + 1) / rates["small_gram"] + 2 * r / rates["rotation"])
                      + 2 * reduction(ranks, r * r, net) * turns,
        "errors": turns * (2 * n ** 3 + 2 * n ** 2 * r) / rates["product"],
        "small reductions": small,
    }


REPEATED = ("check of missing values", "eigenproblem", "errors")


def saving(dof, rank, ranks):
    """The basis is written, and read once for the checksum."""
    return 2 * 8 * dof * rank / min(arguments.disk, ranks * arguments.disk_of_rank)


def table(header, rows):
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def seconds(value):
    return f"{value:.3g}"


def network_here():
    """A line through the time of short and of long messages between two ranks."""
    short = figure(message=1)["seconds"]
    long = figure(message=500500)["seconds"]
    addition = next(entry["addition"] for entry in measured if "addition" in entry)
    return Network(short, (long - short) / (8 * 500499), addition)


def show_reductions(net, ranks):
    print(f"Reductions on {ranks} ranks, seconds; simulated, and by the closed formula\n")
    rows = []
    for numbers in (6, 50 * arguments.samples, arguments.samples * (arguments.samples + 1) // 2):
        for name, simulate in ALGORITHMS.items():
            there = simulate(np.zeros(ranks), numbers, net).max()
            formula = closed(name, ranks, numbers, net)
            assert abs(there - formula) <= 1e-9 * formula, (name, ranks, numbers, there, formula)
            rows.append([name, numbers, seconds(there), seconds(formula)])
    table(["algorithm", "numbers", "simulated", "formula"], rows)


def show_stragglers(net, ranks, rates):
    """The whole of learning, phase by phase, on ranks of different speed."""
    parts = phases(arguments.dof, arguments.samples, arguments.rank, ranks, rates, net)
    generator = np.random.default_rng(1)
    lengths = {"Gram": arguments.samples * (arguments.samples + 1) // 2, "basis": arguments.samples * arguments.rank,
               "CholeskyQR": arguments.rank ** 2}
    alone = sum(parts.values())
    rows = []
    for spread in (0.0, 0.01, 0.05):
        found = []
        for _ in range(20):
            speed = 1.0 + spread * generator.standard_normal(ranks)
            times = np.zeros(ranks)
            for phase, length in lengths.items():
                work = parts[phase] + (parts["statistics"] + parts["eigenproblem"]
                                      + parts["check of missing values"] if phase == "Gram" else 0.0)
                if phase != "Gram":
                    work -= reduction(ranks, length, net)
                times = rabenseifner(times + work * np.maximum(speed, 0.1), length, net)
            for _ in range(calls_of_learning()):
                times = recursive_doubling(times + 1e-5 * generator.exponential(size=ranks), 6, net)
            found.append(times.max() + parts["errors"])
        slowest = math.sqrt(2 * math.log(ranks)) * spread
        rows.append([f"{100 * spread:.0f} %", seconds(np.median(found)), f"{np.median(found) / alone:.3f}",
                     f"{1 + slowest:.3f}"])
    print(f"Learning on {ranks} ranks whose speeds spread normally, median of 20 simulations\n")
    table(["spread", "seconds", "over the model", "1 + spread sqrt(2 ln P)"], rows)


def show_measured(net):
    print(f"Learning measured on {arguments.cores} cores, and the model\n")
    rows = []
    for entry in measured:
        if entry.get("learning") != "strong" or (entry["cols"], entry["rank"]) not in {(200, 20), (1000, 50)}:
            continue
        if not any(other.get("learning") == "strong" and other["rows"] == entry["rows"] and other["ranks"] == 7
                   for other in measured):
            continue  # the launches on one and two ranks alone
        rates = figure(rates=min(2, entry["ranks"]), cols=entry["cols"])
        model = phases(entry["rows"], entry["cols"], entry["rank"], entry["ranks"], rates, net, arguments.cores)
        groups = {"statistics": ["statistics", "check of missing values"],
                  "summary": ["Gram", "its reduction", "eigenproblem"],
                  "basis": ["basis", "CholeskyQR"], "errors": ["errors"]}
        row = [f"{entry['rows']} x {entry['cols']}", entry["ranks"]]
        for phase, parts in groups.items():
            row += [seconds(entry["seconds"][phase]), seconds(sum(model[part] for part in parts))]
        whole = entry["seconds"]["learning"]
        row += [seconds(whole), seconds(sum(model.values())), f"{whole / sum(model.values()):.2f}"]
        rows.append(row)
    table(["size", "ranks", "statistics", "model", "summary", "model", "basis", "model", "errors", "model", "learning",
           "model", "measured / model"], rows)
    print("Reductions measured here, and the model\n")
    table(["numbers", "ranks", "measured", "model", "measured / model"],
          [[entry["allreduce"], entry["ranks"], seconds(entry["seconds"]), seconds(model),
            f"{entry['seconds'] / model:.1f}"]
           for entry in measured if "allreduce" in entry and entry["allreduce"] in (1, 1000, 500500)
           for model in [reduction(entry["ranks"], entry["allreduce"], net)
                         * max(1.0, entry["ranks"] / arguments.cores)]])


def show_prediction(net, rates):
    parts = {ranks: phases(arguments.dof, arguments.samples, arguments.rank, ranks, rates, net)
             for ranks in arguments.ranks}
    for ranks, found in parts.items():
        found["learning"] = sum(found.values())
        found["saving"] = saving(arguments.dof, arguments.rank, ranks)
    print(f"{arguments.dof:.0e} x {arguments.samples}, rank {arguments.rank}, one thread a rank; seconds\n")
    names = list(next(iter(parts.values())))
    table(["phase"] + [f"{ranks} ranks" for ranks in arguments.ranks],
          [[name] + [seconds(parts[ranks][name]) for ranks in arguments.ranks] for name in names])
    matrices = figure(memory=2)["matrices"]
    print("Memory of a rank, GB\n")
    gigabytes = [("snapshots", lambda ranks: 8e-9 * arguments.dof * arguments.samples / ranks),
                 ("basis and mean", lambda ranks: 8e-9 * arguments.dof * (arguments.rank + 1) / ranks),
                 (f"{matrices:.0f} matrices n x n", lambda _: 8e-9 * matrices * arguments.samples ** 2)]
    table(["what"] + [f"{ranks} ranks" for ranks in arguments.ranks],
          [[name] + [seconds(size(ranks)) for ranks in arguments.ranks] for name, size in gigabytes])


def show_limit(net, rates):
    print(f"Efficiency of learning, {arguments.dof:.0e} x {arguments.samples}, rank {arguments.rank}\n")
    rows = []
    alone = sum(phases(arguments.dof, arguments.samples, arguments.rank, 1, rates, net).values())
    for ranks in [64, 256, 1024, 4096, 16384, 65536, 262144, 1048576]:
        found = phases(arguments.dof, arguments.samples, arguments.rank, ranks, rates, net)
        together = sum(found.values())
        repeated = sum(found[phase] for phase in REPEATED)
        sent = found["its reduction"] + found["small reductions"]
        rows.append([ranks, f"{arguments.dof / ranks:.0f}", seconds(together), seconds(repeated), seconds(sent),
                     f"{alone / ranks / together:.2f}"])
    table(["ranks", "rows a rank", "learning, s", "repeated by every rank, s", "reductions, s", "efficiency"], rows)


def main():
    here = network_here()
    rates = figure(rates=2, cols=1000)
    print(f"Between two ranks here: latency {here.latency:.2g} s, {1e-9 / here.byte:.1f} GB/s, "
          f"{1e9 * here.addition:.2f} ns an addition.")
    print(f"One of two ranks, {rates['cols']} columns, rank {rates['rank']}: Gram {1e-9 * rates['gram']:.1f}, basis "
          f"{1e-9 * rates['basis']:.1f}, projection {1e-9 * rates['projection']:.1f}, rotation "
          f"{1e-9 * rates['rotation']:.1f}, Gram of the basis {1e-9 * rates['small_gram']:.1f}, product "
          f"{1e-9 * rates['product']:.1f} GFLOP/s; reading {1e-9 * rates['read']:.1f}, centring "
          f"{1e-9 * rates['centring']:.1f} GB/s; eigenproblem {rates['eigen_seconds']:.3f} s.\n")
    show_measured(here)
    there = Network(arguments.latency, 1.0 / arguments.bandwidth, here.addition)
    print(f"Assumed: latency {1e6 * there.latency:.1f} us, {arguments.bandwidth / 1e9:.0f} GB/s between two ranks, "
          f"files at {arguments.disk / 1e9:.0f} GB/s in all and {arguments.disk_of_rank / 1e9:.0f} GB/s a rank.\n")
    for ranks in arguments.ranks:
        show_reductions(there, ranks)
    show_prediction(there, rates)
    show_limit(there, rates)
    show_stragglers(there, max(arguments.ranks), rates)


main()
