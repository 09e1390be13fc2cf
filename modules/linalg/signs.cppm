/// A sign convention for the columns of a basis.
export module fieldfold.linalg.signs;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// The signs that make the entry of largest magnitude in each column positive. Among entries that agree to half of the
/// digits the first one decides, so that the signs do not depend on rounding, the algorithm, or the number of threads
/// or ranks.
template <class T>
class ColumnSigns {
 public:
  explicit ColumnSigns(std::size_t cols) : records_(cols) {}

  /// Adds the next rows.
  void add(MatrixView<const T> rows);

  /// Appends the records of the rows that follow.
  void append(const ColumnSigns& next);

  /// 1 or -1 for each column. \param partition  the ranks that have added rows, in order
  std::vector<T> signs(const RowPartition& partition = {}) const;

 private:
  struct Record {
    T entry;
    std::size_t row;
  };
  void take(std::size_t column, Record record);

  std::size_t rows_ = 0;
  /// For each column, the successive entries of largest magnitude so far that tie with the last one.
  std::vector<std::vector<Record>> records_;
};

/// Multiplies each column of a matrix by its factor.
template <class T>
void scale_columns(MatrixView<T> matrix, const std::vector<T>& factors);

/// Fixes the arbitrary signs of a decomposition: those of the columns of u by `ColumnSigns`, those of v accordingly.
template <class T>
void fix_signs(xt::xarray<T>& u, xt::xarray<T>& v);

}  // namespace fieldfold
