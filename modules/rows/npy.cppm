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
  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool reads_columns() const override { return true; }

 private:
  NpyFile file_;
};

/// A field in a file, `(*loop_shape, *grid_shape)`, or a vector field, `(*loop_shape, *grid_shape, components)`.
struct NpyField {
  std::string name;
  std::filesystem::path path;
  std::size_t components = 1;  ///< above 1: those of a vector field
};

/// The rows of snapshots in one .npy file per field. The fields of a point are adjacent; each component of a vector
/// field is a field.
template <class T>
class NpyFieldRows final : public RowSource<T> {
 public:
  /// \param files      in the order of the fields at a point  \param grid_axes  number of axes of the grid
  /// \throws FileError        as `read_npy_header`
  /// \throws InvalidArgument  no files; a field without the axes of the grid, with another number of components, or
  /// with
  ///                          a shape other than that of the first
  explicit NpyFieldRows(const std::vector<NpyField>& files, std::size_t grid_axes = 1);

  std::size_t rows() const override { return size_of(grid_shape_) * num_qoi_; }
  std::size_t cols() const override { return size_of(loop_shape_); }
  const Shape& grid_shape() const { return grid_shape_; }
  const Shape& loop_shape() const { return loop_shape_; }
  /// \throws FileError  reading failed
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  std::size_t block_rows() const override;
  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool reads_columns() const override;

 private:
  struct Field {
    NpyFile file;
    std::size_t components;
  };
  /// Reads points from `first` on. \param parts  one per component, `(points, samples)`
  void read_field(const Field& field, std::size_t first, std::span<const MatrixView<T>> parts) const;

  std::vector<Field> fields_;
  std::size_t num_qoi_ = 0;
  Shape loop_shape_;
  Shape grid_shape_;
  std::vector<std::size_t> sample_order_;  ///< the samples in the order of files in Fortran order
  std::vector<std::size_t> point_places_;  ///< the place of each point in these files; empty: in order
};

}  // namespace fieldfold
