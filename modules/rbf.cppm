module;

#include <cstddef>
#include <memory>
#include <optional>

/// Interpolation of scattered data by radial basis functions; no idea of fields.
export module fieldfold.rbf;

import fieldfold.arrays;
import fieldfold.diagnostics;
export import fieldfold.rbf.kernel;

export namespace fieldfold {

/// How to interpolate; the defaults are those of `scipy.interpolate.RBFInterpolator`.
struct RBFOptions {
  /// Each query uses its `min(neighbors, P)` nearest data points; none: all of them.
  std::optional<std::size_t> neighbors = std::nullopt;
  /// Added to the diagonal of the system: 0 interpolates, more smooths. A scalar or `(P,)`, one a data point; in the
  /// unit of the kernel's values.
  xt::xarray<double> smoothing = 0.0;
  Kernel kernel = Kernel::thin_plate_spline;
  /// Multiplies the coordinates before distances are taken; inverse of their unit. Defaults to 1 where the kernel is
  /// scale invariant, and must be given elsewhere.
  std::optional<double> epsilon = std::nullopt;
  /// Degree of the polynomial that is added; -1: none. Defaults to the kernel's minimum degree, at least 0. A smaller
  /// one than the minimum, but not -1, is warned of: the system may be singular.
  std::optional<int> degree = std::nullopt;
};

/// Checks what can be checked without data.
/// \throws InvalidArgument  epsilon missing where the kernel needs it, not finite or 0; degree below -1; no neighbors;
///                          smoothing neither a scalar nor 1-D, or not finite
void validate(const RBFOptions& options);

/// A radial basis function interpolant (or smoothing approximation) of values at scattered points, in any dimension:
/// `f(x) = sum_j a_j kernel(epsilon |x - x_j|) + sum_k b_k p_k(x)` (Wendland 2005, doi:10.1017/CBO9780511617539).
/// With `neighbors` one such sum is made for each query, from the points nearest to it (ties by index).
/// All columns of values share one factorization. Calling is safe from many threads at once.
class RBFInterpolator {
 public:
  /// \param points   `(P, N)`: P points in N dimensions
  /// \param values   `(P, ...)`: any number of values a point. NaN spoils its own column only.
  /// \throws InvalidArgument  points not 2-D, or not finite; values or smoothing of another length; fewer points (or
  ///                          neighbors) than the polynomial has terms; whatever `validate` finds
  /// \throws NumericalError   the system is singular, or rounding may change results by as much as the values
  ///                          themselves. Where it may cost more than half of the digits there is a warning.
  RBFInterpolator(const ArrayRef<double>& points, const ArrayRef<double>& values, const RBFOptions& options = {});

  /// Evaluates the interpolant.
  /// \param queries  `(Q, N)`
  /// \returns        `(Q, ...)`; which queries come together in a call changes results by rounding at most
  /// \throws InvalidArgument  queries not 2-D, of another dimension, or not finite
  /// \throws NumericalError   the kernel overflows; with `neighbors`: as the constructor, for the neighborhood of a
  /// query
  xt::xarray<double> operator()(const ArrayRef<double>& queries) const;

 private:
  struct Interpolant;
  std::shared_ptr<const Interpolant> interpolant_;
};

}  // namespace fieldfold
