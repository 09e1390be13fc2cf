module;

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <vector>

/// Tall matrices as blocks of rows: where they are read from, where they are kept, and the threads that go through
/// them.
export module fieldfold.rows.source;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

export namespace fieldfold {

/// The rows of a matrix, a block at a time.
template <class T>
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource();

  virtual std::size_t rows() const = 0;
  virtual std::size_t cols() const = 0;

  /// The rows from `first` to `first + count`: memory of the source, or the buffer, which it fills then.
  /// Safe from many threads at once, each with a buffer of its own.
  virtual MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const = 0;

  /// How many rows are best read at a time: enough for BLAS to be at its best, few enough to stay in the cache.
  virtual std::size_t block_rows() const;
};

/// Copies all rows, in their order. \param matrix  `(m, n)`
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

 private:
  MatrixView<const T> matrix_;
};

/// The rows of the transpose of a matrix in memory: snapshots `(dof, samples)` that lie as states, `(samples, dof)`.
template <class T>
class TransposedRows final : public RowSource<T> {
 public:
  /// \param matrix  `(n, m)`; its memory must outlive this object
  explicit TransposedRows(MatrixView<const T> matrix) : matrix_(matrix) {}
  std::size_t rows() const override { return matrix_.cols; }
  std::size_t cols() const override { return matrix_.rows; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

 private:
  MatrixView<const T> matrix_;
};

/// Where a tall matrix is kept while it is made, in memory or elsewhere.
template <class T>
class RowStore {
 public:
  RowStore() = default;
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;
  virtual ~RowStore();

  /// Makes room for a `(rows, cols)` matrix; what was kept before is gone.
  virtual void reserve(std::size_t rows, std::size_t cols) = 0;

  /// As of `RowSource`, and safe from many threads as long as they read and write different rows.
  virtual MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const = 0;

  /// Memory to make rows in before they are written: that of the store, or the buffer.
  virtual MatrixView<T> space(std::size_t first, std::size_t count, std::vector<T>& buffer) = 0;

  /// Keeps these rows from `first` on. It does nothing where they are in memory of the store already.
  virtual void write(std::size_t first, MatrixView<const T> rows) = 0;
};

/// Rows kept in an array.
template <class T>
class ArrayStore final : public RowStore<T> {
 public:
  void reserve(std::size_t rows, std::size_t cols) override;
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {array_.data() + first * array_.shape(1), count, array_.shape(1)};
  }
  MatrixView<T> space(std::size_t first, std::size_t count, std::vector<T>&) override {
    return {array_.data() + first * array_.shape(1), count, array_.shape(1)};
  }
  void write(std::size_t first, MatrixView<const T> rows) override {
    T* const place = array_.data() + first * array_.shape(1);
    if (rows.data != place) std::memcpy(place, rows.data, rows.rows * rows.cols * sizeof(T));
  }

  /// The matrix, `(rows, cols)`; 1-D and empty where no room was asked for.
  xt::xarray<T>& array() { return array_; }

 private:
  xt::xarray<T> array_ = xt::xarray<T>::from_shape({0});
};

/// What is kept in a store, as rows to be read.
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

/// How a matrix is gone through.
struct Pass {
  std::size_t threads = 1;
  /// Blocks begin at multiples of this.
  std::size_t alignment = 1;
  /// Hears which share of the rows is done, in [0, 1], from one thread at a time; what it throws ends the pass.
  std::function<void(double share)> progress = {};
};

/// The number of threads to use: as many as are asked for, or as the machine has if that is 0; and no more than
/// `operations` are worth starting.
std::size_t threads_for(std::size_t asked, double operations);

/// Calls `work(part, first, count)` for blocks of `block_rows` of `rows` rows. Each part is a thread of its own and
/// goes in the order of rows, those of part 0 being the first. BLAS starts no threads meanwhile. What is thrown in a
/// thread is thrown here when all have ended.
void for_each_block(std::size_t rows, std::size_t block_rows, const Pass& pass,
                    const std::function<void(std::size_t part, std::size_t first, std::size_t count)>& work);

}  // namespace fieldfold
