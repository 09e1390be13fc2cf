#!/usr/bin/env python3
"""The time of fit from each file format, relative to that from .npy in the same run: a table in Markdown.

Usage: formats.py BUILD [--samples N] [--points N] [--runs N]
Data lie in the page cache, so that the differences are those of the readers. Medians of the runs, which take turns.
"""
import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

import h5py
import meshio
import netCDF4
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("build", type=pathlib.Path)
parser.add_argument("--samples", type=int, default=200)
parser.add_argument("--points", type=int, default=500_000)
parser.add_argument("--runs", type=int, default=5)
arguments = parser.parse_args()
program = arguments.build.resolve() / "src" / "fieldfold"
samples, points = arguments.samples, arguments.points

generator = np.random.default_rng(1)
field = generator.standard_normal((samples, 6)) @ generator.standard_normal((6, points))
# Multiples of 1/64, so that compression finds something.
field = np.round(64 * (field + 1e-3 * generator.standard_normal(field.shape))) / 64
block = max(1, points // 50)


def write_files(folder):
    np.save(folder / "c.npy", field)
    np.save(folder / "f.npy", np.asfortranarray(field))
    np.savez(folder / "a.npz", p=field)
    with h5py.File(folder / "a.h5", "w") as file:
        file["contiguous"] = field
        file.create_dataset("by_sample", data=field, chunks=(1, points))
        file.create_dataset("by_block", data=field, chunks=(samples // 4, block))
        file.create_dataset("gzip", data=field, chunks=(1, points), compression="gzip", compression_opts=1)
    with netCDF4.Dataset(folder / "a.nc", "w") as file:
        file.createDimension("time", None)
        file.createDimension("x", points)
        file.createVariable("p", "f8", ("time", "x"))[:] = field
        file.createVariable("deflate", "f8", ("time", "x"), zlib=True, complevel=1)[:] = field
    cells = [("vertex", np.arange(points)[:, None])]
    at = np.c_[np.arange(points), np.zeros((points, 2))]
    for j in range(samples):
        meshio.write(folder / f"s_{j}.vtu", meshio.Mesh(at, cells, {"p": field[j]}), compression=None)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    write_files(folder)
    sources = {".npy, C order": "c.npy", ".npy, Fortran order": "f.npy", ".npz, stored": "a.npz:p",
               "HDF5, contiguous": "a.h5:contiguous", "HDF5, chunks of one sample": "a.h5:by_sample",
               "HDF5, chunks of a quarter of the samples": "a.h5:by_block", "HDF5, gzip": "a.h5:gzip",
               "NetCDF, unlimited time": "a.nc:p", "NetCDF, deflate": "a.nc:deflate",
               "VTK, a file for each sample": "s_*.vtu:p"}
    seconds = {label: [] for label in sources}
    for _ in range(arguments.runs + 1):
        for label, source in sources.items():
            start = time.perf_counter()
            subprocess.run([program, "fit", "--quiet", "--field", "p=" + source, "--rank", "6", "-o", "map.fold"],
                           cwd=folder, check=True)
            seconds[label].append(time.perf_counter() - start)

# The first run fills the page cache.
medians = {label: statistics.median(times[1:]) for label, times in seconds.items()}
base = medians[".npy, C order"]
print(f"{samples} samples of {points} points, {field.nbytes / 1e6:.0f} MB; medians of {arguments.runs} runs\n")
print("| source | seconds | relative to .npy |\n|---|---|---|")
for label, median in medians.items():
    print(f"| {label} | {median:.2f} | {median / base:.2f} |")
