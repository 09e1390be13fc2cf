/// The scaled problem: the matrix whose decomposition gives modes that are orthonormal in a field space.
export module fieldfold.fields.scaling;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.decomposition.inner_product;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// The scaling `D Y diag(r)` of the coordinates Y of snapshots in a space, `(dof, num_samples)`. D is the row scaling
/// that gives the inner product W of the space a unit diagonal: square roots of the weights and of the diagonal of the
/// mass matrix; 0 for masked numbers. r are the square roots of the sample weights. The inner product of the scaled
/// problem is `D^-1 W D^-1`. For a basis V of that problem, `U = D^-1 V` satisfies `U^T W U = I`.
template <class T>
class SpaceScaling {
 public:
  /// \param sample_weights  `(num_samples,)`; none: 1 for all
  /// \throws InvalidArgument  a sample weight whose square root underflows or overflows in the precision T
  explicit SpaceScaling(FieldSpace space, const std::optional<xt::xarray<double>>& sample_weights = std::nullopt);

  const FieldSpace& space() const { return space_; }
  /// Moves the space out; this object cannot be used afterwards.
  FieldSpace release() && { return std::move(space_); }
  /// Replaces the mean of a number.
  void set_mean(std::size_t i, double mean) { space_.set_mean(i, mean); }

  /// The inner product of the scaled problem; null if Euclidean. It lives as long as this object.
  const InnerProduct<T>* inner_product() const { return inner_product_.get(); }

  double row_scale(std::size_t row) const { return row_scales_[row]; }

  /// The square root of the weight of a snapshot, and the weight.
  T sample_root(std::size_t column) const { return sample_roots_.empty() ? T{1} : sample_roots_[column]; }
  double sample_weight(std::size_t column) const { return sample_weights_.empty() ? 1.0 : sample_weights_[column]; }
  /// All square roots, `(num_samples,)`; empty: 1.
  std::span<const T> sample_roots() const { return sample_roots_; }

  /// Scales one state, of weight 1. \param state  x, `(dof,)`  \param row  D y, `(dof,)`
  /// \throws InvalidArgument  as `FieldSpace::transform`
  void scale(std::span<const T> state, std::span<T> row) const;

  /// `U = D^-1 V`, in place. \param basis  `(dof, rank)`, in memory
  void unscale(MatrixView<T> basis) const;

  /// The same in a store, with signs fixed by `ColumnSigns`; coefficients take the same signs and are divided by the
  /// square roots of the sample weights.
  /// \param coefficients  `(columns, rank)`  \param columns  their snapshots
  /// \param partition     the rows of this rank, if they are distributed
  void unscale(RowStore<T>& basis, MatrixView<T> coefficients, const std::vector<std::size_t>& columns,
               std::size_t threads, const RowPartition& partition = {}) const;

 private:
  std::vector<T> unscale_rows(RowStore<T>& basis, std::size_t rank, std::size_t threads,
                              const RowPartition& partition) const;

  FieldSpace space_;
  std::shared_ptr<const InnerProduct<T>> inner_product_;
  std::vector<double> row_scales_;
  std::vector<double> sample_weights_;  ///< empty: 1
  std::vector<T> sample_roots_;         ///< empty: 1
};

/// The rows of the scaled problem, with filled gaps. Numbers of the source are shifted and scaled in double precision.
/// \tparam S  scalar of the source: T, or double
template <class T, class S = T>
class ScaledRows final : public RowSource<T> {
 public:
  /// The arguments must outlive this object. \param gaps  sorted by row, then column
  ScaledRows(const RowSource<S>& source, const SpaceScaling<T>& scaling, const std::vector<Gap>& gaps)
      : source_(source), scaling_(scaling), gaps_(gaps) {}
  std::size_t rows() const override { return source_.rows(); }
  std::size_t cols() const override { return source_.cols(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool reads_columns() const override { return gaps_.empty() && source_.reads_columns(); }

 private:
  void scale_row(std::size_t row, std::span<const S> x, std::span<T> y) const;

  const RowSource<S>& source_;
  const SpaceScaling<T>& scaling_;
  const std::vector<Gap>& gaps_;
};

}  // namespace fieldfold
