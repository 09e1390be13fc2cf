/// Sparse matrices in compressed row storage.
export module fieldfold.linalg.sparse;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// A sparse matrix in compressed row storage: the entries from `offsets[i]` to `offsets[i + 1]` are those of row
/// `order[i]`. Repeated columns in a row add up. Rows of neighboring points are best stored consecutively, so that
/// their values are in the cache.
struct SparseRows {
  std::size_t cols = 0;
  std::vector<std::uint64_t> offsets = {0};  ///< `(rows + 1,)`
  std::vector<std::uint32_t> columns = {};
  std::vector<double> weights = {};
  std::vector<std::uint32_t> order = {};  ///< `(rows,)`, a permutation; empty: the identity

  /// A matrix with `width` entries per row; columns, weights and order are to be filled in.
  static SparseRows of_width(std::size_t rows, std::size_t cols, std::size_t width);

  std::size_t rows() const { return offsets.size() - 1; }
  std::size_t row(std::size_t place) const { return order.empty() ? place : order[place]; }

  /// `results = A values`, by several threads; the sums do not depend on their number.
  /// \param values   `(cols, k)`  \param results  `(rows, k)`
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads) const;

  /// `results = A^T values`. The partial sums of the threads are added in order.
  /// \param values   `(rows, k)`  \param results  `(cols, k)`
  void multiply_transposed(MatrixView<const double> values, MatrixView<double> results, std::size_t threads) const;
};

/// The reverse Cuthill-McKee order of a symmetric sparsity pattern, in which the entries of a row are near each other
/// (Cuthill and McKee 1969, doi:10.1145/800195.805928; George and Liu 1979, doi:10.1145/355841.355845, for the first
/// row).
/// \param matrix  square, rows in order  \returns  `(rows,)`: a permutation of the rows
std::vector<std::uint32_t> reverse_cuthill_mckee(const SparseRows& matrix);

}  // namespace fieldfold
