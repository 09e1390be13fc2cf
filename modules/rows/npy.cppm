module;

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Tall matrices on disk: snapshots in .npy files that may be larger than memory, and a store for a basis.
export module fieldfold.rows.npy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.base.npy;
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

/// The rows of snapshots in one .npy file a field, each `(*loop_shape, num_pts)`: all fields of a point lie together.
template <class T>
class NpyFieldRows final : public RowSource<T> {
 public:
  /// \param files  names and files, in the order in which the fields lie at a point
  /// \throws FileError        as `read_npy_header`
  /// \throws InvalidArgument  no files; a field without an axis for its points, or with another shape than the first
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

/// Keeps rows in memory if they are few, and otherwise in a file without a name.
template <class T>
class ScratchStore final : public RowStore<T> {
 public:
  /// \param folder  where the file is made  \param in_memory  bytes that stay in memory
  explicit ScratchStore(std::filesystem::path folder, std::size_t in_memory = std::size_t{1} << 26)
      : folder_(std::move(folder)), in_memory_(in_memory) {}

  /// \throws FileError  there can be no file in the folder
  void reserve(std::size_t rows, std::size_t cols) override;
  /// \throws FileError  reading failed
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  MatrixView<T> space(std::size_t first, std::size_t count, std::vector<T>& buffer) override;
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
  std::optional<RandomAccessFile> file_;  ///< instead of the array
};

}  // namespace fieldfold
