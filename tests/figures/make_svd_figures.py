#!/usr/bin/python3
"""Writes svd.json: reference results of numpy.linalg.svd for matrices that the tests build by the same formulas."""

import json
import pathlib

import numpy as np


def matrix(name, m, n):
    i, j = np.arange(m)[:, None], np.arange(n)[None, :]
    waves = np.cos(0.37 * (i + 1) * (j + 1)) + 0.1 * np.sin(i + j * j)
    return {
        "waves": waves,
        "mean_dominated": 50.0 + waves,
        "graded": waves * 10.0 ** (-(i % 7)),
        "decaying": waves * 0.3**j,
    }[name]


def figures(name, m, n, rank):
    a = matrix(name, m, n)
    u, s, _ = np.linalg.svd(a, full_matrices=False)
    u = u * np.where(u[np.abs(u).argmax(axis=0), np.arange(len(s))] < 0, -1.0, 1.0)
    energy = np.cumsum(s**2) / np.sum(s**2)
    errors = np.array([np.linalg.norm(a - u[:, :r] @ (u[:, :r].T @ a)) for r in range(1, len(s) + 1)]) / np.linalg.norm(a)
    basis = u[:, :rank]
    latents = a.T @ basis
    state = np.sin(np.arange(m))
    return {
        "name": name, "m": m, "n": n, "rank": rank, "singular_values": s.tolist(),
        "energy": energy[rank - 1], "reconstruction_error": errors[rank - 1],
        "rank_at_energy": {str(t): int(np.argmax(energy >= t)) + 1 for t in (0.5, 0.95, 0.99, 0.999)},
        "rank_at_error": {str(t): int(np.argmax(errors <= t)) + 1 for t in (0.5, 0.1, 0.05)},
        "latent_ranges": np.stack([latents.min(0), latents.max(0)], axis=1).tolist(),
        "latent_of_sine": (basis.T @ state).tolist(), "sine_again": (basis @ (basis.T @ state)).tolist(),
    }


def main():
    cases = [figures(*c) for c in (("waves", 30, 8, 3), ("waves", 8, 30, 3), ("mean_dominated", 24, 10, 2),
                                   ("graded", 35, 6, 4), ("decaying", 40, 7, 5), ("waves", 12, 12, 6))]
    path = pathlib.Path(__file__).with_name("svd.json")
    path.write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    print(len(cases), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
