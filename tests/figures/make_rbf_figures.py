#!/usr/bin/python3
"""Writes rbf.json: reference results of scipy.interpolate.RBFInterpolator (scipy 1.10) for the tests.

scipy 1.10 lacks the Matern kernels, for which numpy solves the full system. Cases whose system has a condition number
above 1e9 are omitted: two correct solvers may differ there by more than the tests allow.
"""

import itertools
import json
import math
import pathlib
import warnings

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

MINIMUM_DEGREE = {
    "linear": 0, "thin_plate_spline": 1, "cubic": 1, "quintic": 2, "multiquadric": 0, "inverse_multiquadric": -1,
    "inverse_quadratic": -1, "gaussian": -1, "matern1_2": -1, "matern3_2": -1, "matern5_2": -1,
}
FORMULA = {
    "linear": lambda r: -r,
    "thin_plate_spline": lambda r: np.where(r == 0, 0, r**2 * np.log(np.where(r == 0, 1, r))),
    "cubic": lambda r: r**3,
    "quintic": lambda r: -(r**5),
    "multiquadric": lambda r: -np.sqrt(1 + r**2),
    "inverse_multiquadric": lambda r: 1 / np.sqrt(1 + r**2),
    "inverse_quadratic": lambda r: 1 / (1 + r**2),
    "gaussian": lambda r: np.exp(-(r**2)),
    "matern1_2": lambda r: np.exp(-r),
    "matern3_2": lambda r: (1 + math.sqrt(3) * r) * np.exp(-math.sqrt(3) * r),
    "matern5_2": lambda r: (1 + math.sqrt(5) * r + 5 * r**2 / 3) * np.exp(-math.sqrt(5) * r),
}
EPSILON = {1: 4.0, 2: 3.0, 3: 2.0}
NUM_POINTS, NUM_QUERIES, NUM_COLUMNS, NEIGHBORS = 30, 5, 2, 14


def powers(dim, degree):
    return [p for p in itertools.product(range(degree + 1), repeat=dim) if sum(p) <= degree]


def solve(points, values, queries, smoothing, kernel, epsilon, degree):
    """Solves the full system; returns the values at the queries and the condition number."""
    distance = lambda a, b: epsilon * np.linalg.norm(a[:, None] - b[None], axis=-1)
    shift = (points.max(0) + points.min(0)) / 2
    scale = (points.max(0) - points.min(0)) / 2
    scale[scale == 0] = 1
    exponents = powers(points.shape[1], degree)
    monomials = lambda x: np.array([np.prod(((x - shift) / scale) ** np.array(p), axis=1) for p in exponents]).reshape(
        len(exponents), len(x)).T
    n, r = len(points), len(exponents)
    matrix = np.zeros((n + r, n + r))
    matrix[:n, :n] = FORMULA[kernel](distance(points, points)) + np.diag(smoothing)
    matrix[:n, n:] = monomials(points)
    matrix[n:, :n] = matrix[:n, n:].T
    rhs = np.concatenate([values, np.zeros((r, values.shape[1]))])
    rows = np.hstack([FORMULA[kernel](distance(queries, points)), monomials(queries)])
    return rows @ np.linalg.solve(matrix, rhs), np.linalg.cond(matrix)


def case(points, values, queries, kernel, neighbors, smoothing, degree, epsilon):
    used_degree = max(MINIMUM_DEGREE[kernel], 0) if degree is None else degree
    smoothings = np.broadcast_to(smoothing, len(points))
    direct, condition = np.empty((len(queries), values.shape[1])), 0.0
    tree = cKDTree(points)
    for i, query in enumerate(queries):
        nearest = slice(None) if neighbors is None else np.sort(tree.query(query, neighbors)[1])
        direct[i], c = solve(points[nearest], values[nearest], query[None], smoothings[nearest], kernel, epsilon or 1.0,
                             used_degree)
        condition = max(condition, c)
    if condition > 1e9:
        return None
    result = direct
    if not kernel.startswith("matern"):
        result = RBFInterpolator(points, values, neighbors=neighbors, smoothing=smoothing, kernel=kernel,
                                 epsilon=epsilon, degree=degree)(queries)
        assert np.allclose(result, direct, rtol=1e-7, atol=1e-7), (kernel, condition)
    return result


def main():
    warnings.simplefilter("ignore")  # degrees below the minimum are intended
    rng = np.random.default_rng(20)
    data, cases = {}, []
    for dim in (1, 2, 3):
        points, queries = rng.random((NUM_POINTS, dim)), rng.random((NUM_QUERIES, dim)) * 1.2 - 0.1
        values = np.stack([np.cos(3 * points.sum(1)), np.exp(points[:, 0])], axis=1)
        smooth = rng.random(NUM_POINTS)
        data[dim] = {"points": points.tolist(), "queries": queries.tolist(), "values": values.tolist(),
                     "smoothing": smooth.tolist()}
        for kernel, neighbors in itertools.product(MINIMUM_DEGREE, (None, NEIGHBORS)):
            for smoothing, degree in ((0.0, None), (0.1, None), ("each", None), (0.0, -1), (0.0, 0), (0.0, 2)):
                epsilon = None if kernel in ("linear", "thin_plate_spline", "cubic", "quintic") else EPSILON[dim]
                result = case(points, values, queries, kernel, neighbors, smooth if smoothing == "each" else smoothing,
                              degree, epsilon)
                if result is not None:
                    cases.append({"dim": dim, "kernel": kernel, "neighbors": neighbors, "smoothing": smoothing,
                                  "degree": degree, "epsilon": epsilon, "result": result.tolist()})
    text = json.dumps({"data": data, "cases": cases}).replace('{"dim"', '\n{"dim"')
    pathlib.Path(__file__).with_name("rbf.json").write_text(text + "\n")
    print(len(cases), "cases,", len(text), "bytes")


if __name__ == "__main__":
    main()
