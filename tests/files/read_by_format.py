#!/usr/bin/env python3
"""Files of every version, read by the documentation of the format and by the program: both find the same.
Usage: read_by_format.py PROGRAM FIGURES WORK_FOLDER
"""
import json
import math
import pathlib
import random
import shutil
import subprocess
import sys

import read_fold

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
from npy_files import load_npy, save_npy  # noqa: E402

program, figures, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
failures = []


def expect(holds, *what):
    if not holds:
        failures.append(" ".join(map(str, what)))


def run(*arguments):
    return subprocess.run([program, *arguments], cwd=work, capture_output=True, text=True, check=True).stdout


def are_close(a, b, tolerance=1e-14):
    size = max([abs(x) for x in b], default=0)
    return len(a) == len(b) and all(abs(x - y) <= tolerance * size for x, y in zip(a, b))


generator = random.Random(5)
save_npy(work / "u.npy", (9, 30), [2 + generator.random() for _ in range(270)])
save_npy(work / "v.npy", (9, 30), [generator.gauss(0, 1) for _ in range(270)])
save_npy(work / "xy.npy", (30, 2), [generator.random() for _ in range(60)])
save_npy(work / "w.npy", (30,), [1 + generator.random() for _ in range(30)])
states = []
u, v = load_npy(work / "u.npy"), load_npy(work / "v.npy")
for j in range(9):
    for point in range(30):
        states += [u[j * 30 + point], v[j * 30 + point]]
save_npy(work / "states.npy", (9, 60), states)

maps = {path.name: path for path in sorted(figures.glob("format_*.fold"))}
both = ["fit", "--quiet", "--field", "u=u.npy", "--field", "v=v.npy", "--coords", "xy.npy", "--rank", "3"]
for name, options in {
        "plain": [],
        "single": ["--single"],
        "space": ["--center", "--normalize", "u=log10:0.5", "--normalize", "v=zscore", "--point-weights", "w.npy",
                  "--field-weight", "v=3", "--keep-training-latents", "--validate", "4"],
        "standardized": ["--standardize", "--mask", "auto", "--kernel", "gaussian", "--epsilon", "2", "--periods", "0,7",
                         "--rbf-method", "partition_of_unity", "--merge-duplicates"]}.items():
    run(*both, *options, "-o", name + ".fold")
    maps[name] = work / (name + ".fold")

for name, path in maps.items():
    found = read_fold.read_map(path)
    facts = json.loads(run("info", path, "--json"))
    expect(found["version"] == (int(name[7]) if name.startswith("format_") else 5), name, "has version",
           found["version"])
    for key in ("fields", "precision", "interpolate_method", "kernel", "neighbors", "rbf_method", "scales", "periods",
                "map_exists", "num_samples", "num_dropped", "num_filled", "mask", "gappy_states", "merge_duplicates"):
        if key in found:
            expect(found[key] == facts[key], name, key, found[key], facts[key])
    (dof, rank), basis = found["basis"]
    expect(dof == facts["dof"] and rank == facts["rank"], name, "has a basis of the shape", dof, rank)
    expect(are_close(found["singular_values"][1], facts["singular_values"], 1e-7 if facts["precision"] == "single" else
                     1e-15), name, "singular values")
    expect([list(pair) for pair in found["latent_ranges"]] == facts["latent_ranges"], name, "ranges")
    if found.get("errors"):
        expect(are_close(found["errors"][0][1], facts["snapshot_errors"], 1e-15), name, "errors")
        rms = facts.get("rms_errors", {}).values()
        expect([None if math.isnan(x) else x for x in found["errors"][3]] == list(rms), name, "root mean squares")
    if not name.startswith("format_"):
        run("compress", path, "--states", "states.npy", "-o", "latent.npy")
        latent = load_npy(work / "latent.npy")
        for j in range(9):
            expect(are_close(read_fold.compressed(found, states[j * 60:(j + 1) * 60]), latent[j * 3:(j + 1) * 3],
                             1e-5 if name == "single" else 1e-12), name, "coefficients of state", j)
expect(any(math.isfinite(x) for x in latent), "coefficients are numbers")

# Several chunks.
save_npy(work / "long.npy", (3, 400000), [generator.random() for _ in range(1200000)])
run("fit", "--quiet", "--field", "u=long.npy", "--rank", "3", "-o", "long.fold")
expect(list(read_fold.read_map(work / "long.fold")["basis"][0]) == [400000, 3], "several chunks")
data = bytearray((work / "long.fold").read_bytes())
for place in (100000, 5000000, len(data) - 20):
    data[place] ^= 1
    (work / "damaged.fold").write_bytes(data)
    data[place] ^= 1
    found = subprocess.run([program, "compress", work / "damaged.fold", "--states", "states.npy", "-o", "x.npy"],
                           capture_output=True, text=True)
    expect(found.returncode == 1 and "it is damaged" in found.stderr, "damage at", place, found.stderr)

for failure in failures:
    print(failure)
print("1 test case out of 1 failed" if failures else "1 test case out of 1 passed")
sys.exit(bool(failures))
