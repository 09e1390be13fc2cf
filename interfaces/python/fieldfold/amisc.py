"""The classes `Compression` and `SVD` of amisc's compression module, on fieldfold.

`from fieldfold.amisc import SVD` takes the place of amisc's own, with the same arguments and attributes. The
decomposition and the interpolation are fieldfold's: a tall data matrix needs no square basis, and the signs of the modes
are fixed, so that the largest entry of each is positive. A matrix of zeros, with infinity, or with NaN in all columns is
an InvalidArgument, and so is a rank above min(dof, samples).
"""
from __future__ import annotations

import os
import pickle
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

from ._interpolation import RBFInterpolator
from ._library import InvalidArgument, NotReady, as_real, size_of
from ._svd import SVD as _SVD

Array = np.ndarray


def _is_object(array: Any) -> bool:
    """Whether an array has one grid, or the values on one, in each element."""
    return isinstance(array, np.ndarray) and array.dtype == object


@dataclass
class Compression(ABC):
    """Base class of compression methods for field quantities.

    :ivar fields: the names of the fields; their number is that of the quantities at each point
    :ivar method: the compression method, 'svd'
    :ivar coords: the points of the compression grid, (num_pts, dim); (num_pts,) for dim = 1
    :ivar interpolate_method: the interpolation method, 'rbf'
    :ivar interpolate_opts: its options, see RBFInterpolator
    """
    fields: List[str] = field(default_factory=list)
    method: str = "svd"
    coords: Optional[Array] = None
    interpolate_method: str = "rbf"
    interpolate_opts: Dict[str, Any] = field(default_factory=dict)
    _map_computed: bool = False

    @property
    def map_exists(self) -> bool:
        """Whether there are coords and a map."""
        return self.coords is not None and self._map_computed

    @property
    def dim(self) -> int:
        """The dimension of the coords; 1 without them."""
        return 1 if self.coords is None or np.ndim(self.coords) == 1 else np.shape(self.coords)[1]

    @property
    def num_pts(self) -> Optional[int]:
        """The number of points; None without coords."""
        return None if self.coords is None else np.shape(self.coords)[0]

    @property
    def num_qoi(self) -> int:
        """The number of fields; 1 without names."""
        return len(self.fields) if self.fields else 1

    @property
    def dof(self) -> Optional[int]:
        """num_pts * num_qoi; None without coords."""
        return None if self.coords is None else self.num_pts * self.num_qoi

    def _correct_coords(self, coords: Any) -> Array:
        """Coords with an axis of length dim: 1-D ones are points for dim = 1, and a single point otherwise."""
        coords = np.atleast_1d(np.asarray(coords, dtype=np.float64))
        if coords.ndim == 1:
            coords = coords[:, np.newaxis] if self.dim == 1 else coords[np.newaxis, :]
        return coords

    def interpolator(self) -> Any:
        """A class to be called as `interpolator()(xg, yg, **interpolate_opts)(xp)`: points (num_pts, dim), values
        (num_pts, ...), queries (Q, dim), results (Q, ...)."""
        method = self.interpolate_method or "rbf"
        if method.lower() != "rbf":
            raise NotImplementedError(f"interpolate_method: expected rbf, got {method}")
        return RBFInterpolator

    def _interpolate(self, points: Array, values: Array, queries: Array) -> Array:
        """Values (loop, P) at points (P, dim), at queries (Q, dim): (loop, Q)."""
        return self.interpolator()(points, values.T, **self.interpolate_opts)(queries).T

    def _require_grid(self) -> None:
        if self.coords is None:
            raise NotReady("coords: interpolation needs the points of the compression grid")
        if not self.fields:
            raise NotReady("fields: interpolation needs their names")

    def interpolate_from_grid(self, states: Array, new_coords: Array) -> Dict[str, Array]:
        """Interpolates states on the compression grid to other points.

        :param states: (*loop_shape, dof)
        :param new_coords: (*coord_shape, dim); or an object array, (*loop_shape,), with the points of each state
        :return: a dict of fields, each (*loop_shape, *coord_shape); or object arrays, (*loop_shape,)
        """
        self._require_grid()
        states = np.asarray(as_real(states), dtype=np.float64)
        if _is_object(new_coords):
            loop_shape = new_coords.shape
            rows = np.broadcast_to(states, (*loop_shape, self.dof))
            results = {name: np.empty(loop_shape, dtype=object) for name in self.fields}
            for index in np.ndindex(loop_shape):
                if new_coords[index] is not None:
                    own = self.interpolate_from_grid(rows[index], new_coords[index])
                    for name in self.fields:
                        results[name][index] = own[name]
            return results
        new_coords = self._correct_coords(new_coords)
        grid_coords = self._correct_coords(self.coords)
        loop_shape, coord_shape = states.shape[:-1], new_coords.shape[:-1]
        values = states.reshape(*loop_shape, self.num_pts, self.num_qoi)
        if new_coords.shape == grid_coords.shape and np.allclose(new_coords, grid_coords):
            return {name: values[..., i] for i, name in enumerate(self.fields)}
        # All fields at once: they share the points.
        columns = np.moveaxis(values, -1, 0).reshape(self.num_qoi * size_of(loop_shape), self.num_pts)
        found = self._interpolate(grid_coords, columns, new_coords.reshape(size_of(coord_shape), self.dim))
        found = found.reshape(self.num_qoi, *loop_shape, *coord_shape)
        return {name: found[i] for i, name in enumerate(self.fields)}

    def interpolate_to_grid(self, field_coords: Array, field_values: Dict[str, Array]) -> Array:
        """Interpolates fields at any points to the compression grid.

        :param field_coords: (*coord_shape, dim); or an object array, (*loop_shape,), with the points of each sample
        :param field_values: a dict of fields, each (*loop_shape, *coord_shape); or object arrays, (*loop_shape,).
            None in these gives NaN
        :return: (*loop_shape, dof)
        """
        self._require_grid()
        missing = [name for name in self.fields if name not in field_values]
        if missing:
            raise InvalidArgument(f"field_values: expected a field named {missing[0]}, got {', '.join(field_values)}")
        if _is_object(field_coords) or any(_is_object(field_values[name]) for name in self.fields):
            return self._interpolate_each_to_grid(field_coords, field_values)
        field_coords = self._correct_coords(field_coords)
        grid_coords = self._correct_coords(self.coords)
        coord_shape = field_coords.shape[:-1]
        arrays = [np.asarray(as_real(field_values[name]), dtype=np.float64) for name in self.fields]
        loop_shape = arrays[0].shape[:max(0, arrays[0].ndim - len(coord_shape))]
        for name, array in zip(self.fields, arrays):
            if array.shape != (*loop_shape, *coord_shape):
                raise InvalidArgument(f"field {name}: expected the shape {(*loop_shape, *coord_shape)}, got {array.shape}")
        points = size_of(coord_shape)
        values = np.stack([array.reshape(*loop_shape, points) for array in arrays])
        if not np.array_equal(field_coords, grid_coords):
            columns = values.reshape(self.num_qoi * size_of(loop_shape), points)
            values = self._interpolate(field_coords.reshape(points, self.dim), columns, grid_coords)
        values = values.reshape(self.num_qoi, *loop_shape, self.num_pts)
        return np.moveaxis(values, 0, -1).reshape(*loop_shape, self.dof)

    def _interpolate_each_to_grid(self, field_coords: Any, field_values: Dict[str, Any]) -> Array:
        first = np.asarray(field_values[self.fields[0]])
        loop_shape = np.shape(field_coords) if _is_object(field_coords) else first.shape
        states = np.full((*loop_shape, self.dof), np.nan)
        for index in np.ndindex(loop_shape):
            coords = field_coords[index] if _is_object(field_coords) else field_coords
            values = {name: field_values[name][index] for name in self.fields}
            if coords is None or any(value is None for value in values.values()):
                continue
            states[index] = self.interpolate_to_grid(coords, values)
        return states

    @abstractmethod
    def compute_map(self, *args: Any, **kwargs: Any) -> None:
        """Computes the map and sets `_map_computed`."""

    @abstractmethod
    def compress(self, data: Array) -> Array:
        """Compresses (..., dof) to (..., rank)."""

    @abstractmethod
    def reconstruct(self, compressed: Array) -> Array:
        """Reconstructs (..., dof) from (..., rank)."""

    @abstractmethod
    def latent_size(self) -> Optional[int]:
        """The size of the latent space."""

    @abstractmethod
    def estimate_latent_ranges(self) -> Optional[List[Tuple[float, float]]]:
        """The ranges of the latent coefficients."""

    @classmethod
    def from_dict(cls, spec: Dict[str, Any]) -> "Compression":
        """Makes a compression from a dict of its arguments; takes `method` out of it."""
        method = spec.pop("method", "svd").lower()
        if method != "svd":
            raise NotImplementedError(f"method: expected svd, got {method}")
        return SVD(**spec)

    def serialize(self, save_path: Union[str, "os.PathLike[str]", None] = None) -> str:
        """Pickles the object to a file, and returns its path."""
        if save_path is None:
            raise ValueError("save_path: expected the path of a file, got None")
        with open(save_path, "wb") as file:
            pickle.dump(self, file)
        return str(os.path.abspath(save_path))

    @classmethod
    def deserialize(cls, serialized_data: Union[str, "os.PathLike[str]"]) -> "Compression":
        """Reads a pickled object from a file. As with every pickle: only from sources that are trusted."""
        with open(serialized_data, "rb") as file:
            return pickle.load(file)


@dataclass
class SVD(Compression):
    """Compression by a truncated SVD, learned at construction if there is a `data_matrix`.

    :ivar data_matrix: (dof, num_samples), without the columns that had NaN; or a dict of fields, each
        (num_samples, num_pts)
    :ivar projection_matrix: (dof, rank)
    :ivar rank: the number of modes
    :ivar energy_tol: the share of the modes in the sum of squares
    :ivar reconstruction_tol: the relative error on the data matrix
    """
    data_matrix: Any = None
    projection_matrix: Optional[Array] = None
    rank: Optional[int] = None
    energy_tol: Optional[float] = None
    reconstruction_tol: Optional[float] = None

    def __post_init__(self) -> None:
        if self.data_matrix is not None:
            self.compute_map(self.data_matrix)

    def compute_map(self, data_matrix: Any, rank: Optional[int] = None, energy_tol: Optional[float] = None,
                    reconstruction_tol: Optional[float] = None) -> None:
        """Computes the map. The rank takes precedence, then the reconstruction tolerance, then the energy; those not
        given are the attributes, and the energy is 0.95 if there is none. The attributes become what was achieved.

        :param data_matrix: (dof, num_samples); or a dict of fields, each (num_samples, num_pts)
        """
        if isinstance(data_matrix, dict):
            missing = [name for name in self.fields if name not in data_matrix]
            if missing or not self.fields:
                raise InvalidArgument(f"data_matrix: expected fields named {self.fields}, got {list(data_matrix)}")
            fields = np.stack([as_real(data_matrix[name]) for name in self.fields], axis=-1)
            data_matrix = fields.reshape(*fields.shape[:-2], fields.shape[-2] * fields.shape[-1]).T
        data_matrix = as_real(data_matrix)
        if data_matrix.dtype != np.float32:
            data_matrix = data_matrix.astype(np.float64, copy=False)
        if data_matrix.ndim != 2:
            raise InvalidArgument(f"data_matrix: expected the shape (dof, num_samples), got {data_matrix.shape}")
        data_matrix = data_matrix[:, ~np.any(np.isnan(data_matrix), axis=0)]
        if np.any(np.isinf(data_matrix)):
            raise InvalidArgument("data_matrix: expected finite numbers, or NaN in columns to drop; got infinity")
        rank = rank or self.rank
        if rank and rank != int(rank):
            raise InvalidArgument(f"rank: expected a whole number, got {rank}")
        reconstruction_tol = reconstruction_tol or self.reconstruction_tol
        if rank:
            rule: Dict[str, Any] = {"rank": int(rank)}
        elif reconstruction_tol:
            rule = {"reconstruction_tol": float(reconstruction_tol)}
        else:
            rule = {"energy_tol": float(energy_tol or self.energy_tol or 0.95)}
        svd = _SVD(data_matrix, **rule)
        self.data_matrix = data_matrix
        self.projection_matrix = svd.projection_matrix
        self.rank = int(svd.rank)
        self.energy_tol = float(svd.energy)
        self.reconstruction_tol = float(svd.reconstruction_error)
        self._map_computed = True

    def _basis(self) -> Array:
        if self.projection_matrix is None:
            raise NotReady("there is no map yet: compute_map learns one from a data matrix")
        return self.projection_matrix

    def compress(self, data: Array) -> Array:
        return np.asarray(data) @ self._basis()

    def reconstruct(self, compressed: Array) -> Array:
        return np.asarray(compressed) @ self._basis().T

    def latent_size(self) -> Optional[int]:
        return self.rank

    def estimate_latent_ranges(self) -> Optional[List[Tuple[float, float]]]:
        """The range of each coefficient over the data matrix; None without coords, a map or data."""
        if not self.map_exists or self.data_matrix is None or self.projection_matrix is None:
            return None
        latent = self.projection_matrix.T @ self.data_matrix
        return [(float(low), float(high)) for low, high in zip(latent.min(axis=1), latent.max(axis=1))]
