/// Interpolation operators between two sets of points.
export module fieldfold.interpolation.operators;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.interpolation.method;
import fieldfold.linalg.halo;
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

  /// The same of points that are distributed among ranks, each of which has some points and some queries, possibly
  /// none: a matrix distributed by queries. Construction and all uses are collective; ranks exchange the values at
  /// points near their queries only, except for methods that use all points. See `Interpolation::weights`.
  InterpolationOperator(std::shared_ptr<const Communicator> communicator, const ArrayRef<double>& points,
                        const ArrayRef<double>& queries, const Interpolation& interpolation = {});

  /// An operator with given weights, `(size_of(query_shape), P)`.
  /// \throws InvalidArgument  inconsistent parts
  InterpolationOperator(std::variant<SparseRows, xt::xarray<double>> weights, Shape query_shape);

  /// P, of this rank.
  std::size_t num_points() const { return num_points_; }
  std::size_t num_queries() const { return size_of(query_shape_); }  ///< Q
  const Shape& query_shape() const { return query_shape_; }
  /// The matrix, `(Q, P)`; on ranks `(Q, P + R)`, with columns for R points of other ranks.
  const std::variant<SparseRows, xt::xarray<double>>& weights() const { return weights_; }
  /// The memory of the weights.
  std::size_t bytes() const;

  /// Interpolates. \param values  `(P, ...)`  \returns  `(Q, ...)`
  /// \throws InvalidArgument  values of another length; on ranks, also of different numbers of columns
  xt::xarray<double> operator()(const ArrayRef<double>& values, std::size_t threads = 0) const;

  /// The same on the caller's memory. \param values  `(P, k)`  \param results  `(Q, k)`
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads = 0) const;

  /// Applies the transpose, a conservative map from the queries to the points: the weights of a query add up to one, so
  /// that sums over the queries (forces, mass) equal sums over the points. Without a polynomial (degree -1) they do
  /// not.
  /// \param values  `(Q, ...)`  \returns  `(P, ...)`
  /// \throws InvalidArgument  values of another length
  xt::xarray<double> transposed(const ArrayRef<double>& values, std::size_t threads = 0) const;

  /// Runs work of all ranks, as `Communicator::together`; on one process only the work.
  template <class Work>
  void together(const Work& work) const {
    if (communicator_)
      communicator_->together(work);
    else
      work();
  }

  /// The ranks among which points and queries are distributed; null: one process has all.
  const std::shared_ptr<const Communicator>& communicator() const { return communicator_; }

 private:
  std::size_t num_columns() const;

  std::variant<SparseRows, xt::xarray<double>> weights_;
  Shape query_shape_;
  std::size_t num_points_ = 0;
  std::shared_ptr<const Communicator> communicator_;
  std::shared_ptr<const Halo> halo_;
};

}  // namespace fieldfold
