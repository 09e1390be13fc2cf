#!/usr/bin/env python3
"""The Python package against numpy and scipy: shapes, precisions, files, pickles, threads, failures."""
import copy
import pathlib
import pickle
import sys
import tempfile
import threading
import unittest
import warnings

import numpy as np
import scipy.interpolate
import scipy.sparse

import fieldfold

GENERATOR = np.random.default_rng(3)
COORDS = GENERATOR.random((40, 2))
FIELDS = {"u": GENERATOR.standard_normal((2, 5, 40)), "v": 3 + GENERATOR.standard_normal((2, 5, 40))}
STATES = np.stack([FIELDS["u"], FIELDS["v"]], axis=-1).reshape(2, 5, 80)
MATRIX = STATES.reshape(10, 80).T
# Rounding of sums of 80 products, relative to their size.
TOLERANCE = 1e-12


def learned(**options):
    return fieldfold.SVD(FIELDS, fields=["u", "v"], coords=COORDS, **options)


def signs_of(basis):
    return np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])


class SVDTest(unittest.TestCase):
    def test_a_map_is_the_svd_of_numpy(self):
        u, s, _ = np.linalg.svd(MATRIX, full_matrices=False)
        u *= signs_of(u)
        svd = learned(rank=4, keep_training_latents=True)
        np.testing.assert_allclose(svd.singular_values, s, rtol=TOLERANCE)
        np.testing.assert_allclose(svd.projection_matrix, u[:, :4], atol=TOLERANCE)
        self.assertAlmostEqual(svd.energy, (s[:4]**2).sum() / (s**2).sum(), places=12)
        self.assertAlmostEqual(svd.reconstruction_error**2, (s[4:]**2).sum() / (s**2).sum(), places=12)
        latent = svd.compress(STATES)
        self.assertEqual(latent.shape, (2, 5, 4))
        np.testing.assert_allclose(latent, STATES @ u[:, :4], atol=10 * TOLERANCE)
        np.testing.assert_allclose(svd.reconstruct(latent), STATES @ u[:, :4] @ u[:, :4].T, atol=10 * TOLERANCE)
        np.testing.assert_allclose(svd.training_latents, latent.reshape(10, 4), atol=10 * TOLERANCE)
        errors = np.linalg.norm(MATRIX - u[:, :4] @ u[:, :4].T @ MATRIX, axis=0) / np.linalg.norm(MATRIX, axis=0)
        np.testing.assert_allclose(svd.errors.snapshots, errors, rtol=1e-9)
        np.testing.assert_allclose(svd.estimate_latent_ranges(),
                                   np.stack([latent.min(axis=(0, 1)), latent.max(axis=(0, 1))], axis=1),
                                   atol=10 * TOLERANCE)
        mean, covariance = svd.latent_statistics
        np.testing.assert_allclose(covariance, np.cov(latent.reshape(10, 4).T, bias=True), atol=1e-11)
        white = svd.whiten(latent)
        np.testing.assert_allclose(np.cov(white.reshape(10, 4).T, bias=True), np.eye(4), atol=1e-11)
        np.testing.assert_allclose(svd.unwhiten(white), latent, atol=1e-11)
        self.assertEqual((svd.dof, svd.rank, svd.num_pts, svd.num_qoi, svd.dim), (80, 4, 40, 2, 2))
        self.assertEqual((svd.num_samples, svd.num_dropped, svd.latent_size()), (10, 0, 4))
        self.assertEqual(svd.fields, ["u", "v"])
        np.testing.assert_array_equal(svd.coords, COORDS)
        rest = (MATRIX - u[:, :4] @ u[:, :4].T @ MATRIX).reshape(40, 2, 10)
        np.testing.assert_allclose(list(svd.rms_errors.values()), np.sqrt((rest**2).mean(axis=(0, 2))), rtol=1e-9)

    def test_layouts_and_types_give_the_same_map(self):
        expected = learned(rank=4).projection_matrix
        for data in (MATRIX, np.asfortranarray(MATRIX), np.repeat(MATRIX, 2, axis=1)[:, ::2], MATRIX[::-1][::-1],
                     MATRIX.astype(">f8"), FIELDS):
            found = fieldfold.SVD(data, fields=["u", "v"], rank=4)
            np.testing.assert_allclose(found.projection_matrix, expected, atol=TOLERANCE)
        single = fieldfold.SVD(MATRIX.astype(np.float32), rank=4)
        self.assertTrue(single.is_single)
        self.assertEqual(single.projection_matrix.dtype, np.float32)
        np.testing.assert_allclose(single.projection_matrix, expected, atol=1e-4)
        self.assertEqual(single.compress(STATES.astype(np.float32)).dtype, np.float32)
        self.assertEqual(single.compress(STATES).dtype, np.float64)
        whole = np.arange(12).reshape(4, 3) % 5
        np.testing.assert_allclose(fieldfold.SVD(whole, rank=2).singular_values, np.linalg.svd(whole)[1], atol=1e-12)

    def test_field_options_are_weights_of_the_inner_product(self):
        weights = 1 + GENERATOR.random(40)
        roots = np.sqrt(np.repeat(weights, 2))[:, np.newaxis]
        expected = np.linalg.svd(roots * (MATRIX - MATRIX.mean(axis=1, keepdims=True)))[1]
        centred = learned(rank=3, field_opts={"point_weights": weights, "center": True})
        np.testing.assert_allclose(centred.singular_values[:9], expected[:9], rtol=1e-11)
        np.testing.assert_allclose(centred.mean, MATRIX.mean(axis=1), atol=TOLERANCE)
        samples = 1 + GENERATOR.random(10)
        weighted = learned(rank=3, field_opts={"sample_weights": samples})
        np.testing.assert_allclose(weighted.singular_values, np.linalg.svd(MATRIX * np.sqrt(samples))[1], rtol=1e-11)
        mass = scipy.sparse.diags([np.full(39, 0.2), np.full(40, 1.0), np.full(39, 0.2)], [-1, 0, 1])
        factor = np.linalg.cholesky(np.kron(mass.toarray(), np.eye(2)))
        for given in (mass, (mass.tocoo().row, mass.tocoo().col, mass.tocoo().data)):
            found = learned(rank=3, field_opts={"mass": given})
            np.testing.assert_allclose(found.singular_values, np.linalg.svd(factor.T @ MATRIX)[1], rtol=1e-10)

    def test_states_with_gaps(self):
        svd = learned(rank=4)
        latent = svd.compress(STATES)
        state = svd.reconstruct(latent)[0, 0]
        state[[3, 17, 44]] = np.nan
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.assertTrue(np.isnan(svd.compress(state)).all())
        self.assertIn("1 of 1", str(caught[0].message))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertRaises(UserWarning, svd.compress, state)
            svd.compress(STATES)  # is not what the warning was about
        self.assertEqual(caught[0].filename, __file__)
        found = svd.assess(state)
        np.testing.assert_allclose(found.latent, latent[0, 0], atol=1e-11)
        self.assertLess(found.relative_distance, 1e-12)
        self.assertGreaterEqual(found.condition, 1)

    def test_fields_on_other_grids(self):
        svd = learned(rank=4)
        queries = GENERATOR.random((3, 4, 2))
        found = svd.interpolate_from_grid(STATES, queries)
        self.assertEqual(found["v"].shape, (2, 5, 3, 4))
        expected = scipy.interpolate.RBFInterpolator(COORDS, FIELDS["v"].reshape(10, 40).T)(queries.reshape(-1, 2))
        np.testing.assert_allclose(found["v"].reshape(10, 12), expected.T, atol=1e-9)
        np.testing.assert_array_equal(svd.interpolate_to_grid(COORDS, FIELDS), STATES)
        back = svd.interpolate_to_grid(queries, {name: np.ones((7, 3, 4)) for name in "uv"})
        self.assertEqual(back.shape, (7, 80))
        np.testing.assert_allclose(back, 1, atol=1e-9)
        latent = svd.compress(STATES)
        at = svd.reconstruct_at(latent, queries)
        np.testing.assert_allclose(at["u"], svd.interpolate_from_grid(svd.reconstruct(latent), queries)["u"], atol=1e-9)
        self.assertEqual(svd.interpolate_to_grid(queries, {n: np.empty((0, 3, 4)) for n in "uv"}).shape, (0, 80))
        line = fieldfold.SVD(MATRIX, fields=["u", "v"], coords=np.arange(40.0), rank=2)
        self.assertEqual(line.interpolate_from_grid(STATES, np.array([0.5, 1.5]))["u"].shape, (2, 5, 2))

    def test_sensors(self):
        svd = learned(rank=4)
        locations = svd.sensors(6)
        self.assertEqual(len(set(locations)), 6)
        expected = 1 / np.linalg.svd(svd.projection_matrix[locations])[1][-1]
        self.assertAlmostEqual(svd.noise_amplification(locations), expected, places=9)

    def test_files_pickles_and_copies(self):
        svd = learned(rank=4, field_opts={"center": True})
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "map.fold"
            fieldfold.save(path, svd)
            loaded = fieldfold.load(path)
            self.assertIsInstance(loaded, fieldfold.SVD)
            path.write_bytes(path.read_bytes()[:-1])
            self.assertRaisesRegex(fieldfold.FileError, "damaged", fieldfold.load, path)
        for other in (loaded, pickle.loads(pickle.dumps(svd)), copy.copy(svd), copy.deepcopy(svd)):
            np.testing.assert_array_equal(other.projection_matrix, svd.projection_matrix)
            other.set_fields(["a", "b"])
        self.assertEqual(svd.fields, ["u", "v"])
        self.assertEqual(other.fields, ["a", "b"])
        incremental = fieldfold.IncrementalSVD()
        incremental.add(STATES)
        operator = fieldfold.InterpolationOperator(COORDS, COORDS[:3], kernel="cubic")
        interpolator = fieldfold.RBFInterpolator(COORDS, COORDS[:, 0] + 1j, kernel="cubic")
        for again in (copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))):
            other = again(incremental)
            other.add(STATES)
            other.update()
            incremental.update()
            self.assertEqual((other.num_samples, incremental.num_samples), (20, 10))
            np.testing.assert_array_equal(again(operator)(COORDS), operator(COORDS))
            np.testing.assert_array_equal(again(interpolator)(COORDS[:4]), interpolator(COORDS[:4]))
        self.assertIn("rank 4", repr(svd))

    def test_results_go_to_given_memory(self):
        svd = learned(rank=4)
        out = np.empty((2, 5, 4))
        self.assertIs(svd.compress(STATES, out=out), out)
        self.assertIs(svd.reconstruct(out, out=np.empty((2, 5, 80))).base, None)
        for wrong in (np.empty((2, 5, 3)), np.empty((2, 5, 4), np.float32), np.empty((2, 5, 8))[..., ::2]):
            self.assertRaisesRegex(fieldfold.InvalidArgument, "out: expected", svd.compress, STATES, out=wrong)
        whole = fieldfold.SVD(MATRIX[:5], rank=5)
        states = np.ones((3, 5))
        self.assertRaisesRegex(fieldfold.InvalidArgument, "overlap", whole.compress, states, out=states)

    def test_failures_are_exceptions_that_say_why(self):
        svd = learned(rank=4)
        for action, error, part in (
                (lambda: fieldfold.SVD(rnak=4), fieldfold.InvalidArgument, "got rnak"),
                (lambda: fieldfold.SVD(rank=object()), fieldfold.InvalidArgument, "rank"),
                (lambda: fieldfold.SVD(energy_tol=np.nan), fieldfold.InvalidArgument, "energy_tol: expected a finite"),
                (lambda: svd.compress(1j * STATES), fieldfold.InvalidArgument, "real numbers"),
                (lambda: svd.fit(1j * MATRIX), fieldfold.InvalidArgument, "real numbers"),
                (lambda: svd.set_fields(["a\0b", "c"]), fieldfold.InvalidArgument, "zero bytes"),
                (lambda: svd.set_fields("uv"), fieldfold.InvalidArgument, "list of texts"),
                (lambda: svd.save("a\0b"), fieldfold.InvalidArgument, "zero bytes"),
                (lambda: svd.noise_amplification([0.5] * 6), fieldfold.InvalidArgument, "whole numbers"),
                (lambda: svd.compress(3.0), fieldfold.InvalidArgument, "ending in"),
                (lambda: fieldfold.IncrementalSVD().add(3.0), fieldfold.InvalidArgument, "loop_shape"),
                (lambda: fieldfold.IncrementalSVD().merge(None), fieldfold.InvalidArgument, "IncrementalSVD"),
                (lambda: svd.interpolate_to_grid(np.ones((3, 4, 2)), {n: np.ones((7, 4, 3)) for n in "uv"}),
                 fieldfold.InvalidArgument, "ending in"),
                (lambda: fieldfold.SVD(field_opts=[1]), fieldfold.InvalidArgument, "expected a dict"),
                (lambda: fieldfold.SVD(coords=3.0), fieldfold.InvalidArgument, "coords"),
                (lambda: fieldfold.SVD().compress(STATES), fieldfold.NotReady, "no map yet"),
                (lambda: svd.compress(STATES[..., 1:]), ValueError, r"ending in \(80,\)"),
                (lambda: svd.reconstruct(STATES), ValueError, r"ending in \(4,\)"),
                (lambda: svd.fit(MATRIX[1:]), ValueError, "rows"),
                (lambda: svd.fit(MATRIX.ravel()), ValueError, r"\(dof, num_samples\)"),
                (lambda: svd.fit({"u": FIELDS["u"]}), ValueError, "one named v"),
                (lambda: svd.interpolate_from_grid(STATES, np.ones((3, 3))), ValueError, "dimension 2"),
                (lambda: fieldfold.SVD(MATRIX, rank=2).coords, fieldfold.NotReady, "coords"),
                (lambda: svd.mean, fieldfold.NotReady, "mean"),
                (lambda: svd.sensors(3), ValueError, "3"),
                (lambda: fieldfold.SVD.load("none.fold"), OSError, "none.fold"),
                (lambda: fieldfold.load("none.fold"), OSError, "none.fold")):
            self.assertRaisesRegex(error, part, action)
        self.assertEqual(svd.rank, 4)

    def test_progress_is_heard_and_can_interrupt(self):
        svd = learned(rank=4)
        heard = []
        svd.set_progress(lambda phase, share: heard.append((phase, share)))
        svd.fit(MATRIX)
        self.assertTrue(heard and all(0 <= share <= 1 for _, share in heard))
        svd.set_progress(lambda phase, share: True)
        self.assertRaises(fieldfold.Interrupted, svd.fit, MATRIX)

        def fail(phase, share):
            raise KeyError(phase)
        svd.set_progress(fail)
        self.assertRaises(KeyError, svd.fit, MATRIX)
        svd.set_progress(None)
        svd.fit(MATRIX)
        # A copy keeps the callback alive.
        svd.set_progress(lambda phase, share: heard.append(phase))
        other = svd.copy()
        del svd
        heard.clear()
        other.fit(MATRIX)
        self.assertTrue(heard)

    def test_threads_may_learn_while_others_compress(self):
        svd = fieldfold.SVD(MATRIX, energy_tol=1.0)
        failures, done, ranks = [], threading.Event(), set()

        def use():
            while not done.is_set():
                try:
                    latent = svd.compress(STATES)
                    ranks.add(latent.shape[-1])
                    if not np.isfinite(latent).all():
                        failures.append(latent.shape)
                except Exception as error:  # noqa: B902, reported below
                    failures.append(error)
        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            svd.fit(MATRIX[:, :1])
            svd.fit(MATRIX)
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual((failures, ranks), ([], {1, 10}))

    def test_threads_share_an_svd(self):
        svd = learned(rank=4)
        expected, wrong = svd.compress(STATES), []

        def use():
            for _ in range(200):
                if not np.array_equal(svd.compress(STATES), expected):
                    wrong.append(1)
        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(wrong)


class IncrementalTest(unittest.TestCase):
    def test_it_equals_a_batch_of_the_same_states(self):
        incremental = fieldfold.IncrementalSVD(fields=["u", "v"], coords=COORDS, block=4)
        incremental.add(STATES[0])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "progress.fold"
            fieldfold.save(path, incremental)
            continued = fieldfold.load(path)
        self.assertIsInstance(continued, fieldfold.IncrementalSVD)
        for state in STATES[1]:
            continued.add(state)
        svd = continued.finish()
        np.testing.assert_allclose(svd.singular_values, np.linalg.svd(MATRIX)[1], rtol=1e-11)
        self.assertEqual((continued.num_samples, continued.num_dropped, continued.rank), (10, 0, 10))
        self.assertLess(continued.error_bound, 1e-7)
        incremental.merge(continued)
        incremental.update()
        self.assertEqual(incremental.num_samples, 15)
        single = fieldfold.IncrementalSVD()
        single.add(STATES.astype(np.float32))
        self.assertTrue(single.finish().is_single)
        self.assertRaisesRegex(ValueError, "state", continued.add, STATES[..., 1:])


class InterpolationTest(unittest.TestCase):
    def test_interpolants_are_those_of_scipy(self):
        queries = GENERATOR.random((30, 2))
        for shape in ((40,), (40, 2, 3)):
            values = GENERATOR.standard_normal(shape)
            for options in ({}, {"neighbors": 12}, {"kernel": "cubic", "smoothing": 0.1, "degree": 2},
                            {"kernel": "gaussian", "epsilon": 4.0}, {"smoothing": np.linspace(0, 1, 40)}):
                expected = scipy.interpolate.RBFInterpolator(COORDS, values, **options)(queries)
                found = fieldfold.RBFInterpolator(COORDS, values, **options)(queries)
                self.assertEqual(found.shape, expected.shape)
                np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())
        waves = np.exp(2j * COORDS[:, 0])
        found = fieldfold.RBFInterpolator(COORDS, waves, kernel="cubic")
        np.testing.assert_allclose(found(queries), scipy.interpolate.RBFInterpolator(COORDS, waves, kernel="cubic")(queries),
                                   atol=1e-9)
        step = 1e-6
        slope = (found(queries + [step, 0]) - found(queries - [step, 0])) / (2 * step)
        np.testing.assert_allclose(found.gradient(queries)[:, 0], slope, atol=1e-6)

    def test_operators_are_matrices(self):
        queries = GENERATOR.random((30, 2))
        values = GENERATOR.standard_normal((40, 3))
        operator = fieldfold.InterpolationOperator(COORDS, queries, kernel="cubic", neighbors=12)
        self.assertEqual(operator.shape, (30, 40))
        expected = scipy.interpolate.RBFInterpolator(COORDS, values, kernel="cubic", neighbors=12)(queries)
        np.testing.assert_allclose(operator(values), expected, atol=1e-9)
        matrix = operator(np.eye(40))
        loads = GENERATOR.standard_normal((30, 2))
        np.testing.assert_allclose(operator.transposed(loads), matrix.T @ loads, atol=1e-11)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "map.foldop"
            fieldfold.save(path, operator)
            np.testing.assert_array_equal(fieldfold.load(path)(values), operator(values))
        nearest = fieldfold.InterpolationOperator(COORDS, COORDS[:3], interpolate_method="nearest")
        np.testing.assert_array_equal(nearest(values), values[:3])
        for action, part in ((lambda: operator(values[1:]), "40 rows"),
                             (lambda: fieldfold.InterpolationOperator(COORDS, queries[:, :1]), "dimension 2"),
                             (lambda: fieldfold.RBFInterpolator(COORDS, values[1:]), "40 values"),
                             (lambda: fieldfold.RBFInterpolator(COORDS, values, kernal="cubic"), "got kernal"),
                             (lambda: fieldfold.RBFInterpolator(COORDS, values, kernel="gaussian"), "epsilon")):
            self.assertRaisesRegex(fieldfold.InvalidArgument, part, action)


class PackageTest(unittest.TestCase):
    def test_every_public_name_is_documented(self):
        for name in fieldfold.__all__:
            self.assertTrue(getattr(fieldfold, name).__doc__, name)
        for owner in (fieldfold.SVD, fieldfold.IncrementalSVD, fieldfold.RBFInterpolator,
                      fieldfold.InterpolationOperator):
            for name, member in vars(owner).items():
                if not name.startswith("_"):
                    text = member.__func__.__doc__ if isinstance(member, classmethod) else member.__doc__
                    self.assertTrue(text, f"{owner.__name__}.{name}")


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} test cases out of {result.testsRun} passed")
    sys.exit(bool(bad))
