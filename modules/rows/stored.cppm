/// Snapshots in arrays that are stored elsewhere, which may be larger than memory.
export module fieldfold.rows.stored;

import fieldfold.base.arrays;
import fieldfold.base.io;
import fieldfold.base.standard;
import fieldfold.rows.source;

export namespace fieldfold {

/// The number of rows to read at a time where the numbers of a block are scattered over a file, so that its pieces are
/// long. \param cols  numbers in a row
std::size_t scattered_rows(std::size_t cols);

/// Receives the share of an array or a series of files that has been read or written, in the phases `reading` and
/// `writing`, from one thread at a time; an exception aborts it.
using FileProgress = std::function<void(std::string_view phase, double share)>;

/// Sets the receiver of the whole program, and returns the previous one; empty: none.
FileProgress set_file_progress(FileProgress progress);

/// Tells it that `done` of `all` parts are done.
void note_file_progress(std::string_view phase, std::size_t done, std::size_t all);

/// Checks that the number of entries of a shape in a file can be represented. \param name  of the array in messages
/// \throws FileError  it cannot
void expect_countable(const Shape& shape, std::string_view name);

/// A part of an array `(*loop_shape, *inner_shape)`, seen as a matrix: its rows are the indices of the loop shape, its
/// columns those of the inner shape, both in C order.
struct ArrayPart {
  std::size_t loop_axes = 1;
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first_col = 0;
  std::size_t cols = 0;
};

/// An array that is read in parts, by several threads at once.
class StoredArray {
 public:
  explicit StoredArray(Shape shape) : shape_(std::move(shape)) {}
  StoredArray(const StoredArray&) = delete;
  StoredArray& operator=(const StoredArray&) = delete;
  virtual ~StoredArray();

  const Shape& shape() const { return shape_; }

  /// Reads a part. \param numbers  `(rows, cols)`  \throws FileError  reading failed
  virtual void read(const ArrayPart& part, double* numbers) const = 0;

  /// The same, transposed. \param numbers  `(cols, rows)`
  virtual void read_transposed(const ArrayPart& part, MatrixView<double> numbers) const;

  /// Whether the first axis varies fastest in the file, so that columns are read faster than rows.
  virtual bool is_fortran_order() const { return false; }

 private:
  Shape shape_;
};

/// An array whose numbers are stored in C order, one after the other.
class SequentialArray : public StoredArray {
 public:
  using StoredArray::StoredArray;
  void read(const ArrayPart& part, double* numbers) const override;

  /// Reads `count` numbers from `first` on, in C order.
  virtual void read_numbers(std::size_t first, std::size_t count, double* numbers) const = 0;
};

/// An array that is read by boxes of indices.
class BoxedArray : public StoredArray {
 public:
  using StoredArray::StoredArray;
  void read(const ArrayPart& part, double* numbers) const override;

  /// Reads the indices from `first` to `first + count` of every axis. \param numbers  in C order
  virtual void read_box(const Shape& first, const Shape& count, double* numbers) const = 0;
};

/// An array in memory.
class MemoryArray final : public SequentialArray {
 public:
  explicit MemoryArray(xt::xarray<double> array);
  void read_numbers(std::size_t first, std::size_t count, double* numbers) const override;

 private:
  xt::xarray<double> array_;
};

/// An array that is written from its first number to its last, and then read: in memory if it is small, and else in an
/// unnamed file in the folder for temporary files (TMPDIR).
class ScratchArray final : public SequentialArray {
 public:
  /// \throws FileError  no file can be created
  explicit ScratchArray(Shape shape);

  /// Writes numbers behind those written before. \throws FileError  the disk is full
  void append(std::span<const double> numbers);
  void read_numbers(std::size_t first, std::size_t count, double* numbers) const override;

 private:
  std::vector<double> memory_;
  std::optional<RandomAccessFile> file_;  ///< used instead of the memory
  std::size_t written_ = 0;
};

/// A copy of an array, read row by row of its first axis, for arrays whose parts are slow to read.
/// \throws FileError  reading failed; as `ScratchArray`
std::shared_ptr<const ScratchArray> scratch_copy(const StoredArray& array);

/// All numbers of an array. \throws FileError  reading failed; the array does not fit the memory that is available
xt::xarray<double> load_array(const StoredArray& array);

/// The rows of a stored matrix, `(dof, num_samples)`.
class StoredMatrixRows final : public RowSource<double> {
 public:
  /// \param name  of the array in messages  \throws InvalidArgument  the array is not 2-D
  StoredMatrixRows(std::shared_ptr<const StoredArray> array, std::string_view name);
  std::size_t rows() const override { return array_->shape()[0]; }
  std::size_t cols() const override { return array_->shape()[1]; }
  MatrixView<const double> read(std::size_t first, std::size_t count, std::vector<double>& buffer) const override;
  std::size_t block_rows() const override;
  MatrixView<const double> read_columns(std::size_t first, std::size_t count,
                                        std::vector<double>& buffer) const override;
  bool reads_columns() const override { return true; }

 private:
  std::shared_ptr<const StoredArray> array_;
};

/// A stored field, `(*loop_shape, *grid_shape)`, or a vector field, `(*loop_shape, *grid_shape, components)`.
struct StoredField {
  std::string name;
  std::shared_ptr<const StoredArray> array;
  std::size_t components = 1;  ///< above 1: those of a vector field
};

/// The rows of snapshots in one stored array per field. The fields of a point are adjacent; each component of a vector
/// field is a field.
class StoredFieldRows final : public RowSource<double> {
 public:
  /// \param fields     in the order of the fields at a point  \param grid_axes  number of axes of the grid
  /// \throws InvalidArgument  no fields; a field without the axes of the grid, with another number of components, or
  ///                          with a shape other than that of the first
  explicit StoredFieldRows(std::vector<StoredField> fields, std::size_t grid_axes = 1);

  std::size_t rows() const override { return size_of(grid_shape_) * num_qoi_; }
  std::size_t cols() const override { return size_of(loop_shape_); }
  const Shape& grid_shape() const { return grid_shape_; }
  const Shape& loop_shape() const { return loop_shape_; }
  /// \throws FileError  reading failed
  MatrixView<const double> read(std::size_t first, std::size_t count, std::vector<double>& buffer) const override;
  std::size_t block_rows() const override;
  MatrixView<const double> read_columns(std::size_t first, std::size_t count,
                                        std::vector<double>& buffer) const override;
  bool reads_columns() const override;

 private:
  std::vector<StoredField> fields_;
  std::size_t num_qoi_ = 0;
  Shape loop_shape_;
  Shape grid_shape_;
};

}  // namespace fieldfold
