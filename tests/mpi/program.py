#!/usr/bin/env python3
"""The program on several ranks: maps are those of one rank, and an error is said once.
Usage: program.py PROGRAM MPIRUN WORK_FOLDER
"""
import json
import pathlib
import random
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
from npy_files import save_npy  # noqa: E402

program, mpirun = str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2]
work = pathlib.Path(sys.argv[3]).resolve()
work.mkdir(parents=True, exist_ok=True)
failures = []
SAMPLES, POINTS = 11, 101


def expect(holds, *what):
    if not holds:
        failures.append(" ".join(map(str, what)))


def run(ranks, *arguments):
    return subprocess.run([mpirun, "-n", str(ranks), program, *arguments], cwd=work, capture_output=True, text=True,
                          timeout=100)


def snapshots(gap=None):
    """Modes of sizes 1, 1/3, 1/9, ... on a mean."""
    generator = random.Random(7)
    modes = [([generator.gauss(0, 1) for _ in range(POINTS)], [generator.gauss(0, 3**-k) for _ in range(SAMPLES)])
             for k in range(6)]
    return [float("nan") if (j, p) == gap else 2 + sum(shape[p] * course[j] for shape, course in modes)
            for j in range(SAMPLES) for p in range(POINTS)]


generator = random.Random(8)
save_npy(work / "u.npy", (SAMPLES, POINTS), snapshots())
save_npy(work / "v.npy", (SAMPLES, POINTS), [50 * x * x for x in snapshots()])
save_npy(work / "gappy.npy", (SAMPLES, POINTS), snapshots(gap=(3, 70)))
save_npy(work / "xy.npy", (POINTS, 2), [generator.random() for _ in range(2 * POINTS)])
save_npy(work / "w.npy", (POINTS,), [1 + generator.random() for _ in range(POINTS)])
save_npy(work / "mass.npy", (3 * POINTS - 2, 3),
         [x for i in range(POINTS) for j in (i - 1, i, i + 1) if 0 <= j < POINTS
          for x in (float(i), float(j), 4.0 if i == j else 1.0)])

both = ["--field", "u=u.npy", "--field", "v=v.npy"]
cases = {
    "plain": [*both, "--rank", "4"],
    "space": [*both, "--coords", "xy.npy", "--point-weights", "w.npy", "--center", "--normalize", "v=zscore", "--rank",
              "3", "--validate", "4", "--keep-training-latents"],
    "mass": ["--field", "u=u.npy", "--mass", "mass.npy", "--rank", "3"],
    "gappy": ["--field", "u=gappy.npy", "--gappy", "fill", "--rank", "2"],
    "grid": ["--field", "u=u.npy", "--coords", "xy.npy", "--center", "--reconstruction-tol", "0.01"],
}
for name, options in cases.items():
    alone = subprocess.run([program, "fit", *options, "-o", f"{name}.fold"], cwd=work, capture_output=True, text=True)
    expect(alone.returncode == 0, name, alone.stderr)
    for ranks in (2, 3, 4, 7):
        found = run(ranks, "fit", *options, "-o", f"{name}_{ranks}.fold")
        expect(found.returncode == 0 and found.stdout.count("\n") == 1, name, ranks, found.stdout, found.stderr)
        facts = json.loads(subprocess.run([program, "compare", f"{name}.fold", f"{name}_{ranks}.fold", "--json"], cwd=work,
                                          capture_output=True, text=True).stdout)
        # The gaps are filled until their change is 1e-10 of their size.
        tolerance = 1e-6 if name == "gappy" else 1e-10
        expect(max(facts["angles_in_degrees"]) <= tolerance, name, "on", ranks, "ranks", facts["angles_in_degrees"])
        outlines = [json.loads(subprocess.run([program, "info", f"{which}.fold", "--json"], cwd=work,
                                              capture_output=True, text=True).stdout)
                    for which in (name, f"{name}_{ranks}")]
        for key in ("dof", "rank", "num_samples", "num_dropped", "num_filled", "fields", "grid_shape", "mass_matrix"):
            expect(outlines[0][key] == outlines[1][key], name, ranks, key, outlines[0][key], outlines[1][key])
        largest = outlines[0]["singular_values"][0]
        tolerance = 1e-8 if name == "gappy" else 1e-12
        expect(max(abs(a - b) for a, b in zip(outlines[0]["singular_values"][:2], outlines[1]["singular_values"][:2])) <=
               tolerance * largest, name, ranks, "singular values")

for arguments, text in {
        ("fit", *both, "--rank", "40", "-o", "x.fold"): "--rank: expected 1 to min(dof, samples)",
        ("fit", "--field", "u=none.npy", "-o", "x.fold"): "none.npy: cannot be read",
        ("fit", *both, "-o", "none/x.fold"): "none/x.fold: cannot be written",
        ("info", "plain.fold"): "expected the command fit"}.items():
    found = run(3, *arguments)
    lines = [line for line in found.stderr.splitlines() if line.startswith("fieldfold: ")]
    expect(found.returncode == 1 and len(lines) == 1 and text in lines[0], *arguments, found.returncode, lines)
expect(not (work / "x.fold").exists(), "no file after an error")

for failure in failures:
    print(failure)
print("1 test case out of 1 failed" if failures else "1 test case out of 1 passed")
sys.exit(bool(failures))
