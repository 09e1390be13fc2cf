#!/usr/bin/env python3
"""Checks what the examples print against mathematics, from closed forms of their fields that are written anew here.

Usage: examples.py NAME, in the folder of the example, with what it has printed in the file `printed`.
"""
import csv
import pathlib
import re
import sys
import unittest

import numpy as np

PRINTED = pathlib.Path("printed").read_text(encoding="utf-8") if pathlib.Path("printed").exists() else ""


def numbers_after(label):
    """The numbers of the line that begins with a label."""
    line = next(line for line in PRINTED.splitlines() if line.strip().startswith(label))
    return [float(number) for number in re.findall(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?", line.split(label, 1)[1])]


class HeatEquation(unittest.TestCase):
    SNAPSHOTS, CELLS = 256, 128

    def setUp(self):
        self.solver, = numbers_after("error of the solver    ")
        self.bound, = numbers_after("bound that the incremental SVD gives")

    def test_errors_are_within_their_bounds(self):
        self.assertEqual(numbers_after("states")[:2], [self.SNAPSHOTS, self.CELLS ** 2])
        self.assertLessEqual(numbers_after("relative error of the compression")[0], self.bound)
        self.assertLessEqual(self.bound, 1e-3)  # the tolerance that is asked for
        self.assertLessEqual(numbers_after("error of the reconstructions")[0], numbers_after("at most")[0])

    def test_the_solver_converges_with_second_order(self):
        coarse, = numbers_after("error of the solver, half as many cells")
        self.assertAlmostEqual(np.log2(coarse / self.solver), 2, delta=0.1)

    def test_singular_values_are_those_of_the_closed_form(self):
        centers = (np.arange(self.CELLS) + 0.5) / self.CELLS
        angles = 2 * np.pi * np.arange(1, self.SNAPSHOTS + 1) / self.SNAPSHOTS
        x, y = (np.exp(-(centers - 0.5 - 0.25 * along(angles)[:, None]) ** 2 / 0.02) for along in (np.cos, np.sin))
        states = 100 * np.einsum("ti,tj->tji", x, y).reshape(self.SNAPSHOTS, -1)
        expected = np.linalg.svd(states, compute_uv=False)
        with open("spectrum.csv", encoding="utf-8") as file:
            found = np.array([float(row["singular_value"]) for row in csv.DictReader(file)])
        # Weyl: they differ by at most the norm of the difference of the states, of the solver and of the compression.
        difference = self.solver * np.sqrt(states.size) + self.bound * np.linalg.norm(states)
        self.assertLessEqual(np.abs(found - expected[:found.size]).max(), difference)
        self.assertGreater(found[0], 20 * difference)


class BoundaryLoad(unittest.TestCase):
    def test_the_transpose_keeps_the_load_and_pressures_do_not(self):
        self.assertLess(numbers_after("largest error of a rigid motion of about 1 m:")[0], 1e-11)
        self.assertLess(max(numbers_after("structure, transposed")[3:]), 1e-11)
        self.assertGreater(max(numbers_after("structure, pressure")[3:]), 1e-3)

    def test_the_load_is_the_integral_of_the_pressure(self):
        radius, length, half_angle, count = 25.0, 50.0, 0.7, 1000
        angles, angle_weights = np.polynomial.legendre.leggauss(count)
        angles, angle_weights = half_angle * angles[:, None], half_angle * angle_weights[:, None]
        y, y_weights = np.polynomial.legendre.leggauss(count)
        y, y_weights = length / 2 * (1 + y[None, :]), length / 2 * y_weights[None, :]
        x, around = radius * np.sin(angles), angles + half_angle
        vortex = 3 * np.exp(-((x + 12) ** 2 + (y - 4) ** 2) / (2 * 1.5 ** 2))
        pressure = 562 * (0.8 * np.cos(3 * around) * np.exp(-around) - 0.4 - vortex)
        normal = np.stack(np.broadcast_arrays(np.sin(angles), 0, np.cos(angles)))[:, :, :1]
        loads = -pressure * normal * radius * angle_weights * y_weights
        points = np.stack(np.broadcast_arrays(x, y, radius * np.cos(angles)))
        moment = np.cross(points, loads, axis=0).sum(axis=(1, 2))
        # Linear triangles of 0.2 m resolve a vortex of 1.5 m to (0.2 / 1.5)^2 / 12.
        for label in ("wetted surface", "structure, transposed"):
            found_force, found_moment = numbers_after(label)[:2]
            self.assertAlmostEqual(found_force / (np.linalg.norm(loads.sum(axis=(1, 2))) / 1e3), 1, delta=1e-3)
            self.assertAlmostEqual(found_moment / (np.linalg.norm(moment) / 1e3), 1, delta=1e-3)


class OceanTemperature(unittest.TestCase):
    def setUp(self):
        sys.path.insert(0, ".")
        import netCDF4
        import ocean_temperature
        self.example = ocean_temperature
        self.ocean = ~ocean_temperature.land().ravel()
        self.seen = self.ocean & ~ocean_temperature.clouds(ocean_temperature.CLOUDY_DAY).ravel()
        with netCDF4.Dataset("sst_modes.nc") as file:
            self.mean = np.ma.filled(file["mean_sst"][:].astype(float), np.nan).ravel()
            self.modes = np.stack([np.ma.filled(file[f"mode_{mode}_sst"][:].astype(float), np.nan).ravel()
                                   for mode in range(1, ocean_temperature.RANK + 1)], axis=1)
        roots = np.sqrt(ocean_temperature.areas())
        self.weighted = roots[:, None] * self.modes
        self.difference = roots * (ocean_temperature.read_maps("cloudy.nc")[0] - self.mean)

    def test_modes_have_no_land_and_are_orthonormal_over_the_area(self):
        np.testing.assert_array_equal(np.isnan(self.mean), ~self.ocean)
        gram = self.weighted[self.ocean].T @ self.weighted[self.ocean]
        np.testing.assert_allclose(gram / gram[0, 0], np.eye(self.example.RANK), atol=1e-10)

    def test_the_program_fills_clouds_by_least_squares(self):
        coefficients = np.linalg.lstsq(self.weighted[self.seen], self.difference[self.seen], rcond=None)[0]
        filled = self.example.read_maps("filled.nc")[-1]
        expected = self.mean + self.modes @ coefficients
        np.testing.assert_allclose(filled[self.ocean], expected[self.ocean], atol=1e-9)

    def test_package_and_program_agree(self):
        # Filling gaps of the snapshots stops at changes of 1e-6 of them.
        _, under_clouds = numbers_after("least squares")
        self.assertAlmostEqual(numbers_after("error under the clouds of filled.nc:")[0], under_clouds, delta=1e-4)
        smallest = np.linalg.svd(self.weighted[self.seen], compute_uv=False)[-1]
        scale = np.linalg.norm(self.weighted[self.ocean, 0])
        self.assertAlmostEqual(numbers_after("amplification by the clouds")[0] / (scale / smallest), 1, delta=1e-4)

    def test_errors_are_within_their_bounds(self):
        self.assertLessEqual(numbers_after("error in the whole ocean, K")[0], numbers_after("its bound, K")[0])
        for place in (0, 1):
            self.assertLess(numbers_after("least squares")[place], numbers_after("mean of the days")[place] / 10)
        self.assertLess(numbers_after("best in the span")[1], numbers_after("least squares")[1])


class Surrogate(unittest.TestCase):
    SIDE, SAMPLES, NEW = 40, 64, 20

    @classmethod
    def setUpClass(cls):
        h = 1 / (cls.SIDE + 1)
        second = (2 * np.eye(cls.SIDE) - np.eye(cls.SIDE, k=1) - np.eye(cls.SIDE, k=-1)) / h ** 2
        first = (np.eye(cls.SIDE, k=1) - np.eye(cls.SIDE, k=-1)) / (2 * h)
        one = np.eye(cls.SIDE)
        operator = 1e-3 * (np.kron(second, one) + np.kron(one, second)) + 5e-3 * np.kron(one, first)
        indices = range(1, cls.SAMPLES + cls.NEW + 1)
        cls.positions = 0.2 + 0.6 * np.array([[cls.reversed_digits(i, 2), cls.reversed_digits(i, 3)] for i in indices])
        y, x = (axis.ravel() for axis in np.meshgrid(*[h * np.arange(1, cls.SIDE + 1)] * 2, indexing="ij"))
        squares = (x[:, None] - cls.positions[:, 0]) ** 2 + (y[:, None] - cls.positions[:, 1]) ** 2
        cls.states = np.linalg.solve(operator, np.exp(-squares / (2 * 0.1 ** 2)))  # (dof, positions)
        cls.modes, cls.values, _ = np.linalg.svd(cls.states[:, :cls.SAMPLES], full_matrices=False)
        cls.rank, cls.epsilon = (numbers_after("samples")[place] for place in (2, 3))

    @staticmethod
    def reversed_digits(index, base):
        number, digit = 0.0, 1 / base
        while index:
            number, index, digit = number + index % base * digit, index // base, digit / base
        return number

    def new_rows(self):
        lines = PRINTED.splitlines()
        first = next(place for place, line in enumerate(lines) if line.startswith("  x, m")) + 1
        return np.array([line.split() for line in lines[first:first + self.NEW]], float)

    def test_the_rank_is_the_least_for_the_tolerance(self):
        tails = np.sqrt(np.cumsum(self.values[::-1] ** 2)[::-1] / np.sum(self.values ** 2))
        self.assertEqual(self.rank, np.argmax(tails <= 1e-3))

    def test_errors_at_new_positions_are_those_of_numpy(self):
        basis, truth = self.modes[:, :int(self.rank)], self.states[:, self.SAMPLES:]
        points, new = self.positions[:self.SAMPLES], self.positions[self.SAMPLES:]
        kernel = [np.exp(-self.epsilon ** 2 * ((rows[:, None] - points) ** 2).sum(axis=2)) for rows in (points, new)]
        system = np.block([[kernel[0], np.ones((self.SAMPLES, 1))], [np.ones((1, self.SAMPLES)), np.zeros((1, 1))]])
        coefficients = np.vstack([(basis.T @ self.states[:, :self.SAMPLES]).T, np.zeros((1, basis.shape[1]))])
        predicted = np.hstack([kernel[1], np.ones((self.NEW, 1))]) @ np.linalg.solve(system, coefficients)
        norms = np.linalg.norm(truth, axis=0)
        expected = np.stack([np.linalg.norm(basis @ predicted.T - truth, axis=0) / norms,
                             np.linalg.norm(basis @ (basis.T @ truth) - truth, axis=0) / norms], axis=1)
        printed = self.new_rows()
        np.testing.assert_allclose(printed[:, :2], new, atol=6e-4)
        # Three digits are printed, also of epsilon.
        np.testing.assert_allclose(printed[:, 2:], expected, rtol=0.02)

    def test_the_estimate_is_that_of_surrogates_of_the_other_samples(self):
        error, projection = numbers_after("all of these")
        estimate, = numbers_after("leave-one-out estimate from the samples")
        self.assertLess(projection, error)
        self.assertLess(abs(np.log2(estimate / error)), 1)
        self.assertLess(numbers_after("of the coefficients in the same modes")[0], estimate)


if __name__ == "__main__":
    name = "".join(part.capitalize() for part in sys.argv.pop(1).split("_"))
    unittest.main(defaultTest=name)
