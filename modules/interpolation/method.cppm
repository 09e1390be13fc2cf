/// Interpolation methods by name.
export module fieldfold.interpolation.method;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// An interpolation method: constructed from points `(P, dim)` and values `(P, ...)` at them, called with queries
/// `(Q, dim)` for the values `(Q, ...)` there.
template <class I>
concept Interpolator =
    std::constructible_from<I, const ArrayRef<double>&, const ArrayRef<double>&, const RBFOptions&> &&
    requires(const I& interpolator, const ArrayRef<double>& queries) {
      { interpolator(queries) } -> std::convertible_to<xt::xarray<double>>;
    };

static_assert(Interpolator<RBFInterpolator>);

/// The names of the interpolation methods: `rbf`, `nearest`, `inverse_distance`, and `linear` if the library is built
/// with Qhull.
std::vector<std::string_view> interpolation_methods();

/// An interpolation method by name, with its options.
struct Interpolation {
  std::string method = "rbf";
  RBFOptions options = {};

  /// \throws InvalidArgument  an unknown method (the message lists the known ones), or bad options
  void validate() const;

  /// Interpolates values `(P, ...)` at points `(P, dim)` to queries `(Q, dim)`: `(Q, ...)`.
  /// All columns of values share one factorization.
  /// \throws InvalidArgument, NumericalError  as the method
  xt::xarray<double> operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                const ArrayRef<double>& queries) const;

  /// The interpolant as a matrix, `(Q, P)`, that maps values at points to values at queries.
  /// \param points  `(P, dim)`  \param queries  `(Q, dim)`
  /// \param values  `(P, k)`: samples for the estimate of the rounding error; without data: a smooth function
  /// \throws InvalidArgument, NumericalError  as the method
  std::variant<SparseRows, xt::xarray<double>> weights(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                                                       MatrixView<const double> values = {}) const;

  /// The same of points that are distributed among ranks; collective. Each row is that of the points of all ranks: the
  /// distribution of points and queries changes it by rounding at most. `linear`, and `rbf` without `neighbors` or a
  /// partition of unity, use all points on each rank; other methods those near its queries.
  /// \param partition  numbers the points  \param points  `(P, dim)`, and queries `(Q, dim)`: those of this rank
  /// \throws InvalidArgument  also `merge_duplicates`, except with all points on each rank
  RowsOnRanks weights(const RowPartition& partition, const ArrayRef<double>& points,
                      const ArrayRef<double>& queries) const;
};

/// Applies weights `(Q, P)`. \param values  `(P, k)`  \param results  `(Q, k)`
/// \param threads  0: as many as the machine has
void apply_interpolation_weights(const std::variant<SparseRows, xt::xarray<double>>& weights,
                                 MatrixView<const double> values, MatrixView<double> results, std::size_t threads);

}  // namespace fieldfold
