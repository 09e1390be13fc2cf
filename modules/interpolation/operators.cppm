/// Interpolation operators between two sets of points.
export module fieldfold.interpolation.operators;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.interpolation.method;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// Interpolation between two sets of points as a matrix: computed once, applied to any number of fields. It is sparse
/// for methods that use few points per query, and dense for a global one. Concurrent calls are safe.
class InterpolationOperator {
 public:
  /// \param points   `(P, dim)`
  /// \param queries  `(*query_shape, dim)`
  /// \param values   `(P, k)`: samples for the estimate of the rounding error; without data: a smooth function
  /// \throws InvalidArgument, NumericalError  as `Interpolation`
  InterpolationOperator(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                        const Interpolation& interpolation = {}, MatrixView<const double> values = {});

  /// An operator with given weights, `(size_of(query_shape), P)`.
  /// \throws InvalidArgument  inconsistent parts
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

  /// The same on the caller's memory. \param values  `(P, k)`  \param results  `(Q, k)`
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads = 0) const;

  /// Applies the transpose, a conservative map from the queries to the points: the weights of a query add up to one, so
  /// that sums over the queries (forces, mass) equal sums over the points.
  /// \param values  `(Q, ...)`  \returns  `(P, ...)`
  /// \throws InvalidArgument  values of another length
  xt::xarray<double> transposed(const ArrayRef<double>& values, std::size_t threads = 0) const;

 private:
  std::variant<SparseRows, xt::xarray<double>> weights_;
  Shape query_shape_;
};

}  // namespace fieldfold
