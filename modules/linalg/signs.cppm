module;

#include <cstddef>
#include <vector>

/// The signs of a basis, which a decomposition leaves open.
export module fieldfold.linalg.signs;

import fieldfold.base.arrays;

export namespace fieldfold {

/// The signs that make the entry largest in magnitude of each column positive. Of entries that tie to half of the
/// digits the first counts, so that rounding decides nothing, nor the algorithm or the number of threads.
template <class T>
class ColumnSigns {
 public:
  explicit ColumnSigns(std::size_t cols) : records_(cols) {}

  /// Looks at the rows that come next.
  void add(MatrixView<const T> rows);

  /// Takes over what another one has seen of the rows that come next.
  void append(const ColumnSigns& next);

  /// 1 or -1 for each column.
  std::vector<T> signs() const;

 private:
  void take(std::size_t column, T entry);

  /// Of each column the entries that were larger in magnitude than all before, those that tie with the last.
  std::vector<std::vector<T>> records_;
};

/// Multiplies each column of a matrix.
template <class T>
void scale_columns(MatrixView<T> matrix, const std::vector<T>& factors);

/// Fixes the signs that a decomposition leaves open: those of the columns of u by `ColumnSigns`, and the columns of v
/// are turned along.
template <class T>
void fix_signs(xt::xarray<T>& u, xt::xarray<T>& v);

}  // namespace fieldfold
