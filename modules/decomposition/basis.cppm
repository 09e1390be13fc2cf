/// The basis of a decomposition, computed by blocks of rows.
export module fieldfold.decomposition.basis;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.decomposition.gram_sketch;
import fieldfold.decomposition.inner_product;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// The data of a basis U of columns A. It references memory of the caller.
template <class T>
struct BasisProblem {
  const RowSource<T>& source;                      ///< the rows of A, `(m, n)`
  const ProductRows<T>* weighted = nullptr;        ///< the rows of M A, for inner products `x^T M y`
  const InnerProduct<T>* inner_product = nullptr;  ///< M; null if it is the identity
  std::span<const std::uint8_t> masked_rows = {};  ///< `(m,)`, 1 for rows that are zero; empty: none
};

/// The Gram matrix (lower triangle, in the inner product) and the signs of a basis, computed while it is written.
template <class T>
struct BasisPass {
  xt::xarray<double> gram;  ///< `(rank, rank)`
  std::vector<T> signs;     ///< of `ColumnSigns`
};

/// Writes a basis to a store, and modifies it there.
template <class T>
class BasisWriter {
 public:
  BasisWriter(const BasisProblem<T>& problem, RowStore<T>& store) : problem_(problem), store_(store) {}

  /// Writes `U = B weights` for a factorization `A = B R`, with random columns in place of missing modes.
  /// \param weights     `(width, modes)`  \param rank  at least the number of modes
  /// \param projection  receives `U^T M B`, `(rank, width)`; null: not computed
  BasisPass<T> write(const Factorization& factorization, const xt::xarray<double>& weights, std::size_t rank,
                     xt::xarray<double>* projection, const Pass& pass) const;

  /// `U <- U rotation`. \param rotation  `(rank, rank)`
  BasisPass<T> rotate(const xt::xarray<double>& rotation, const Pass& pass) const;

  /// Multiplies each column of U by its factor. \param factors  `(rank,)`
  void scale(const std::vector<T>& factors, const Pass& pass) const;

 private:
  using MakeRows = std::function<void(std::size_t part, std::size_t first, MatrixView<T> rows)>;
  BasisPass<T> write_rows(std::size_t rank, const Pass& pass, const MakeRows& make_rows) const;
  bool is_masked(std::size_t row) const { return !problem_.masked_rows.empty() && problem_.masked_rows[row] != 0; }

  BasisProblem<T> problem_;
  RowStore<T>& store_;
};

/// Whether a Gram matrix (lower triangle) is the identity to rounding in T.
template <class T>
bool is_orthonormal(const xt::xarray<double>& gram);

}  // namespace fieldfold
