"""SVDs, in batch and incremental."""
from __future__ import annotations

import ctypes
import functools
import json
import os
import tempfile
from typing import (Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type,
                    TypeVar, Union)

import numpy as np

from ._library import (PROGRESS, FileError, Handle, InvalidArgument, Interrupted, NotReady, as_float, as_indices,
                       as_numbers, as_real, c_text, call, figure, library, path_text, pointer, progress_function, size_of,
                       suffix_of)

Array = np.ndarray
PathLike = Union[str, "os.PathLike[str]"]


class SnapshotErrors(NamedTuple):
    """Relative errors of snapshots."""
    snapshots: Array        #: (num_samples,): of each snapshot
    fields: Array           #: (num_qoi,): of each field, over all snapshots
    snapshot_fields: Array  #: (num_samples, num_qoi): of each field of each snapshot


class Assessment(NamedTuple):
    """Coefficients of states, and how far they are from the span of the modes."""
    latent: Array             #: (*loop_shape, rank): with missing numbers filled by least squares
    distance: Array           #: (*loop_shape,): the norm of the residual over the known numbers
    relative_distance: Array  #: (*loop_shape,): relative to the norm of the state
    condition: Array          #: (*loop_shape,): bound of the amplification of errors


def _plain(value: Any, name: str) -> Any:
    """A value that JSON represents. Raises InvalidArgument."""
    if isinstance(value, Mapping):
        return {str(key): _plain(own, str(key)) for key, own in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist(), name)
    if isinstance(value, (list, tuple)):
        return [_plain(own, name) for own in value]
    if isinstance(value, float) and not np.isfinite(value):
        raise InvalidArgument(f"{name}: expected a finite number, got {value}")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise InvalidArgument(f"{name}: expected an option that JSON represents, got {type(value).__name__}")


def specification(options: Mapping[str, Any]) -> bytes:
    """Options as JSON; None means not given."""
    return json.dumps({key: _plain(value, key) for key, value in options.items() if value is not None}).encode()


def _as_points(coords: Any) -> Array:
    """Points, (num_pts, dim), of coords (*grid_shape, dim); 1-D ones have dim = 1."""
    points = as_numbers(coords)
    if points.ndim == 0:
        raise InvalidArgument("coords: expected the shape (num_pts, dim), got ()")
    if points.ndim == 1:
        return points.reshape(-1, 1)
    return points.reshape(size_of(points.shape[:-1]), points.shape[-1])


def _stacked(fields: Mapping[str, Any], names: Sequence[str], axes: int) -> Tuple[Array, Tuple[int, ...]]:
    """Fields by name as states, (loop, dof), and their loop shape. axes: those of the grid in each field."""
    missing = [name for name in names if name not in fields]
    if missing:
        raise InvalidArgument(f"fields: expected one named {missing[0]}, got {', '.join(fields)}")
    arrays = [as_real(fields[name]) for name in names]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise InvalidArgument("fields: expected arrays of one shape, got " +
                              ", ".join(f"{name} {array.shape}" for name, array in zip(names, arrays)))
    if arrays[0].ndim < axes:
        raise InvalidArgument(f"field {names[0]}: expected at least {axes} axes, got the shape {arrays[0].shape}")
    loop_shape = arrays[0].shape[:arrays[0].ndim - axes]
    points = size_of(arrays[0].shape[len(loop_shape):])
    return np.stack([array.reshape(*loop_shape, points) for array in arrays], axis=-1), loop_shape


S = TypeVar("S", bound="Saved")
F = TypeVar("F", bound=Callable[..., Any])


def collective(method: F) -> F:
    """A method that all ranks call: what is raised on one before the library is called fails the calls of others."""
    @functools.wraps(method)
    def called(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(self, *arguments, **options)
        except Exception as error:
            if self._communicator is not None and not getattr(error, "is_of_all", False):
                library.fieldfold_communicator_refuse(self._communicator._handle.value, str(error).encode())
            raise
    return called  # type: ignore[return-value]


class Saved:
    """An object of the library that files hold, and that is pickled as its file."""

    _kind: str
    _handle: Handle
    _communicator: Any = None  # the ranks among which points are distributed

    @classmethod
    def _from_handle(cls: Type[S], handle: Handle) -> S:
        made = cls.__new__(cls)
        made._handle = handle
        return made

    @classmethod
    def load(cls: Type[S], path: PathLike, communicator: Any = None, num_pts: Optional[int] = None) -> S:
        """Loads an object of this class. Raises FileError. With a communicator of mpi4py each rank reads the numbers of
        its points, `num_pts` or an equal share; collective."""
        if communicator is None:
            return cls._from_handle(Handle(cls._kind, "load", path_text(path)))
        from .mpi import as_communicator
        ranks = as_communicator(communicator)
        number = None if num_pts is None else ctypes.byref(ctypes.c_size_t(num_pts))
        made = cls._from_handle(Handle(cls._kind, "load_on_ranks", path_text(path), ranks._handle.value, number))
        made._communicator = ranks
        return made

    def save(self, path: PathLike) -> None:
        """Saves the object; the file is either complete or as before. Raises FileError."""
        call(f"{self._kind}_save", self._handle.value, path_text(path))

    def __getstate__(self) -> bytes:
        if self._communicator is not None:
            raise TypeError("an object on ranks cannot be pickled or copied: save writes its file")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "saved.fold")
            self.save(path)
            with open(path, "rb") as file:
                return file.read()

    def __setstate__(self, state: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "saved.fold")
            with open(path, "wb") as file:
                file.write(state)
            self._handle = Handle(self._kind, "load", path_text(path))


class SVD(Saved):
    """Compression by a truncated SVD (proper orthogonal decomposition).

    States have `dof = num_pts * num_qoi` numbers: number `point * num_qoi + field` is that of a field at a point.
    Leading axes (`loop_shape`) are loops, and are kept. The map has the precision of its snapshots: single for float32,
    and double for all others. `compress` and `reconstruct` return the precision of their argument, and do not copy
    contiguous arrays of the precision of the map.

    Options, all by keyword: `fields` (names), `coords` (num_pts, dim), `grid_shape`, `interpolate_method`,
    `interpolate_opts` (dict, as for RBFInterpolator), `field_opts` (dict: normalize, center, standardize,
    point_weights, field_weights, sample_weights, mass, mask, missing_values, gappy_snapshots, gappy_states), `rank`,
    `energy_tol`, `reconstruction_tol`, `sample_tol`, `noise`, `optimal_threshold`, `validate_every`,
    `keep_training_latents`, `decomposition`, `threads`. `mass` is a scipy sparse matrix, or triplets (rows, columns,
    values). The map is learned at once if there is `data`. `communicator` of mpi4py distributes the points among ranks
    (see `fieldfold.mpi`): arrays are those of the points of this rank.

    :param data: snapshots, (dof, num_samples), or a dict of fields, each (*loop_shape, num_pts)
    """

    _kind = "svd"
    _progress: Any = None  # the callback, which lives as long as the library may call it

    def __init__(self, data: Optional[Union[Array, Mapping[str, Any]]] = None, **options: Any):
        coords = options.pop("coords", None)
        communicator = options.pop("communicator", None)
        field_opts = options.pop("field_opts", None) or {}
        if not isinstance(field_opts, Mapping):
            raise InvalidArgument(f"field_opts: expected a dict, got {type(field_opts).__name__}")
        field_opts = dict(field_opts)
        point_weights = field_opts.pop("point_weights", None)
        sample_weights = field_opts.pop("sample_weights", None)
        mass = field_opts.pop("mass", None)
        if field_opts:
            options["field_opts"] = field_opts
        self._handle = Handle("svd", "create", specification(options))
        if communicator is not None:
            self._set_communicator(communicator)
        if coords is not None:
            self.set_coords(coords)
        if point_weights is not None:
            weights = as_numbers(point_weights)
            call("svd_set_point_weights", self._handle.value, pointer(weights), weights.size)
        if sample_weights is not None:
            weights = as_numbers(sample_weights)
            call("svd_set_sample_weights", self._handle.value, pointer(weights), weights.size)
        if mass is not None:
            self._set_mass(mass)
        if data is not None:
            self.fit(data)

    def copy(self) -> "SVD":
        """An independent copy with the same options and map."""
        other = self._from_handle(Handle("svd", "copy", self._handle.value))
        other._progress, other._communicator = self._progress, self._communicator
        return other

    __copy__ = copy

    def __deepcopy__(self, _memo: Any) -> "SVD":
        return self.copy()

    def __repr__(self) -> str:
        size = f"rank {self.rank}, dof {self.dof}" if self.map_exists else "no map"
        return f"<fieldfold.SVD of {', '.join(self.fields)}: {size}>"

    def _set_communicator(self, communicator: Any) -> None:
        from .mpi import as_communicator
        self._communicator = as_communicator(communicator)
        call(f"{self._kind}_set_communicator", self._handle.value, self._communicator._handle.value)

    @collective
    def fit_samples(self, states: Any) -> "SVD":
        """Learns from whole states, (*loop_shape, dof), of which each rank has others. They are exchanged, so that each
        rank has an equal share of the points afterwards. Returns the SVD."""
        numbers = as_numbers(states)
        if numbers.ndim == 0:
            raise InvalidArgument("states: expected the shape (*loop_shape, dof), got ()")
        call("svd_fit_samples", self._handle.value, pointer(numbers), size_of(numbers.shape[:-1]), numbers.shape[-1])
        return self

    def merged(self, communicator: Any, **rule: Any) -> "SVD":
        """One map, the same on all ranks, of those that each has learnt from whole states of its own; collective.

        :param rule: rank, energy_tol or reconstruction_tol; default: as in the options"""
        from .mpi import as_communicator
        ranks = as_communicator(communicator)
        handle = Handle("svd", "merge_ranks", self._handle.value, ranks._handle.value, specification(rule))
        return self._from_handle(handle)

    @collective
    def set_coords(self, coords: Any) -> None:
        """Sets the points of the grid, (num_pts, dim); (num_pts,) for dim = 1."""
        points = _as_points(coords)
        call("svd_set_coords", self._handle.value, pointer(points), *points.shape)

    def set_fields(self, names: Sequence[str]) -> None:
        """Sets the names of the fields, of which there are as many as before if there is a map."""
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise InvalidArgument("names: expected a list of texts")
        texts = (ctypes.c_char_p * len(names))(*(c_text(name.encode(), "names") for name in names))
        call("svd_set_fields", self._handle.value, texts, len(names))

    def set_progress(self, progress: Optional[Callable[[str, float], Any]]) -> None:
        """Sets a callback of learning, `progress(phase, share)`; a true result, or an exception, interrupts it. It may
        be called from another thread, and must not change the SVD that learns, which would wait for itself."""
        failures: List[BaseException] = []
        function = PROGRESS() if progress is None else progress_function(progress, failures)
        call("svd_set_progress", self._handle.value, function, None)
        self._progress = None if progress is None else (function, failures)

    @collective
    def _set_mass(self, mass: Any) -> None:
        if hasattr(mass, "tocoo"):
            matrix = mass.tocoo()
            if matrix.shape[0] != matrix.shape[1]:
                raise InvalidArgument(f"mass: expected a square matrix, got the shape {matrix.shape}")
            num_pts, triplets = matrix.shape[0], (matrix.row, matrix.col, matrix.data)
        else:
            triplets = tuple(mass)
            if len(triplets) != 3 or (np.size(triplets[0]) == 0 and self._communicator is None):
                raise InvalidArgument("mass: expected a sparse matrix, or rows, columns and values")
            num_pts = int(np.max(triplets[0])) + 1 if self._communicator is None else 0
        if self._communicator is not None:  # numbers of points are those among all, and say nothing of this rank
            num_pts = self.num_pts
            if not self.dim:
                raise InvalidArgument("mass: expected coords, which give the points of this rank")
        rows, columns = (as_indices(index, "mass") for index in triplets[:2])
        values = as_numbers(triplets[2])
        if not rows.shape == columns.shape == values.shape:
            raise InvalidArgument("mass: expected rows, columns and values of one length")
        call("svd_set_mass_matrix", self._handle.value, num_pts, values.size, pointer(rows), pointer(columns),
             pointer(values))

    @collective
    def fit(self, data: Union[Array, Mapping[str, Any]]) -> "SVD":
        """Learns the map from snapshots, (dof, num_samples) with any strides, or a dict of fields, each
        (*loop_shape, num_pts), with one snapshot per loop index. Returns the SVD."""
        if isinstance(data, Mapping):
            fields, _ = _stacked(data, self.fields, 1)
            data = fields.reshape(size_of(fields.shape[:-2]), fields.shape[-2] * fields.shape[-1]).T
        snapshots = as_real(data)
        if snapshots.ndim != 2:
            raise InvalidArgument(f"snapshots: expected the shape (dof, num_samples), got {snapshots.shape}")
        if snapshots.dtype not in (np.float32, np.float64) or not snapshots.dtype.isnative:
            snapshots = snapshots.astype(np.float64)
        size = snapshots.dtype.itemsize
        if any(stride <= 0 or stride % size for stride in snapshots.strides) or not snapshots.flags.aligned:
            snapshots = np.array(snapshots, order="C")
        if self._progress:
            self._progress[1].clear()
        try:
            call("svd_fit" + suffix_of(snapshots), self._handle.value, pointer(snapshots), *snapshots.shape,
                 *(stride // size for stride in snapshots.strides))
        except Interrupted:
            if self._progress and self._progress[1]:
                raise self._progress[1][0]
            raise
        return self

    map_exists = property(lambda self: figure("svd_map_exists", self._handle) != 0, doc="Whether there is a map.")
    is_single = property(lambda self: figure("svd_is_single", self._handle) != 0,
                         doc="Whether the map is in single precision.")
    dof = property(lambda self: figure("svd_dof", self._handle), doc="Numbers of a state; 0 without a map.")
    rank = property(lambda self: figure("svd_rank", self._handle), doc="Number of modes; 0 without a map.")
    num_pts = property(lambda self: figure("svd_num_pts", self._handle), doc="Points of the grid; 0 if unknown.")
    num_qoi = property(lambda self: figure("svd_num_qoi", self._handle), doc="Number of fields.")
    dim = property(lambda self: figure("svd_dim", self._handle), doc="Dimension of the coords; 0 without them.")
    num_samples = property(lambda self: figure("svd_num_samples", self._handle), doc="Number of training snapshots.")
    num_dropped = property(lambda self: figure("svd_num_dropped", self._handle),
                           doc="Number of snapshots dropped because of missing numbers.")
    energy = property(lambda self: figure("svd_energy", self._handle),
                      doc="The share of the kept singular values in the sum of squares; NaN without a map.")
    reconstruction_error = property(lambda self: figure("svd_reconstruction_error", self._handle),
                                    doc="The relative Frobenius error on the snapshots; NaN without a map.")

    @property
    def fields(self) -> List[str]:
        """The names of the fields."""
        names = []
        for index in range(self.num_qoi):
            for capacity in (256, 1 << 20):
                buffer = ctypes.create_string_buffer(capacity)
                try:
                    call("svd_field", self._handle.value, index, buffer, capacity)
                    break
                except InvalidArgument:
                    if capacity > 256:
                        raise
            names.append(buffer.value.decode())
        return names

    def _filled(self, name: str, *shape: int, dtype: Any = np.float64) -> Array:
        result = np.empty(shape, dtype)
        call(name, self._handle.value, pointer(result))
        return result

    def _pinned(self, needs_map: bool = True) -> "SVD":
        """An SVD that shares the map, which no other thread changes between the calls of a method."""
        pinned = self._from_handle(Handle("svd", "copy", self._handle.value))
        pinned._communicator = self._communicator
        if needs_map and not pinned.map_exists:
            raise NotReady("there is no map yet: fit learns one from snapshots")
        return pinned

    @property
    def coords(self) -> Array:
        """The points of the grid, (num_pts, dim). Raises NotReady."""
        pinned = self._pinned(needs_map=False)
        return pinned._filled("svd_coords", pinned.num_pts if pinned.dim else 0, pinned.dim)

    @property
    def singular_values(self) -> Array:
        """Descending: all of the snapshots, or the leading ones."""
        pinned = self._pinned()
        return pinned._filled("svd_singular_values", figure("svd_num_singular_values", pinned._handle))

    @property
    def projection_matrix(self) -> Array:
        """The basis, (dof, rank), orthonormal in the inner product of the field options."""
        pinned = self._pinned()
        if pinned.is_single:
            return pinned._filled("svd_basis_f32", pinned.dof, pinned.rank, dtype=np.float32)
        return pinned._filled("svd_basis", pinned.dof, pinned.rank)

    @property
    def mean(self) -> Array:
        """The mean snapshot, (dof,), of a centred map. Raises NotReady."""
        pinned = self._pinned()
        return pinned._filled("svd_mean", pinned.dof)

    @property
    def training_latents(self) -> Array:
        """(num_samples, rank), with the option keep_training_latents. Raises NotReady."""
        pinned = self._pinned()
        return pinned._filled("svd_training_latents", pinned.num_samples, pinned.rank)

    @property
    def latent_statistics(self) -> Tuple[Array, Array]:
        """The mean, (rank,), and covariance, (rank, rank), of the coefficients over the snapshots."""
        pinned = self._pinned()
        mean, covariance = np.empty(pinned.rank), np.empty((pinned.rank, pinned.rank))
        call("svd_latent_statistics", pinned._handle.value, pointer(mean), pointer(covariance))
        return mean, covariance

    def latent_size(self) -> int:
        """The number of modes."""
        return self.rank

    def estimate_latent_ranges(self, margin: float = 0.0) -> List[Tuple[float, float]]:
        """The lowest and highest coefficient of each mode, widened on both sides by `margin` times the width."""
        pinned = self._pinned()
        ranges = np.empty((pinned.rank, 2))
        call("svd_latent_ranges", pinned._handle.value, float(margin), pointer(ranges))
        return [(low, high) for low, high in ranges.tolist()]

    def _errors(self, name: str, samples: str) -> SnapshotErrors:
        pinned = self._pinned()
        count, num_qoi = figure(samples, pinned._handle), pinned.num_qoi
        errors = SnapshotErrors(np.empty(count), np.empty(num_qoi), np.empty((count, num_qoi)))
        call(name, pinned._handle.value, *(pointer(array) for array in errors), None)
        return errors

    @property
    def errors(self) -> SnapshotErrors:
        """Relative errors of the training snapshots. Raises NotReady."""
        return self._errors("svd_errors", "svd_num_samples")

    @property
    def validation_errors(self) -> SnapshotErrors:
        """Relative errors of the snapshots held out by validate_every. Raises NotReady."""
        return self._errors("svd_validation_errors", "svd_num_validation_samples")

    @property
    def rms_errors(self) -> Dict[str, float]:
        """The root mean square error of each field in its unit; NaN where it has none."""
        pinned = self._pinned()
        rms = np.empty(pinned.num_qoi)
        call("svd_errors", pinned._handle.value, None, None, None, pointer(rms))
        return dict(zip(pinned.fields, rms.tolist()))

    def _rows(self, array: Any, length: int, name: str) -> Tuple[Array, Tuple[int, ...], int]:
        numbers = as_float(array)
        if numbers.ndim == 0 or numbers.shape[-1] != length:
            raise InvalidArgument(f"{name}: expected a shape ending in ({length},), got {numbers.shape}")
        return numbers, numbers.shape[:-1], size_of(numbers.shape[:-1])

    @collective
    def compress(self, states: Any, out: Optional[Array] = None) -> Array:
        """Compresses states, (*loop_shape, dof), to coefficients, (*loop_shape, rank).

        :param out: array for the result, contiguous, float32 if the states are and else float64; it must not overlap them
        """
        pinned = self._pinned()
        numbers, loop_shape, count = self._rows(states, pinned.dof, "states")
        latent = _result(out, (*loop_shape, pinned.rank), numbers)
        call("svd_compress" + suffix_of(numbers), pinned._handle.value, pointer(numbers), count, pointer(latent))
        return latent

    def reconstruct(self, latent: Any, out: Optional[Array] = None) -> Array:
        """Reconstructs states, (*loop_shape, dof), from coefficients, (*loop_shape, rank).

        :param out: array for the result, as in `compress`
        """
        pinned = self._pinned()
        numbers, loop_shape, count = self._rows(latent, pinned.rank, "latent")
        states = _result(out, (*loop_shape, pinned.dof), numbers)
        call("svd_reconstruct" + suffix_of(numbers), pinned._handle.value, pointer(numbers), count, pointer(states))
        return states

    @collective
    def assess(self, states: Any) -> Assessment:
        """Compresses states with missing numbers, and measures how far they are from the span of the modes."""
        pinned = self._pinned()
        numbers, loop_shape, count = self._rows(as_numbers(states), pinned.dof, "states")
        found = Assessment(np.empty((*loop_shape, pinned.rank)), *(np.empty(loop_shape) for _ in range(3)))
        call("svd_assess", pinned._handle.value, pointer(numbers), count, *(pointer(array) for array in found))
        return found

    def _points(self, coords: Any, name: str) -> Tuple[Array, Tuple[int, ...], int]:
        """Points, their coord shape and number. 1-D: points of one dimension, or a single point."""
        points, dim = as_numbers(coords), self.dim
        if dim == 0:
            raise NotReady("there are no coords: interpolation needs the points of the grid")
        if points.ndim == 1 and dim == 1:
            points = points.reshape(-1, 1)
        if points.ndim == 0 or points.shape[-1] != dim:
            raise InvalidArgument(f"{name}: expected points of dimension {dim}, got the shape {points.shape}")
        return points, points.shape[:-1], size_of(points.shape[:-1])

    def _by_field(self, fields: Array, shape: Tuple[int, ...]) -> Dict[str, Array]:
        return {name: np.ascontiguousarray(fields[..., index]).reshape(shape)
                for index, name in enumerate(self.fields)}

    @collective
    def interpolate_from_grid(self, states: Any, new_coords: Any) -> Dict[str, Array]:
        """Interpolates states, (*loop_shape, dof), from the grid to points, (*coord_shape, dim): a dict of fields,
        each (*loop_shape, *coord_shape)."""
        pinned = self._pinned(needs_map=False)
        points, coord_shape, number = pinned._points(new_coords, "new_coords")
        numbers, loop_shape, count = self._rows(as_numbers(states), pinned.num_pts * pinned.num_qoi, "states")
        fields = np.empty((count, number, pinned.num_qoi))
        call("svd_interpolate_from_grid", pinned._handle.value, pointer(numbers), count, pointer(points), number,
             pointer(fields))
        return pinned._by_field(fields, (*loop_shape, *coord_shape))

    @collective
    def interpolate_to_grid(self, field_coords: Any, field_values: Mapping[str, Any]) -> Array:
        """Interpolates a dict of fields, each (*loop_shape, *coord_shape), at points, (*coord_shape, dim), to states
        on the grid, (*loop_shape, dof)."""
        pinned = self._pinned(needs_map=False)
        points, coord_shape, number = pinned._points(field_coords, "field_coords")
        for name in pinned.fields:
            shape = np.shape(field_values[name]) if name in field_values else ()
            if name in field_values and shape[max(0, len(shape) - len(coord_shape)):] != coord_shape:
                raise InvalidArgument(f"field {name}: expected a shape ending in {coord_shape}, got {shape}")
        fields, loop_shape = _stacked(field_values, pinned.fields, len(coord_shape))
        numbers = as_numbers(fields)
        count = size_of(loop_shape)
        states = np.empty((*loop_shape, pinned.num_pts * pinned.num_qoi))
        call("svd_interpolate_to_grid", pinned._handle.value, pointer(points), number, pointer(numbers), count,
             pointer(states))
        return states

    @collective
    def reconstruct_at(self, latent: Any, new_coords: Any) -> Dict[str, Array]:
        """Reconstructs coefficients, (*loop_shape, rank), at points, (*coord_shape, dim): a dict of fields, each
        (*loop_shape, *coord_shape). Faster than reconstruction and interpolation for more samples than modes."""
        pinned = self._pinned()
        points, coord_shape, number = pinned._points(new_coords, "new_coords")
        numbers, loop_shape, count = self._rows(as_numbers(latent), pinned.rank, "latent")
        fields = np.empty((count, number, pinned.num_qoi))
        call("svd_reconstruct_at", pinned._handle.value, pointer(numbers), count, pointer(points), number,
             pointer(fields))
        return pinned._by_field(fields, (*loop_shape, *coord_shape))

    @collective
    def sensors(self, count: int) -> Array:
        """Chooses the locations of `count` sensors, at least rank: numbers of a state, point * num_qoi + field."""
        locations = np.empty(count, np.uintp)
        call("svd_sensors", self._handle.value, count, pointer(locations))
        return locations.astype(np.int64)

    @collective
    def noise_amplification(self, locations: Any) -> float:
        """The factor by which coefficients from these sensors amplify noise."""
        numbers, amplification = as_indices(locations, "locations"), np.empty(1)
        call("svd_noise_amplification", self._handle.value, pointer(numbers), numbers.size, pointer(amplification))
        return float(amplification[0])

    def _change_latents(self, name: str, latent: Any) -> Array:
        pinned = self._pinned()
        numbers, _, count = self._rows(as_numbers(latent), pinned.rank, "latent")
        result = np.empty(numbers.shape)
        call(name, pinned._handle.value, pointer(numbers), count, pointer(result))
        return result

    def whiten(self, latent: Any) -> Array:
        """Coefficients, (*loop_shape, rank), with mean 0 and covariance I over the snapshots."""
        return self._change_latents("svd_whiten", latent)

    def unwhiten(self, white: Any) -> Array:
        """The inverse of `whiten`."""
        return self._change_latents("svd_unwhiten", white)


def _result(out: Optional[Array], shape: Tuple[int, ...], argument: Array) -> Array:
    if out is None:
        return np.empty(shape, argument.dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != argument.dtype or \
            not out.flags.c_contiguous or not out.flags.aligned or not out.flags.writeable:
        raise InvalidArgument(f"out: expected a contiguous array of {argument.dtype.name} and the shape {shape}")
    if np.may_share_memory(out, argument):
        raise InvalidArgument("out: expected memory that does not overlap the argument")
    return out


class IncrementalSVD(Saved):
    """An SVD that is updated with each state and keeps none. A loaded one continues bit for bit as if it had not been
    interrupted.

    Options, all by keyword: `max_rank`, `tolerance`, `forgetting`, `block`, and those of SVD that need no look at all
    snapshots (not `sample_tol`, `optimal_threshold`, `validate_every`; of `field_opts` not `standardize`, `zscore`,
    `minmax`, `mass`, `mask`, `sample_weights`).
    """

    _kind = "incremental"

    def __init__(self, **options: Any):
        coords = options.pop("coords", None)
        communicator = options.pop("communicator", None)
        self._handle = Handle("incremental", "create", specification(options))
        if communicator is not None:
            from .mpi import as_communicator
            self._communicator = as_communicator(communicator)
            call("incremental_set_communicator", self._handle.value, self._communicator._handle.value)
        if coords is not None:
            self._set_coords(coords)

    @collective
    def _set_coords(self, coords: Any) -> None:
        points = _as_points(coords)
        call("incremental_set_coords", self._handle.value, pointer(points), *points.shape)

    @collective
    def add(self, states: Any) -> None:
        """Adds states, (*loop_shape, dof): all or, if the call fails, none."""
        numbers = as_float(states)
        if numbers.ndim == 0:
            raise InvalidArgument("states: expected the shape (*loop_shape, dof), got ()")
        count = size_of(numbers.shape[:-1])
        call("incremental_add_states" + suffix_of(numbers), self._handle.value, pointer(numbers), count,
             numbers.shape[-1])

    def merge(self, other: "IncrementalSVD") -> None:
        """Adds the states of another one with the same options."""
        if not isinstance(other, IncrementalSVD):
            raise InvalidArgument(f"other: expected an IncrementalSVD, got {type(other).__name__}")
        call("incremental_merge", self._handle.value, other._handle.value)

    def update(self) -> None:
        """Processes the states of the incomplete block."""
        call("incremental_update", self._handle.value)

    def finish(self) -> SVD:
        """Processes all states, and makes an SVD with the map. More states may be added afterwards."""
        handle = Handle("incremental", "finish", self._handle.value)
        handle.kind = "svd"
        svd = SVD._from_handle(handle)
        svd._communicator = self._communicator
        return svd

    num_samples = property(lambda self: figure("incremental_num_samples", self._handle),
                           doc="Number of processed states.")
    num_dropped = property(lambda self: figure("incremental_num_dropped", self._handle),
                           doc="Number of states dropped because of missing numbers.")
    rank = property(lambda self: figure("incremental_rank", self._handle), doc="Number of modes.")
    error_bound = property(lambda self: figure("incremental_error_bound", self._handle),
                           doc="Bound of the relative error of all processed states.")


def load(path: PathLike) -> Any:
    """Loads an SVD, the progress of an IncrementalSVD, or an InterpolationOperator. Raises FileError."""
    from ._interpolation import InterpolationOperator
    failure: Optional[FileError] = None
    for kind in (SVD, IncrementalSVD, InterpolationOperator):
        try:
            return kind.load(path)
        except FileError as error:
            failure = failure or error
            if "it holds" not in str(error) and "it does not hold" not in str(error):
                raise
    assert failure is not None
    raise failure


def save(path: PathLike, saved: Any) -> None:
    """Saves an SVD, an IncrementalSVD or an InterpolationOperator. Raises FileError."""
    saved.save(path)
