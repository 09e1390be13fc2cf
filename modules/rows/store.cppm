/// Storage for the rows of a tall matrix, in memory or on disk.
export module fieldfold.rows.store;

import fieldfold.base.arrays;
import fieldfold.base.io;
import fieldfold.base.standard;
import fieldfold.rows.source;

export namespace fieldfold {

/// A store for the rows of a tall matrix while it is computed.
template <class T>
class RowStore {
 public:
  RowStore() = default;
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;
  virtual ~RowStore();

  /// Allocates a `(rows, cols)` matrix; previous contents are lost.
  virtual void reserve(std::size_t rows, std::size_t cols) = 0;

  /// As `RowSource::read`; thread-safe as long as threads read and write different rows.
  virtual MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const = 0;

  /// Memory in which rows are computed before they are written: that of the store, or the buffer.
  virtual MatrixView<T> workspace(std::size_t first, std::size_t count, std::vector<T>& buffer) = 0;

  /// Stores rows from `first` on. Does nothing if they are already in memory of the store.
  virtual void write(std::size_t first, MatrixView<const T> rows) = 0;
};

/// Rows stored in an array.
template <class T>
class ArrayStore final : public RowStore<T> {
 public:
  void reserve(std::size_t rows, std::size_t cols) override;
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {array_.data() + first * array_.shape(1), count, array_.shape(1)};
  }
  MatrixView<T> workspace(std::size_t first, std::size_t count, std::vector<T>&) override {
    return {array_.data() + first * array_.shape(1), count, array_.shape(1)};
  }
  void write(std::size_t first, MatrixView<const T> rows) override {
    T* const place = array_.data() + first * array_.shape(1);
    if (rows.data != place) std::memcpy(place, rows.data, rows.rows * rows.cols * sizeof(T));
  }

  /// The matrix, `(rows, cols)`; 1-D and empty before `reserve`.
  xt::xarray<T>& array() { return array_; }

 private:
  xt::xarray<T> array_ = xt::xarray<T>::from_shape({0});
};

/// The rows of a store as a source.
template <class T>
class StoredRows final : public RowSource<T> {
 public:
  /// \param store  it must outlive this object
  StoredRows(const RowStore<T>& store, std::size_t rows, std::size_t cols) : store_(store), rows_(rows), cols_(cols) {}
  std::size_t rows() const override { return rows_; }
  std::size_t cols() const override { return cols_; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    return store_.read(first, count, buffer);
  }

 private:
  const RowStore<T>& store_;
  std::size_t rows_;
  std::size_t cols_;
};

/// Rows stored in memory if they are few, and in an unnamed file otherwise.
template <class T>
class ScratchStore final : public RowStore<T> {
 public:
  /// \param folder  of the file  \param in_memory  the most bytes kept in memory
  explicit ScratchStore(std::filesystem::path folder, std::size_t in_memory = std::size_t{1} << 26)
      : folder_(std::move(folder)), in_memory_(in_memory) {}

  /// \throws FileError  no file can be created in the folder
  void reserve(std::size_t rows, std::size_t cols) override;
  /// \throws FileError  reading failed
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  MatrixView<T> workspace(std::size_t first, std::size_t count, std::vector<T>& buffer) override;
  /// \throws FileError  the disk is full
  void write(std::size_t first, MatrixView<const T> rows) override;

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }

 private:
  std::filesystem::path folder_;
  std::size_t in_memory_;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  ArrayStore<T> array_;
  std::optional<RandomAccessFile> file_;  ///< used instead of the array
};

}  // namespace fieldfold
