/// Snapshots in .npy files, which may be larger than memory.
export module fieldfold.rows.npy;

import fieldfold.base.arrays;
import fieldfold.base.npy;
import fieldfold.base.standard;
import fieldfold.rows.source;

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

 private:
  NpyFile file_;
};

/// The rows of snapshots in one .npy file per field, each `(*loop_shape, num_pts)`. The fields of a point are adjacent.
template <class T>
class NpyFieldRows final : public RowSource<T> {
 public:
  /// \param files  names and files, in the order of the fields at a point
  /// \throws FileError        as `read_npy_header`
  /// \throws InvalidArgument  no files; a field without a point axis, or with a shape other than that of the first
  explicit NpyFieldRows(const std::vector<std::pair<std::string, std::filesystem::path>>& files);

  std::size_t rows() const override { return num_pts_ * fields_.size(); }
  std::size_t cols() const override { return samples_; }
  /// \throws FileError  reading failed
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  std::size_t block_rows() const override;

 private:
  std::vector<NpyFile> fields_;
  std::size_t num_pts_ = 0;
  std::size_t samples_ = 0;
  std::vector<std::size_t> fortran_order_;  ///< of the samples
};

}  // namespace fieldfold
