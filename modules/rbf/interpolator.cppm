/// Radial basis function interpolation of scattered data.
export module fieldfold.rbf.interpolator;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.rbf.kernel;

export namespace fieldfold {

/// The points that an interpolant uses.
enum class RBFMethod {
  direct,              ///< all points, or with `neighbors` the nearest of each query
  partition_of_unity,  ///< clusters of points, blended; for thousands to millions of points
};

/// The names of the methods, in the order of the enumeration.
std::vector<std::string_view> rbf_methods();

/// A method by its name. \throws InvalidArgument  an unknown name; the message lists the known ones
RBFMethod rbf_method_named(std::string_view name);

/// Options of interpolation; the defaults are those of `scipy.interpolate.RBFInterpolator`.
struct RBFOptions {
  /// Each query uses its `min(neighbors, P)` nearest data points; none: all of them.
  std::optional<std::size_t> neighbors = std::nullopt;
  /// Added to the diagonal of the system: 0 interpolates, larger values smooth. A scalar or `(P,)`, one per data point;
  /// in the unit of the kernel's values.
  xt::xarray<double> smoothing = 0.0;
  Kernel kernel = Kernel::thin_plate_spline;
  /// Shape parameter: multiplies the coordinates; inverse of their unit. Its sign has no effect. Defaults to 1 for
  /// scale-invariant kernels, and is required for all others.
  std::optional<double> epsilon = std::nullopt;
  /// Degree of the polynomial; -1: none. Defaults to the kernel's minimum degree, at least 0. A degree below the
  /// minimum, other than -1, causes a warning: the system may be singular.
  std::optional<int> degree = std::nullopt;
  RBFMethod method = RBFMethod::direct;
  /// With `partition_of_unity`: points per cluster, at least the number of monomials. Clusters at the boundary of the
  /// domain have 1.3 times as many, others next to dense points up to three times as many.
  std::size_t cluster_size = 135;
  /// With `partition_of_unity`: the margin, the same on all sides, by which a cell is widened to collect the points of
  /// its cluster, as a share of its mean width; none: 0.35 in one and two dimensions, 0.22 in more.
  std::optional<double> overlap = std::nullopt;
  /// Whether points that do not determine the polynomial, say on a line in a plane, fall back to a lower degree; it is
  /// an error otherwise.
  bool allow_lower_degree = false;
  /// Whether data points that coincide count as one, with the mean of their values. Without smoothing they are an error
  /// otherwise.
  bool merge_duplicates = false;
  /// `(N,)`: multiplies each coordinate before anything else; empty: 1. For axes of different units.
  std::vector<double> scales = {};
  /// `(N,)`: the period of each axis, in the unit of its coordinate, 0 for an axis without one; empty: no axis has one.
  /// Distances along a periodic axis are chords of a circle of that circumference.
  std::vector<double> periods = {};
  /// The power of the distance, for the interpolation method `inverse_distance`.
  double power = 2.0;
  /// Threads to use; 0: as many as the machine has. Their number affects results by rounding at most.
  std::size_t threads = 0;
};

/// Checks what can be checked without data.
/// \throws InvalidArgument  epsilon missing for a kernel that needs it, not finite, or 0; degree below -1; 0 neighbors;
///                          smoothing neither a scalar nor 1-D, not finite, or negative; an empty cluster; an overlap
///                          outside [0.01, 1]; scales not above 0; periods below 0; neighbors together with a partition
///                          of unity
void validate(const RBFOptions& options);

/// A radial basis function interpolant (or smoothing approximation) of values at scattered points, in any dimension:
/// `f(x) = sum_j a_j kernel(epsilon |x - x_j|) + sum_k b_k p_k(x)` (Wendland 2005, doi:10.1017/CBO9780511617539).
/// With `neighbors` each query has its own sum, over the points nearest to it (ties by index); with
/// `partition_of_unity` each cluster of points has one, and the sums are blended smoothly.
/// All columns of values share one factorization. Concurrent calls are safe.
class RBFInterpolator {
 public:
  /// \param points   `(P, N)`: P points in N dimensions
  /// \param values   `(P, ...)`: any number of values per point. NaN affects its own column only.
  /// \throws InvalidArgument  points not 2-D, or not finite; values or smoothing of another length; fewer points (or
  ///                          neighbors) than monomials; as `validate`
  /// \throws NumericalError   the system is singular, or the estimated rounding error is as large as the values. A loss
  ///                          of more than half of the digits causes a warning.
  RBFInterpolator(const ArrayRef<double>& points, const ArrayRef<double>& values, const RBFOptions& options = {});

  /// The interpolant of other values at the same points; it reuses a factorization of all points.
  /// \param values  `(P, ...)`
  /// \throws        as the constructor
  RBFInterpolator with_values(const ArrayRef<double>& values) const;

  /// The memory of the factorization of all points; 0 with `neighbors` or a partition of unity, which have none.
  std::size_t bytes() const;

  /// Evaluates the interpolant.
  /// \param queries  `(Q, N)`
  /// \returns        `(Q, ...)`; the grouping of queries into calls affects results by rounding at most
  /// \throws InvalidArgument  queries not 2-D, of another dimension, or not finite
  /// \throws NumericalError   the kernel overflows; with `neighbors`: as the constructor, for the neighborhood of a
  ///                          query, which the message names
  xt::xarray<double> operator()(const ArrayRef<double>& queries) const;

  /// The gradient of the interpolant. With `neighbors` it is that of the interpolant of each query; values have small
  /// jumps from one neighborhood to the next.
  /// \param queries  `(Q, N)`
  /// \returns        `(Q, ..., N)`
  /// \throws InvalidArgument  as above, or the kernel is not differentiable (linear, matern1_2, wendland_c0)
  /// \throws NumericalError   as above
  xt::xarray<double> gradient(const ArrayRef<double>& queries) const;

  /// An estimate of the rounding error of results, over the largest value of a column, for the worst column. 0 with
  /// `neighbors`, where each evaluation estimates it.
  double rounding_error() const;

  /// Leave-one-out residuals; see `leave_one_out_errors`. With `merge_duplicates` coincident points have that of the
  /// mean of their values.
  /// \returns  `(P, ...)`
  /// \throws InvalidArgument  the interpolant does not use all points, or has a sparse system
  xt::xarray<double> leave_one_out_errors() const;

  /// The interpolant as a matrix, `(Q, P)`, that maps values at points to values at queries. Sparse with `neighbors` or
  /// a partition of unity, dense otherwise.
  /// \param points   `(P, N)`  \param queries  `(Q, N)`
  /// \param values   `(P, k)`: samples for the estimate of the rounding error; without data: a smooth function
  /// \throws         as the constructor and the evaluation
  static std::variant<SparseRows, xt::xarray<double>> weights(const ArrayRef<double>& points,
                                                              const ArrayRef<double>& queries,
                                                              const RBFOptions& options,
                                                              MatrixView<const double> values = {});

  /// The same of points that are distributed among ranks; collective. Clusters and neighborhoods are those of the
  /// points of all ranks. A system of all points, without `neighbors` or a partition of unity, is solved on each rank.
  /// \param points  `(P, N)`  \param queries  `(Q, N)`: both those of this rank; `smoothing` of its points, too
  /// \throws InvalidArgument  also `merge_duplicates` with `neighbors` or a partition of unity
  static RowsOnRanks weights(const RowPartition& partition, const ArrayRef<double>& points,
                             const ArrayRef<double>& queries, const RBFOptions& options);

 private:
  struct Points;
  struct Solved;
  RBFInterpolator(std::shared_ptr<const Points> points, const ArrayRef<double>& values);
  xt::xarray<double> evaluate(const xt::xarray<double>& embedded, std::optional<std::size_t> derivative_axis) const;

  std::shared_ptr<const Points> points_;
  std::shared_ptr<const Solved> solved_;
};

}  // namespace fieldfold
