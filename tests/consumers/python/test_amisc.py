#!/usr/bin/env python3
"""The classes that take the place of amisc's: arguments, attributes and behaviour of amisc 0.8.1."""
import pathlib
import pickle
import sys
import tempfile
import unittest

import numpy as np

from fieldfold.amisc import SVD, Compression

GENERATOR = np.random.default_rng(5)
COORDS = GENERATOR.random((30, 2))
FIELDS = {"ux": GENERATOR.standard_normal((8, 30)), "uy": GENERATOR.standard_normal((8, 30))}
MATRIX = np.stack([FIELDS["ux"], FIELDS["uy"]], axis=-1).reshape(8, 60).T
S = np.linalg.svd(MATRIX)[1]
ENERGY = np.cumsum(S**2) / np.sum(S**2)


class AmiscTest(unittest.TestCase):
    def test_arguments_have_the_order_of_the_reference(self):
        svd = SVD(["ux"], "svd", COORDS, "rbf", {"kernel": "cubic"}, False, None, None, 3, 0.9)
        self.assertEqual((svd.fields, svd.method, svd.interpolate_method, svd.rank, svd.energy_tol),
                         (["ux"], "svd", "rbf", 3, 0.9))
        self.assertIsInstance(svd, Compression)
        self.assertRaises(TypeError, Compression)

    def test_sizes_before_there_is_a_map(self):
        svd = SVD()
        self.assertEqual((svd.map_exists, svd.dim, svd.num_pts, svd.num_qoi, svd.dof), (False, 1, None, 1, None))
        self.assertIsNone(svd.estimate_latent_ranges())
        self.assertIsNone(svd.latent_size())
        svd = SVD(fields=["ux", "uy"], coords=COORDS)
        self.assertEqual((svd.map_exists, svd.dim, svd.num_pts, svd.num_qoi, svd.dof), (False, 2, 30, 2, 60))
        self.assertEqual(SVD(coords=np.arange(7.0)).dim, 1)

    def test_a_map_is_learned_at_construction(self):
        for data in (MATRIX, FIELDS):
            svd = SVD(fields=["ux", "uy"], coords=COORDS, data_matrix=data, rank=4)
            self.assertTrue(svd.map_exists)
            self.assertEqual((svd.projection_matrix.shape, svd.latent_size()), ((60, 4), 4))
            np.testing.assert_array_equal(svd.data_matrix, MATRIX)
            basis = np.linalg.svd(MATRIX)[0][:, :4]
            np.testing.assert_allclose(svd.reconstruct(svd.compress(MATRIX.T)), MATRIX.T @ basis @ basis.T, atol=1e-12)
            latent = svd.compress(MATRIX.T)
            np.testing.assert_allclose(svd.estimate_latent_ranges(),
                                       list(zip(latent.min(axis=0), latent.max(axis=0))), atol=1e-12)
            self.assertIsInstance(svd.estimate_latent_ranges()[0], tuple)

    def test_precedence_and_persistence(self):
        svd = SVD(data_matrix=MATRIX)
        self.assertEqual(svd.rank, int(np.argmax(ENERGY >= 0.95)) + 1)
        self.assertAlmostEqual(svd.energy_tol, ENERGY[svd.rank - 1], places=12)
        self.assertAlmostEqual(svd.reconstruction_tol**2, 1 - ENERGY[svd.rank - 1], places=12)
        svd.compute_map(MATRIX, energy_tol=0.5)  # the rank of the first map persists
        self.assertEqual(svd.rank, int(np.argmax(ENERGY >= 0.95)) + 1)
        svd.compute_map(MATRIX, rank=2, energy_tol=0.99, reconstruction_tol=1e-9)
        self.assertEqual(svd.rank, 2)
        svd = SVD(data_matrix=MATRIX, reconstruction_tol=0.5, energy_tol=0.1)
        self.assertEqual(svd.rank, int(np.argmax(np.sqrt(1 - ENERGY) <= 0.5)) + 1)
        svd = SVD(data_matrix=MATRIX, energy_tol=0.5)
        self.assertEqual(svd.rank, int(np.argmax(ENERGY >= 0.5)) + 1)

    def test_columns_with_nan_are_dropped(self):
        data = MATRIX.copy()
        data[3, [1, 5]] = np.nan
        svd = SVD(data_matrix=data, rank=3)
        np.testing.assert_array_equal(svd.data_matrix, np.delete(MATRIX, [1, 5], axis=1))

    def test_names_and_coords_may_come_after_learning(self):
        svd = SVD(data_matrix=MATRIX, rank=3)
        self.assertFalse(svd.map_exists)
        svd.fields = ["ux", "uy"]
        svd.coords = COORDS
        self.assertTrue(svd.map_exists)
        found = svd.interpolate_from_grid(svd.reconstruct(svd.compress(MATRIX.T)), COORDS[:5])
        self.assertEqual({name: values.shape for name, values in found.items()}, {"ux": (8, 5), "uy": (8, 5)})

    def test_interpolation_between_grids(self):
        svd = SVD(fields=["ux", "uy"], coords=COORDS, data_matrix=MATRIX, rank=8)
        states = MATRIX.T.reshape(2, 4, 60)
        for name, values in svd.interpolate_from_grid(states, COORDS).items():
            np.testing.assert_array_equal(values, FIELDS[name].reshape(2, 4, 30))
        queries = GENERATOR.random((3, 5, 2))
        found = svd.interpolate_from_grid(states, queries)
        self.assertEqual(found["uy"].shape, (2, 4, 3, 5))
        expected = svd.interpolator()(COORDS, FIELDS["uy"].T)(queries.reshape(-1, 2))
        np.testing.assert_allclose(found["uy"].reshape(8, 15), expected.T, atol=1e-9)
        np.testing.assert_array_equal(svd.interpolate_to_grid(COORDS, FIELDS), MATRIX.T)
        back = svd.interpolate_to_grid(queries, {name: np.ones((6, 3, 5)) for name in FIELDS})
        self.assertEqual(back.shape, (6, 60))
        np.testing.assert_allclose(back, 1, atol=1e-9)
        self.assertEqual(svd.interpolate_from_grid(states, np.array([0.5, 0.5]))["ux"].shape, (2, 4, 1))

    def test_object_arrays_have_one_grid_in_each_element(self):
        svd = SVD(fields=["ux", "uy"], coords=COORDS, data_matrix=MATRIX, rank=8)
        grids = np.empty((2, 2), dtype=object)
        values = {name: np.empty((2, 2), dtype=object) for name in FIELDS}
        for number, index in enumerate(np.ndindex(2, 2)):
            if index == (1, 0):
                continue
            grids[index] = GENERATOR.random((10 + number, 2))
            for name in FIELDS:
                values[name][index] = grids[index][:, 0] + number
        states = svd.interpolate_to_grid(grids, values)
        self.assertEqual(states.shape, (2, 2, 60))
        self.assertTrue(np.isnan(states[1, 0]).all())
        np.testing.assert_allclose(states[1, 1].reshape(30, 2)[:, 0], COORDS[:, 0] + 3, atol=1e-9)
        found = svd.interpolate_from_grid(states, grids)
        self.assertEqual((found["ux"].dtype, found["ux"].shape), (object, (2, 2)))
        self.assertIsNone(found["ux"][1, 0])
        np.testing.assert_allclose(found["uy"][0, 1], grids[0, 1][:, 0] + 1, atol=1e-8)

    def test_dicts_files_pickles_and_equality(self):
        spec = {"method": "SVD", "fields": ["ux"], "rank": 3}
        made = Compression.from_dict(spec)
        self.assertIsInstance(made, SVD)
        self.assertNotIn("method", spec)
        self.assertRaises(NotImplementedError, Compression.from_dict, {"method": "autoencoder"})
        self.assertRaises(NotImplementedError, SVD(interpolate_method="kriging").interpolator)
        self.assertEqual(pickle.loads(pickle.dumps(made)), made)
        with tempfile.TemporaryDirectory() as folder:
            path = made.serialize(pathlib.Path(folder) / "svd.pkl")
            self.assertEqual(SVD.deserialize(path), made)
        self.assertRaises(ValueError, made.serialize)
        learned = SVD(fields=["ux", "uy"], coords=COORDS, data_matrix=MATRIX, rank=4)
        again = pickle.loads(pickle.dumps(learned))
        np.testing.assert_array_equal(again.compress(MATRIX.T), learned.compress(MATRIX.T))

    def test_wrong_use_is_an_exception_that_says_why(self):
        learned = SVD(fields=["ux", "uy"], coords=COORDS, data_matrix=MATRIX, rank=4)
        infinite = MATRIX.copy()
        infinite[0, 0] = np.inf
        for action, part in ((lambda: SVD().compress(MATRIX.T), "no map yet"),
                             (lambda: SVD().reconstruct(MATRIX.T), "no map yet"),
                             (lambda: SVD(data_matrix=MATRIX).interpolate_from_grid(MATRIX.T, COORDS), "coords"),
                             (lambda: SVD(coords=COORDS).interpolate_to_grid(COORDS, FIELDS), "fields"),
                             (lambda: learned.interpolate_to_grid(COORDS, {"ux": FIELDS["ux"]}), "named uy"),
                             (lambda: learned.interpolate_to_grid(COORDS, {n: f.T for n, f in FIELDS.items()}), "shape"),
                             (lambda: SVD(data_matrix=infinite), "infinity"),
                             (lambda: SVD(data_matrix=MATRIX, rank=2.7), "whole number"),
                             (lambda: SVD(data_matrix=MATRIX * 1j), "real numbers"),
                             (lambda: SVD(data_matrix=FIELDS), "fields named"),
                             (lambda: SVD(data_matrix=MATRIX[0]), "num_samples")):
            self.assertRaisesRegex((ValueError, RuntimeError), part, action)

    def test_single_precision_stays(self):
        self.assertEqual(SVD(data_matrix=MATRIX.astype(np.float32), rank=2).projection_matrix.dtype, np.float32)

    def test_no_samples_give_no_states(self):
        svd = SVD(fields=["ux", "uy"], coords=COORDS, data_matrix=MATRIX, rank=4)
        self.assertEqual(svd.interpolate_to_grid(COORDS[:4], {n: np.empty((0, 4)) for n in FIELDS}).shape, (0, 60))

    def test_a_ready_basis_is_used_as_it_is(self):
        basis = np.linalg.qr(GENERATOR.standard_normal((60, 5)))[0]
        svd = SVD(fields=["ux", "uy"], coords=COORDS, projection_matrix=basis, rank=5, _map_computed=True)
        self.assertTrue(svd.map_exists)
        np.testing.assert_allclose(svd.reconstruct(svd.compress(basis.T)), basis.T, atol=1e-13)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} test cases out of {result.testsRun} passed")
    sys.exit(bool(bad))
