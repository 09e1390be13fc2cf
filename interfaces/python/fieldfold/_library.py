"""The shared library: its functions, errors and warnings."""
from __future__ import annotations

import ctypes
import math
import os
import pathlib
import sys
import threading
import warnings
from typing import Any, Callable, Optional, Sequence

import numpy as np

SIZE = ctypes.c_size_t
POINTER = ctypes.c_void_p
TEXT = ctypes.c_char_p
OUT = ctypes.POINTER(ctypes.c_void_p)
DOUBLE = ctypes.c_double
WARNING_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)
PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_double, ctypes.c_void_p)


class InvalidArgument(ValueError):
    """An argument out of range, or a shape that does not fit."""


class NotReady(RuntimeError):
    """The object lacks what the call needs, such as a map or coords."""


class NumericalError(ArithmeticError):
    """No convergence, overflow, a singular system."""


class FileError(OSError):
    """A file cannot be read or written, is damaged or of another format."""


class Interrupted(RuntimeError):
    """The progress callback requested to stop."""


ERRORS = {1: InvalidArgument, 2: NotReady, 3: NumericalError, 4: FileError, 5: MemoryError, 6: Interrupted,
          7: RuntimeError}

# Arguments of the functions that return a status; f32 variants have the same.
STATUS_FUNCTIONS = {
    "set_warning_handler": [WARNING_HANDLER, POINTER],
    "svd_create": [TEXT, OUT], "svd_copy": [POINTER, OUT], "svd_load": [TEXT, OUT], "svd_save": [POINTER, TEXT],
    "svd_set_coords": [POINTER, POINTER, SIZE, SIZE],
    "svd_set_fields": [POINTER, ctypes.POINTER(TEXT), SIZE],
    "svd_set_point_weights": [POINTER, POINTER, SIZE], "svd_set_sample_weights": [POINTER, POINTER, SIZE],
    "svd_set_mass_matrix": [POINTER, SIZE, SIZE, POINTER, POINTER, POINTER],
    "svd_set_progress": [POINTER, PROGRESS, POINTER],
    "svd_fit": [POINTER, POINTER, SIZE, SIZE, SIZE, SIZE],
    "svd_field": [POINTER, SIZE, TEXT, SIZE], "svd_coords": [POINTER, POINTER],
    "svd_singular_values": [POINTER, POINTER], "svd_basis": [POINTER, POINTER], "svd_mean": [POINTER, POINTER],
    "svd_latent_ranges": [POINTER, DOUBLE, POINTER], "svd_latent_statistics": [POINTER, POINTER, POINTER],
    "svd_training_latents": [POINTER, POINTER],
    "svd_errors": [POINTER] * 5, "svd_validation_errors": [POINTER] * 5,
    "svd_compress": [POINTER, POINTER, SIZE, POINTER], "svd_reconstruct": [POINTER, POINTER, SIZE, POINTER],
    "svd_assess": [POINTER, POINTER, SIZE] + [POINTER] * 4,
    "svd_interpolate_from_grid": [POINTER, POINTER, SIZE, POINTER, SIZE, POINTER],
    "svd_interpolate_to_grid": [POINTER, POINTER, SIZE, POINTER, SIZE, POINTER],
    "svd_reconstruct_at": [POINTER, POINTER, SIZE, POINTER, SIZE, POINTER],
    "svd_sensors": [POINTER, SIZE, POINTER], "svd_noise_amplification": [POINTER, POINTER, SIZE, POINTER],
    "svd_whiten": [POINTER, POINTER, SIZE, POINTER], "svd_unwhiten": [POINTER, POINTER, SIZE, POINTER],
    "incremental_create": [TEXT, OUT], "incremental_load": [TEXT, OUT], "incremental_save": [POINTER, TEXT],
    "incremental_set_coords": [POINTER, POINTER, SIZE, SIZE],
    "incremental_add_states": [POINTER, POINTER, SIZE, SIZE],
    "incremental_merge": [POINTER, POINTER], "incremental_update": [POINTER], "incremental_finish": [POINTER, OUT],
    "operator_create": [POINTER, SIZE, POINTER, SIZE, SIZE, TEXT, OUT],
    "operator_apply": [POINTER, POINTER, SIZE, POINTER], "operator_apply_transposed": [POINTER, POINTER, SIZE, POINTER],
    "operator_save": [POINTER, TEXT], "operator_load": [TEXT, OUT],
    "interpolator_create": [POINTER, SIZE, SIZE, POINTER, SIZE, TEXT, OUT],
    "interpolator_evaluate": [POINTER, POINTER, SIZE, POINTER],
    "interpolator_gradient": [POINTER, POINTER, SIZE, POINTER],
    "communicator_create": [POINTER, OUT],
    "svd_set_communicator": [POINTER, POINTER], "incremental_set_communicator": [POINTER, POINTER],
    "svd_load_on_ranks": [TEXT, POINTER, ctypes.POINTER(SIZE), OUT],
    "incremental_load_on_ranks": [TEXT, POINTER, ctypes.POINTER(SIZE), OUT],
    "svd_fit_samples": [POINTER, POINTER, SIZE, SIZE], "svd_merge_ranks": [POINTER, POINTER, TEXT, OUT],
    "operator_create_on_ranks": [POINTER, POINTER, SIZE, POINTER, SIZE, SIZE, TEXT, OUT],
    "communicator_refuse": [POINTER, TEXT],
}
F32_FUNCTIONS = ["svd_fit", "svd_basis", "svd_compress", "svd_reconstruct", "incremental_add_states"]
FIGURES = {
    "version": TEXT, "last_error": TEXT, "svd_map_exists": ctypes.c_int, "svd_is_single": ctypes.c_int,
    "svd_energy": DOUBLE, "svd_reconstruction_error": DOUBLE, "incremental_error_bound": DOUBLE,
    **{f"svd_{name}": SIZE for name in ("dof", "rank", "num_pts", "num_qoi", "dim", "num_samples", "num_dropped",
                                        "num_singular_values", "num_validation_samples")},
    **{f"incremental_{name}": SIZE for name in ("num_samples", "num_dropped", "rank")},
    **{f"operator_{name}": SIZE for name in ("num_points", "num_queries")},
    **{f"communicator_{name}": SIZE for name in ("size", "rank")},
    **{f"{kind}_free": None for kind in ("svd", "incremental", "operator", "interpolator", "communicator")},
}


def _load() -> ctypes.CDLL:
    """The library named by FIELDFOLD_LIBRARY, else the one of the installation, else the loader's."""
    name = "libfieldfold.so.0"
    path = os.environ.get("FIELDFOLD_LIBRARY")
    if not path:
        try:
            from ._installation import LIBRARY_FOLDER
            installed = pathlib.Path(LIBRARY_FOLDER) / name
            path = str(installed) if installed.exists() else name
        except ImportError:
            path = name
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"{path} cannot be loaded: install fieldfold, or set FIELDFOLD_LIBRARY to the path of {name} "
                          f"({error})") from None


library = _load()
for _name, _arguments in STATUS_FUNCTIONS.items():
    for _suffix in ("", "_f32") if _name in F32_FUNCTIONS else ("",):
        _function = getattr(library, f"fieldfold_{_name}{_suffix}")
        _function.argtypes = _arguments
        _function.restype = ctypes.c_int
for _name, _result in FIGURES.items():
    _function = getattr(library, f"fieldfold_{_name}")
    _function.argtypes = [] if _name in ("version", "last_error") else [POINTER]
    _function.restype = _result


_local = threading.local()


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status, and raises its error; then what a filter or hook of warnings raised."""
    _local.raised = None
    status = getattr(library, "fieldfold_" + name)(*arguments)
    raised, _local.raised = _local.raised, None
    if status != 0:
        error = ERRORS.get(status, RuntimeError)(library.fieldfold_last_error().decode("utf-8", "replace"))
        error.is_of_all = True  # type: ignore[attr-defined]
        raise error
    if raised is not None:
        raise raised


def figure(name: str, handle: "Handle") -> Any:
    return getattr(library, "fieldfold_" + name)(handle.value)


class Handle:
    """An object of the library, freed with this one."""

    def __init__(self, kind: str, constructor: str, *arguments: Any):
        out = ctypes.c_void_p()
        call(f"{kind}_{constructor}", *arguments, ctypes.byref(out))
        self.kind = kind
        self.value = out.value

    def __reduce__(self) -> Any:
        raise TypeError(f"a handle of {self.kind} cannot be pickled or copied")

    def __del__(self) -> None:
        value = getattr(self, "value", None)
        if value is not None and library is not None:
            getattr(library, f"fieldfold_{self.kind}_free")(value)


def as_real(array: Any) -> np.ndarray:
    """An array of real numbers, or of objects that may be some. Raises InvalidArgument."""
    array = np.asarray(array)
    if array.dtype.kind not in "biufO":
        raise InvalidArgument(f"array: expected real numbers, got {array.dtype}")
    return array


def as_numbers(array: Any) -> np.ndarray:
    """A contiguous array in double precision: the argument itself if it is one."""
    return np.require(as_real(array), np.float64, ["C", "A"])


def as_float(array: Any) -> np.ndarray:
    """A contiguous array: float32 as it is, and all else as float64."""
    array = as_real(array)
    return np.require(array, np.float32 if array.dtype == np.float32 else np.float64, ["C", "A"])


def as_indices(array: Any, name: str) -> np.ndarray:
    """A contiguous array of whole numbers of 0 or more. Raises InvalidArgument."""
    array = np.asarray(array)
    if array.size and (array.dtype.kind not in "iu" or array.min() < 0):
        raise InvalidArgument(f"{name}: expected whole numbers of 0 or more, got {array.dtype}")
    return np.require(array, np.uintp, ["C", "A"])


def size_of(shape: Sequence[int]) -> int:
    """The number of entries of an array of this shape."""
    return math.prod(shape)


def suffix_of(array: np.ndarray) -> str:
    return "_f32" if array.dtype == np.float32 else ""


def pointer(array: Optional[np.ndarray]) -> Optional[int]:
    return None if array is None else array.ctypes.data


def c_text(text: bytes, name: str) -> bytes:
    """A text that C takes as it is. Raises InvalidArgument."""
    if b"\0" in text:
        raise InvalidArgument(f"{name}: expected a text without zero bytes")
    return text


def path_text(path: Any) -> bytes:
    return c_text(os.fsencode(os.fspath(path)), "path")


def _level_of_caller() -> int:
    """The stack level of the first caller outside this package."""
    folder, frame, level = os.path.dirname(__file__), sys._getframe(1), 1
    while frame is not None and os.path.dirname(frame.f_code.co_filename) == folder:
        frame, level = frame.f_back, level + 1
    return level


@WARNING_HANDLER
def _warn(sentence: bytes, _data: Any) -> None:
    try:
        warnings.warn(sentence.decode("utf-8", "replace"), stacklevel=_level_of_caller())
    except BaseException as error:  # noqa: B902, nothing passes through the library: `call` raises it
        _local.raised = error


call("set_warning_handler", _warn, None)


def progress_function(progress: Callable[[str, float], Any], failures: list) -> Any:
    """A callback of the library; an exception of `progress` goes to `failures` and interrupts learning."""
    def hear(phase: bytes, share: float, _data: Any) -> int:
        try:
            return 1 if progress(phase.decode(), share) else 0
        except BaseException as error:  # noqa: B902, raised again by the caller
            failures.append(error)
            return 1
    return PROGRESS(hear)
