/// Snapshots in .npy files, which may be larger than memory.
export module fieldfold.rows.npy;

import fieldfold.base.arrays;
import fieldfold.base.npy;
import fieldfold.base.standard;
import fieldfold.rows.source;
import fieldfold.rows.stored;

export namespace fieldfold {

/// The rows of a matrix in an .npy file, `(dof, num_samples)` in C or Fortran order, float32 or float64.
template <class T>
class NpyRows final : public RowSource<T> {
 public:
  /// \throws FileError        as `read_npy_header`
  /// \throws InvalidArgument  the array is not 2-D
  explicit NpyRows(const std::filesystem::path& path);

  std::size_t rows() const override { return file_.header().shape[0]; }
  std::size_t cols() const override { return file_.header().shape[1]; }
  /// \throws FileError  reading failed
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  std::size_t block_rows() const override;
  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool reads_columns() const override { return true; }

 private:
  NpyFile file_;
};

/// An array in an .npy file.
class NpyArray final : public SequentialArray {
 public:
  /// \throws FileError  as `read_npy_header`
  explicit NpyArray(const std::filesystem::path& path) : NpyArray(NpyFile(path)) {}
  void read(const ArrayPart& part, double* numbers) const override;
  void read_transposed(const ArrayPart& part, MatrixView<double> numbers) const override;
  void read_numbers(std::size_t first, std::size_t count, double* numbers) const override;
  bool is_fortran_order() const override { return file_.header().fortran_order; }

 private:
  explicit NpyArray(NpyFile file) : SequentialArray(file.header().shape), file_(std::move(file)) {}

  NpyFile file_;
};

}  // namespace fieldfold
