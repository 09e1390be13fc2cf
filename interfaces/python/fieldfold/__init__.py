"""fieldfold: compression of fields to latent coefficients, and interpolation between point sets.

Pure Python on the shared library. `fieldfold.amisc` has the classes of amisc's compression module.
"""
from ._interpolation import InterpolationOperator, RBFInterpolator
from ._library import FileError, Interrupted, InvalidArgument, NotReady, NumericalError, library as _library
from ._svd import SVD, Assessment, IncrementalSVD, SnapshotErrors, load, save

__version__ = _library.fieldfold_version().decode()
__all__ = ["SVD", "IncrementalSVD", "RBFInterpolator", "InterpolationOperator", "load", "save", "SnapshotErrors",
           "Assessment", "InvalidArgument", "NotReady", "NumericalError", "FileError", "Interrupted"]
