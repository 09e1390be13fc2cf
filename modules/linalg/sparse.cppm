module;

#include <cstddef>
#include <cstdint>
#include <vector>

/// Sparse matrices as rows.
export module fieldfold.linalg.sparse;

import fieldfold.base.arrays;

export namespace fieldfold {

/// A sparse matrix as compressed rows: the entries from `offsets[i]` to `offsets[i + 1]` are those of row `order[i]`. A
/// column that comes twice in a row counts twice. Rows that are near each other in space are best kept so, because the
/// values that they take are then in the cache.
struct SparseRows {
  std::size_t cols = 0;
  std::vector<std::uint64_t> offsets = {0};  ///< `(rows + 1,)`
  std::vector<std::uint32_t> columns = {};
  std::vector<double> weights = {};
  std::vector<std::uint32_t> order = {};  ///< `(rows,)`, each once; empty: as they are

  /// Rows of as many entries each, whose columns, weights and order are to be filled in.
  static SparseRows of_width(std::size_t rows, std::size_t cols, std::size_t width);

  std::size_t rows() const { return offsets.size() - 1; }
  std::size_t row(std::size_t place) const { return order.empty() ? place : order[place]; }

  /// `results = A values`, by several threads; the sums do not depend on how many.
  /// \param values   `(cols, k)`  \param results  `(rows, k)`
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads) const;

  /// `results = A^T values`. Sums of several threads are added in their order.
  /// \param values   `(rows, k)`  \param results  `(cols, k)`
  void multiply_transposed(MatrixView<const double> values, MatrixView<double> results, std::size_t threads) const;
};

}  // namespace fieldfold
