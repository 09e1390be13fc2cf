/// Interpolation methods by name.
export module fieldfold.interpolation.method;

import fieldfold.base.arrays;
import fieldfold.base.standard;
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
};

/// Applies weights `(Q, P)`. \param values  `(P, k)`  \param results  `(Q, k)`
/// \param threads  0: as many as the machine has
void apply_interpolation_weights(const std::variant<SparseRows, xt::xarray<double>>& weights,
                                 MatrixView<const double> values, MatrixView<double> results, std::size_t threads);

}  // namespace fieldfold
