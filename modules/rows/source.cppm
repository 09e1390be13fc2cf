/// Tall matrices read by blocks of rows.
export module fieldfold.rows.source;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// The rows of a matrix, read in blocks.
template <class T>
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource();

  virtual std::size_t rows() const = 0;
  virtual std::size_t cols() const = 0;

  /// The rows from `first` to `first + count`: memory of the source, or the buffer, which is then filled. Thread-safe,
  /// with one buffer per thread.
  virtual MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const = 0;

  /// The best number of rows to read at a time: enough for efficient BLAS, few enough to stay in the cache.
  virtual std::size_t block_rows() const;

  /// The columns from `first` to `first + count` as rows, `(count, rows())`, under the same conditions. The default
  /// reads all rows.
  virtual MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const;

  /// Whether `read_columns` reads no more than the columns.
  virtual bool reads_columns() const { return false; }

  /// Whether single rows are read as fast as blocks of them.
  virtual bool has_fast_rows() const { return false; }

  /// The best number of columns to read at a time.
  std::size_t block_columns() const;
};

/// Copies all rows, in order. \param matrix  `(m, n)`
template <class T, class U>
void copy_rows(const RowSource<T>& source, MatrixView<U> matrix) {
  std::vector<T> buffer;
  for (std::size_t first = 0; first < source.rows(); first += source.block_rows()) {
    const auto block = source.read(first, std::min(source.block_rows(), source.rows() - first), buffer);
    for (std::size_t i = 0; i < block.rows; ++i) std::ranges::copy(block.row(i), matrix.row(first + i).begin());
  }
}

/// The rows of a matrix in memory.
template <class T>
class MatrixRows final : public RowSource<T> {
 public:
  /// \param matrix  `(m, n)`; its memory must outlive this object
  explicit MatrixRows(MatrixView<const T> matrix) : matrix_(matrix) {}
  std::size_t rows() const override { return matrix_.rows; }
  std::size_t cols() const override { return matrix_.cols; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {matrix_.row(first).data(), count, matrix_.cols, matrix_.stride};
  }
  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool has_fast_rows() const override { return true; }
  bool reads_columns() const override { return true; }

 private:
  MatrixView<const T> matrix_;
};

/// The rows of the transpose of a matrix in memory: snapshots `(dof, samples)` stored as states, `(samples, dof)`.
template <class T>
class TransposedRows final : public RowSource<T> {
 public:
  /// \param matrix  `(n, m)`; its memory must outlive this object
  explicit TransposedRows(MatrixView<const T> matrix) : matrix_(matrix) {}
  std::size_t rows() const override { return matrix_.cols; }
  std::size_t cols() const override { return matrix_.rows; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {matrix_.row(first).data(), count, matrix_.cols, matrix_.stride};
  }
  bool has_fast_rows() const override { return true; }
  bool reads_columns() const override { return true; }

 private:
  MatrixView<const T> matrix_;
};

/// The rows of snapshots stored in one array per field. The fields of a point are adjacent.
template <class T>
class FieldRows final : public RowSource<T> {
 public:
  /// \param fields  one per field, rows `(samples, num_pts)`; their memory must outlive this object
  explicit FieldRows(std::vector<LoopRows<T>> fields) : fields_(std::move(fields)) {}
  std::size_t rows() const override { return fields_.front().matrix.cols * fields_.size(); }
  std::size_t cols() const override { return fields_.front().matrix.rows; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool has_fast_rows() const override { return true; }
  bool reads_columns() const override { return true; }

 private:
  std::vector<LoopRows<T>> fields_;
};

/// Selected columns of a source.
template <class T>
class SelectedColumns final : public RowSource<T> {
 public:
  /// \param source  it must outlive this object  \param columns  ascending
  SelectedColumns(const RowSource<T>& source, std::vector<std::size_t> columns)
      : source_(source), columns_(std::move(columns)) {}
  std::size_t rows() const override { return source_.rows(); }
  std::size_t cols() const override { return columns_.size(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool has_fast_rows() const override { return source_.has_fast_rows(); }
  bool reads_columns() const override { return source_.reads_columns(); }

 private:
  const RowSource<T>& source_;
  std::vector<std::size_t> columns_;
};

/// Consecutive rows of a source.
template <class T>
class RowRange final : public RowSource<T> {
 public:
  /// \param source  it must outlive this object
  RowRange(const RowSource<T>& source, std::size_t first, std::size_t count)
      : source_(source), first_(first), count_(count) {}
  std::size_t rows() const override { return count_; }
  std::size_t cols() const override { return source_.cols(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    return source_.read(first_ + first, count, buffer);
  }
  bool has_fast_rows() const override { return source_.has_fast_rows(); }

 private:
  const RowSource<T>& source_;
  std::size_t first_;
  std::size_t count_;
};

/// The number of rows with NaN or infinity, and of those without any finite number or with a smaller share of them than
/// `share`.
struct GappyRows {
  std::size_t gappy = 0;
  std::size_t empty = 0;
};
template <class T>
GappyRows gappy_rows(const RowSource<T>& source, double share = 0.0);

/// A source in another scalar.
template <class To, class From>
class ConvertedRows final : public RowSource<To> {
 public:
  /// \param source  it must outlive this object
  explicit ConvertedRows(const RowSource<From>& source) : source_(source) {}
  std::size_t rows() const override { return source_.rows(); }
  std::size_t cols() const override { return source_.cols(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const To> read(std::size_t first, std::size_t count, std::vector<To>& buffer) const override;

  MatrixView<const To> read_columns(std::size_t first, std::size_t count, std::vector<To>& buffer) const override;
  bool has_fast_rows() const override { return source_.has_fast_rows(); }
  bool reads_columns() const override { return source_.reads_columns(); }

 private:
  MatrixView<const To> converted(MatrixView<const From> given, std::vector<To>& buffer) const;

  const RowSource<From>& source_;
};

}  // namespace fieldfold
