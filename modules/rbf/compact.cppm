/// Radial basis function interpolation with compactly supported kernels.
export module fieldfold.rbf.compact;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse_cholesky;
import fieldfold.points.neighbors;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.stencils;

export namespace fieldfold {

/// The interpolant of a compactly supported kernel: `RBFSystem` with a sparse matrix K. The polynomial comes from the
/// Schur complement `P^T K^-1 P`.
class CompactSystem {
 public:
  /// Whether a sparse system pays: many points, few of them within the support of the kernel, which is positive
  /// definite in the dimension.
  static bool suits(const PointCloud& cloud);

  /// \param cloud  its memory must outlive this object
  /// \throws NumericalError  the matrix is singular, or the monomials are linearly dependent on the points
  explicit CompactSystem(const PointCloud& cloud);

  struct Solution {
    xt::xarray<double> kernels;     ///< `(k, n)`
    xt::xarray<double> polynomial;  ///< `(k, m)`
    double relative_error;          ///< estimate of the rounding error, over the largest value
  };

  /// \param values  `(k, n)`, one right-hand side per row; NaN affects its own row only
  Solution solve(MatrixView<const double> values) const;

  /// The interpolants, or their derivatives along an axis.
  /// \param queries  `(q, dim)`  \param results  `(q, k)`
  void evaluate(MatrixView<const double> queries, const Solution& solution, std::optional<std::size_t> derivative_axis,
                MatrixView<double> results, std::size_t threads) const;

  /// The memory of the factorization.
  std::size_t bytes() const { return cholesky_->bytes(); }

 private:
  PointCloud cloud_;
  Monomials monomials_;
  NearestNeighbors search_;
  double norm_ = 0.0;
  std::optional<SparseCholesky> cholesky_;
  xt::xarray<double> solved_monomials_;          ///< `K^-1 P`, transposed: `(m, n)`
  std::optional<PositiveDefiniteSystem> schur_;  ///< `P^T K^-1 P`
};

}  // namespace fieldfold
