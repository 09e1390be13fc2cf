/// Inner products of columns of tall matrices.
export module fieldfold.decomposition.inner_product;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.halo;
import fieldfold.linalg.sparse;
import fieldfold.rows.source;

export namespace fieldfold {

/// Rows of a matrix X, and the same rows of `M X`.
template <class T>
struct RowsAndProducts {
  MatrixView<const T> rows;
  MatrixView<const T> products;
};

/// The rows of `M X`, together with those of X.
template <class T>
class ProductRows : public RowSource<T> {
 public:
  /// Buffers for both.
  struct Buffers {
    std::vector<T> rows;
    std::vector<T> products;
    std::vector<std::uint32_t> places;  ///< of the points in `rows`; all unset between calls
  };

  /// Reads both at once, to avoid reading rows of X twice. Groups of rows may be in another order than in X, in which
  /// those that depend on each other are near. \param first  a multiple of the number of groups
  /// \param buffers  of the thread
  virtual RowsAndProducts<T> read_both(std::size_t first, std::size_t count, Buffers& buffers) const = 0;
};

/// The inner product `x^T M y`, with a symmetric positive definite matrix M.
template <class T>
class InnerProduct {
 public:
  InnerProduct() = default;
  InnerProduct(const InnerProduct&) = delete;
  InnerProduct& operator=(const InnerProduct&) = delete;
  virtual ~InnerProduct();

  /// The rows of `M X`. \param x  it must outlive the result
  virtual std::unique_ptr<ProductRows<T>> times(const RowSource<T>& x) const = 0;
};

/// A sparse M, the same for each of `groups` interleaved sets of rows (every `groups`-th one). Rows of `M X` are
/// computed when they are read, from the rows of X that they depend on. Where these are far apart, `read_both` visits
/// the points in their reverse Cuthill-McKee order.
template <class T>
class SparseInnerProduct final : public InnerProduct<T> {
 public:
  /// \param matrix  `(rows / groups, rows / groups)`, rows in order
  /// \param beyond  `(rows / groups, halo->size())`: the columns of points of other ranks, if rows are distributed;
  ///                `times` is collective then
  SparseInnerProduct(SparseRows matrix, std::size_t groups, SparseRows beyond = {},
                     std::shared_ptr<const Halo> halo = nullptr);
  std::unique_ptr<ProductRows<T>> times(const RowSource<T>& x) const override;

 private:
  SparseRows matrix_;
  std::size_t groups_;
  SparseRows beyond_;
  std::shared_ptr<const Halo> halo_;
  std::vector<std::uint32_t> order_;  ///< of the points for `read_both`; empty: as they are
};

/// `y = M x` for one column; called from one thread.
using ApplyToColumn = std::function<void(std::span<const double> x, std::span<double> y)>;

/// `Y = M X`, column by column; X and Y may be the same. \param x, y  `(rows, k)`
template <class T>
void apply_to_columns(const ApplyToColumn& apply, MatrixView<const T> x, MatrixView<T> y);

/// M given by a function of a column of `rows / groups` numbers, the same for each group. `M X` is computed at once, in
/// memory.
template <class T>
class OperatorInnerProduct final : public InnerProduct<T> {
 public:
  OperatorInnerProduct(ApplyToColumn apply, std::size_t groups) : apply_(std::move(apply)), groups_(groups) {}
  std::unique_ptr<ProductRows<T>> times(const RowSource<T>& x) const override;

 private:
  ApplyToColumn apply_;
  std::size_t groups_;
};

}  // namespace fieldfold
