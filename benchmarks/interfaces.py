"""Seconds of compressing a state of a million numbers, median of 101, and of the import beside numpy's.
Usage: interfaces.py MAP_FILE
"""
import sys
import time

import numpy as np

start = time.perf_counter()
import fieldfold  # noqa: E402

imported = time.perf_counter() - start
svd = fieldfold.load(sys.argv[1])
state, latent = np.full(svd.dof, 1.5), np.empty(svd.rank)
seconds = []
for _ in range(101):
    start = time.perf_counter()
    svd.compress(state, out=latent)
    seconds.append(time.perf_counter() - start)
print(f"Python {np.median(seconds):.9f}")
print(f"import {imported:.3f}")
