"""Radial basis function interpolation, and operators between point sets."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ._library import Handle, InvalidArgument, as_numbers, as_real, call, figure, pointer, size_of
from ._svd import Array, Saved, collective, specification


def _points(array: Any, name: str) -> Array:
    points = as_numbers(array)
    if points.ndim != 2:
        raise InvalidArgument(f"{name}: expected the shape (points, dim), got {points.shape}")
    return points


class RBFInterpolator:
    """Radial basis function interpolation in any dimension, with the arguments of scipy.interpolate.RBFInterpolator.

    :param y: points, (P, N)
    :param d: values, (P, ...), real or complex
    :param neighbors: the nearest points used for each query; None: all points
    :param smoothing: a number, or one for each point, (P,); 0 interpolates
    :param kernel: linear, thin_plate_spline, cubic, quintic, multiquadric, inverse_multiquadric, inverse_quadratic,
        gaussian, matern1_2, matern3_2, matern5_2, or one of the compactly supported wendland_c0 to wendland_c8
    :param epsilon: shape parameter; 1 for the first four kernels, to be given for the others
    :param degree: of the added polynomial; -1: none; the default is the least for which the kernel has a solution
    :param options: method ('partition_of_unity' for many points), cluster_size, overlap, allow_lower_degree,
        merge_duplicates, scales, periods, power, threads
    """

    def __init__(self, y: Any, d: Any, neighbors: Optional[int] = None, smoothing: Any = 0.0,
                 kernel: str = "thin_plate_spline", epsilon: Optional[float] = None, degree: Optional[int] = None,
                 **options: Any):
        points = _points(y, "y")
        values = np.asarray(d)
        if values.dtype.kind != "c":
            values = as_real(values)
        if values.ndim == 0 or values.shape[0] != points.shape[0]:
            raise InvalidArgument(f"d: expected {points.shape[0]} values, got the shape {values.shape}")
        self._is_complex = np.iscomplexobj(values)
        self._trailing = values.shape[1:]
        columns = values.reshape(points.shape[0], size_of(self._trailing))
        if self._is_complex:
            columns = np.ascontiguousarray(columns, np.complex128).view(np.float64)
        columns = as_numbers(columns)
        spec = specification({"neighbors": neighbors, "smoothing": smoothing, "kernel": kernel, "epsilon": epsilon,
                              "degree": degree, **options})
        self._dim, self._columns = points.shape[1], columns.shape[1]
        self._arguments = (points, values, {"neighbors": neighbors, "smoothing": smoothing, "kernel": kernel,
                                            "epsilon": epsilon, "degree": degree, **options})
        self._handle = Handle("interpolator", "create", pointer(points), *points.shape, pointer(columns),
                              self._columns, spec)

    def __getstate__(self) -> Any:
        return self._arguments

    def __setstate__(self, state: Any) -> None:
        points, values, options = state
        self.__init__(points, values, **options)  # type: ignore[misc]

    def _queries(self, x: Any) -> Array:
        queries = _points(x, "x")
        if queries.shape[1] != self._dim:
            raise InvalidArgument(f"x: expected points of dimension {self._dim}, got {queries.shape[1]}")
        return queries

    def _shaped(self, results: Array, *shape: int) -> Array:
        return (results.view(np.complex128) if self._is_complex else results).reshape(shape)

    def __call__(self, x: Any) -> Array:
        """The interpolant at queries, (Q, N): (Q, ...)."""
        queries = self._queries(x)
        results = np.empty((queries.shape[0], self._columns))
        call("interpolator_evaluate", self._handle.value, pointer(queries), queries.shape[0], pointer(results))
        return self._shaped(results, queries.shape[0], *self._trailing)

    def gradient(self, x: Any) -> Array:
        """The gradient at queries, (Q, N): (Q, ..., N)."""
        queries = self._queries(x)
        results = np.empty((queries.shape[0], self._columns, self._dim))
        call("interpolator_gradient", self._handle.value, pointer(queries), queries.shape[0], pointer(results))
        if self._is_complex:
            results = np.ascontiguousarray(results.swapaxes(1, 2)).view(np.complex128).swapaxes(1, 2)
        return results.reshape(queries.shape[0], *self._trailing, self._dim)


class InterpolationOperator(Saved):
    """Interpolation from points, (P, N), to queries, (Q, N), as a matrix, computed once.

    :param communicator: of mpi4py: the ranks, each of which has some points and some queries; the operator and its uses
        are then collective
    :param options: interpolate_method ('rbf', 'nearest', 'inverse_distance', 'linear'), and those of RBFInterpolator
    """

    _kind = "operator"

    def __init__(self, points: Any, queries: Any, communicator: Any = None, **options: Any):
        if communicator is not None:
            from .mpi import as_communicator
            self._communicator = as_communicator(communicator)
        self._create(points, queries, options)

    @collective
    def _create(self, points: Any, queries: Any, options: Any) -> None:
        own, to = _points(points, "points"), _points(queries, "queries")
        if own.shape[1] != to.shape[1]:
            raise InvalidArgument(f"queries: expected points of dimension {own.shape[1]}, got {to.shape[1]}")
        arguments = (pointer(own), own.shape[0], pointer(to), to.shape[0], own.shape[1], specification(options))
        if self._communicator is None:
            self._handle = Handle("operator", "create", *arguments)
        else:
            self._handle = Handle("operator", "create_on_ranks", self._communicator._handle.value, *arguments)

    @property
    def shape(self) -> "tuple[int, int]":
        """(Q, P)"""
        return figure("operator_num_queries", self._handle), figure("operator_num_points", self._handle)

    @collective
    def _apply(self, name: str, values: Any, rows: int, results: int) -> Array:
        numbers = as_numbers(values)
        if numbers.ndim == 0 or numbers.shape[0] != rows:
            raise InvalidArgument(f"values: expected {rows} rows, got the shape {numbers.shape}")
        result = np.empty((results, *numbers.shape[1:]))
        call(name, self._handle.value, pointer(numbers), numbers.size // rows if rows else 0, pointer(result))
        return result

    def __call__(self, values: Any) -> Array:
        """Applies it to values, (P, ...): (Q, ...)."""
        return self._apply("operator_apply", values, self.shape[1], self.shape[0])

    def transposed(self, values: Any) -> Array:
        """Applies the transpose, the conservative map, to values, (Q, ...): (P, ...)."""
        return self._apply("operator_apply_transposed", values, self.shape[0], self.shape[1])
