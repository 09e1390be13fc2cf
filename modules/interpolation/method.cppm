module;

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Interpolation from one set of points to another, by whatever method.
export module fieldfold.interpolation.method;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// An interpolation method: made from points `(P, dim)` and values `(P, ...)` at them, called with queries `(Q, dim)`
/// for the values `(Q, ...)` there.
template <class I>
concept Interpolator =
    std::constructible_from<I, const ArrayRef<double>&, const ArrayRef<double>&, const RBFOptions&> &&
    requires(const I& interpolator, const ArrayRef<double>& queries) {
      { interpolator(queries) } -> std::convertible_to<xt::xarray<double>>;
    };

static_assert(Interpolator<RBFInterpolator>);

/// The names of the interpolation methods: `rbf`, `nearest`, `inverse_distance`, and `linear` where the library is
/// built with Qhull.
std::vector<std::string_view> interpolation_methods();

/// An interpolation method by name, with its options.
struct Interpolation {
  std::string method = "rbf";
  RBFOptions options = {};

  /// \throws InvalidArgument  unknown method (the message lists the known ones), or bad options
  void validate() const;

  /// Interpolates values `(P, ...)` at points `(P, dim)` to queries `(Q, dim)`: `(Q, ...)`.
  /// All columns of values share one factorization.
  /// \throws InvalidArgument, NumericalError  as the method does
  xt::xarray<double> operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                const ArrayRef<double>& queries) const;
};

/// Interpolation between two sets of points as the matrix that it is, for any number of fields: made once, applied to
/// each. Sparse for methods that use few points for each query, dense for a global one. Calling is safe from many
/// threads at once.
class InterpolationOperator {
 public:
  /// \param points   `(P, dim)`
  /// \param queries  `(*query_shape, dim)`
  /// \param values   `(P, k)` by which the error that rounding makes is estimated; without data: a smooth function
  /// \throws InvalidArgument, NumericalError  as `Interpolation`
  InterpolationOperator(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                        const Interpolation& interpolation = {}, MatrixView<const double> values = {});

  /// One with these weights, `(size_of(query_shape), P)`.
  /// \throws InvalidArgument  the parts contradict each other
  InterpolationOperator(std::variant<SparseRows, xt::xarray<double>> weights, Shape query_shape);

  std::size_t num_points() const;                                    ///< P
  std::size_t num_queries() const { return size_of(query_shape_); }  ///< Q
  const Shape& query_shape() const { return query_shape_; }
  /// The matrix, `(Q, P)`.
  const std::variant<SparseRows, xt::xarray<double>>& weights() const { return weights_; }
  /// The memory of the weights.
  std::size_t bytes() const;

  /// Interpolates. \param values  `(P, ...)`  \returns  `(Q, ...)`
  /// \throws InvalidArgument  values of another length
  xt::xarray<double> operator()(const ArrayRef<double>& values, std::size_t threads = 0) const;

  /// The same on memory of the caller. \param values  `(P, k)`  \param results  `(Q, k)`
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads = 0) const;

  /// The transpose, which maps from the queries to the points and conserves sums: as the weights of a query add up to
  /// one, what is at the queries (forces, mass) adds up to what arrives at the points.
  /// \param values  `(Q, ...)`  \returns  `(P, ...)`
  /// \throws InvalidArgument  values of another length
  xt::xarray<double> transposed(const ArrayRef<double>& values, std::size_t threads = 0) const;

 private:
  std::variant<SparseRows, xt::xarray<double>> weights_;
  Shape query_shape_;
};

/// Interpolation that remembers: operators and factorizations are kept, and found again when the same coordinates come.
/// What was used last stays longest. Safe from many threads at once; copies share what is kept.
class RememberedInterpolation {
 public:
  /// \param most_bytes  what is kept is no larger than this; 0: nothing is kept
  /// \throws InvalidArgument  as `Interpolation::validate`
  RememberedInterpolation(Interpolation interpolation, std::size_t most_bytes);

  /// As `Interpolation`; warnings of rounding come when something is made, and not when it is used again.
  xt::xarray<double> operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                const ArrayRef<double>& queries) const;

  /// The memory of what is kept.
  std::size_t bytes() const;

  /// Forgets all.
  void clear() const;

 private:
  struct Memory;
  Interpolation interpolation_;
  std::shared_ptr<Memory> memory_;
};

}  // namespace fieldfold
