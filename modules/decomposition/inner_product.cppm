module;

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

/// Inner products of columns of tall matrices.
export module fieldfold.decomposition.inner_product;

import fieldfold.base.arrays;
import fieldfold.linalg.sparse;
import fieldfold.rows.source;

export namespace fieldfold {

/// Rows of a matrix X, and the same of `M X`.
template <class T>
struct RowsAndProducts {
  MatrixView<const T> rows;
  MatrixView<const T> products;
};

/// The rows of `M X`, and those of X beside them.
template <class T>
class ProductRows : public RowSource<T> {
 public:
  /// What both are read into.
  struct Buffers {
    std::vector<T> rows;
    std::vector<T> products;
  };

  /// Both at once: what M X is made of is not read twice. \param buffers  of the thread
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

  /// The rows of `M X`. \param x  it must outlive what is returned
  virtual std::unique_ptr<ProductRows<T>> times(const RowSource<T>& x) const = 0;
};

/// M is sparse, and the same for each of `groups` interleaved sets of rows (every `groups`-th one). Rows of `M X` are
/// made when they are read, of the rows of X that they need: fast if these are near.
template <class T>
class SparseInnerProduct final : public InnerProduct<T> {
 public:
  /// \param matrix  `(rows / groups, rows / groups)`, rows in their order
  SparseInnerProduct(SparseRows matrix, std::size_t groups) : matrix_(std::move(matrix)), groups_(groups) {}
  std::unique_ptr<ProductRows<T>> times(const RowSource<T>& x) const override;

 private:
  SparseRows matrix_;
  std::size_t groups_;
};

/// `y = M x` of one column; it is called from one thread.
using ApplyToColumn = std::function<void(std::span<const double> x, std::span<double> y)>;

/// `Y = M X`, a column at a time; both may be the same. \param x, y  `(rows, k)`
template <class T>
void apply_to_columns(const ApplyToColumn& apply, MatrixView<const T> x, MatrixView<T> y);

/// M is what a function does to a column of `rows / groups` numbers, likewise. `M X` is made at once, in memory.
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
