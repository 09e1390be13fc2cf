module;

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

/// Interpolation of scattered data by radial basis functions; no idea of fields.
export module fieldfold.rbf.interpolator;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;
import fieldfold.rbf.kernel;

export namespace fieldfold {

/// From which points an interpolant is made.
enum class RBFMethod {
  direct,              ///< from all points, or with `neighbors` from the nearest of each query
  partition_of_unity,  ///< from clusters of points, blended: for thousands to millions of points
};

/// The names of the methods, in the order of the enumeration.
std::vector<std::string_view> rbf_methods();

/// The method of this name. \throws InvalidArgument  there is none; the message lists all names
RBFMethod rbf_method_named(std::string_view name);

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
  RBFMethod method = RBFMethod::direct;
  /// With `partition_of_unity`: points in a cluster, and at least as many as the polynomial has terms. Clusters at the
  /// edge of the domain have 1.3 times as many, others beside crowded points up to three times as many.
  std::size_t cluster_size = 135;
  /// With `partition_of_unity`: by which share of its mean width a cell is made wider on each side for the points of
  /// its cluster, which is the same along all axes; none: 0.35 in one and two dimensions, 0.22 in more.
  std::optional<double> overlap = std::nullopt;
  /// Whether neighborhoods and clusters that do not determine the polynomial, say on a line in a plane, have one of a
  /// lower degree; it is an error otherwise.
  bool allow_lower_degree = false;
  /// `(N,)`: multiplies each coordinate before anything else; none: 1 for all. For axes of different units.
  std::vector<double> scales = {};
  /// `(N,)`: the period of each axis, in the unit of its coordinate; 0, or none at all: it has none. Distances along a
  /// periodic axis are chords of a circle of that circumference.
  std::vector<double> periods = {};
  /// With the method `inverse_distance`: the power of the distance.
  double power = 2.0;
  /// Threads to use; 0: as many as the machine has. Results depend on it by rounding at most.
  std::size_t threads = 0;
};

/// Checks what can be checked without data.
/// \throws InvalidArgument  epsilon missing where the kernel needs it, not finite or 0; degree below -1; no neighbors;
///                          smoothing neither a scalar nor 1-D, or not finite; a cluster of no points; an overlap that
///                          is not from 0.01 to 1; scales not above 0; periods below 0; neighbors together with
///                          a partition of unity
void validate(const RBFOptions& options);

/// A radial basis function interpolant (or smoothing approximation) of values at scattered points, in any dimension:
/// `f(x) = sum_j a_j kernel(epsilon |x - x_j|) + sum_k b_k p_k(x)` (Wendland 2005, doi:10.1017/CBO9780511617539).
/// With `neighbors` one such sum is made for each query, from the points nearest to it (ties by index); with
/// `partition_of_unity` one for each cluster of points, blended smoothly.
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

  /// The interpolant of other values at the same points; a factorization of all points is used again.
  /// \param values  `(P, ...)`
  /// \throws        as the constructor
  RBFInterpolator with_values(const ArrayRef<double>& values) const;

  /// The memory of the factorization of all points; 0 where there is none, with `neighbors` or a partition of unity.
  std::size_t bytes() const;

  /// Evaluates the interpolant.
  /// \param queries  `(Q, N)`
  /// \returns        `(Q, ...)`; which queries come together in a call changes results by rounding at most
  /// \throws InvalidArgument  queries not 2-D, of another dimension, or not finite
  /// \throws NumericalError   the kernel overflows; with `neighbors`: as the constructor, for the neighborhood of a
  ///                          query, which the message names
  xt::xarray<double> operator()(const ArrayRef<double>& queries) const;

  /// The derivatives of the interpolant with respect to the coordinates of a query.
  /// \param queries  `(Q, N)`
  /// \returns        `(Q, ..., N)`
  /// With `neighbors` it is that of the interpolant at each query; there, values jump a little from one neighborhood to
  /// the next.
  /// \throws InvalidArgument  as above, or the kernel is not differentiable (linear, matern1_2, wendland_c0)
  /// \throws NumericalError   as above
  xt::xarray<double> gradient(const ArrayRef<double>& queries) const;

  /// An estimate of what rounding may change of results, over the largest value of a column; the worst column. 0 with
  /// `neighbors`, where it is found out with each query.
  double rounding_error() const;

  /// What each value differs by from the interpolant of all others; see `leave_one_out_errors`.
  /// \returns  `(P, ...)`
  /// \throws InvalidArgument  the interpolant is not one of all points, or has a sparse system
  xt::xarray<double> leave_one_out_errors() const;

  /// The weights with which values at points add up to the interpolant at queries, `(Q, P)`: the same as a matrix.
  /// Sparse with `neighbors` or a partition of unity, dense otherwise.
  /// \param points   `(P, N)`  \param queries  `(Q, N)`
  /// \param values   `(P, k)` by which the error that rounding makes is estimated; without data: a smooth function
  /// \throws         as the others
  static std::variant<SparseRows, xt::xarray<double>> weights(const ArrayRef<double>& points,
                                                              const ArrayRef<double>& queries,
                                                              const RBFOptions& options,
                                                              MatrixView<const double> values = {});

 private:
  struct Points;
  struct Solved;
  RBFInterpolator(std::shared_ptr<const Points> points, const ArrayRef<double>& values);
  xt::xarray<double> evaluate(const xt::xarray<double>& embedded, std::optional<std::size_t> derivative_axis) const;

  std::shared_ptr<const Points> points_;
  std::shared_ptr<const Solved> solved_;
};

}  // namespace fieldfold
