module;

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

/// The inner product of fields on the points of a grid.
export module fieldfold.fields.mass_matrix;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.inner_product;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// A symmetric positive definite matrix M `(num_pts, num_pts)`: two fields x and y on the same points have the inner
/// product `x^T M y`. In finite elements M holds the integrals of products of shape functions, so that inner products
/// are integrals over the domain. Copies are cheap.
class MassMatrix {
 public:
  /// `y = M x`, of as many numbers as there are points.
  using Apply = ApplyToColumn;

  /// A sparse matrix from triplets; those of the same place add up.
  /// \param rows, columns  `(entries,)`: whole numbers below num_pts; both triangles
  /// \param values         `(entries,)`
  /// \throws InvalidArgument  arrays of different lengths; an index out of its range; an entry that is not finite; a
  ///                          matrix that is not symmetric to 1e-10, or not positive definite: as far as entries tell,
  ///                          and with CHOLMOD, up to 20 000 points, for certain
  MassMatrix(std::size_t num_pts, const ArrayRef<double>& rows, const ArrayRef<double>& columns,
             const ArrayRef<double>& values);

  /// The same, of as many points as the largest index says.
  MassMatrix(const ArrayRef<double>& rows, const ArrayRef<double>& columns, const ArrayRef<double>& values);

  /// The same from compressed rows. \throws InvalidArgument  as above
  explicit MassMatrix(SparseRows rows);

  /// What a function does, which is taken to be symmetric and positive definite. Learning calls it from one thread at a
  /// time; `assess`, and `compress` where holes are filled, from the threads that call them. It is not saved with a
  /// compressor.
  MassMatrix(std::size_t num_pts, Apply apply);

  std::size_t num_pts() const { return num_pts_; }

  /// The entries, or null where M is a function.
  const SparseRows* sparse() const { return rows_.get(); }

  /// `results = M values`. \param values  `(num_pts, k)`  \param results  `(num_pts, k)`
  /// \param threads  to use for a sparse matrix; 0: as many as the machine has
  void multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads = 1) const;

  /// The sums of the rows, `(num_pts,)`: of finite elements the integrals of the shape functions.
  xt::xarray<double> row_sums() const;

  /// The roots of the diagonal, by which rows and columns are divided before anything is decomposed: what remains of a
  /// mass matrix is well-conditioned, however different the cells are (Wathen 1987, doi:10.1093/imanum/7.4.449). Ones
  /// where M is a function.
  std::vector<double> scales() const;

  /// The inner product of columns whose numbers are multiplied by `scales`, each `groups` of them at a point.
  template <class T>
  std::unique_ptr<InnerProduct<T>> scaled_inner_product(std::size_t groups) const;

 private:
  void validate() const;

  std::size_t num_pts_;
  std::shared_ptr<const SparseRows> rows_;  ///< shared by copies; null where M is a function
  Apply apply_;
};

}  // namespace fieldfold
