/// The linear system of a radial basis function interpolant.
export module fieldfold.rbf.system;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.linalg.dense;
import fieldfold.points.affine;
import fieldfold.rbf.kernel;
import fieldfold.rbf.polynomial;

export namespace fieldfold {

/// The parameters of an interpolant.
struct RBFModel {
  Kernel kernel;
  double epsilon;                            ///< multiplies coordinates; inverse of their unit
  int degree;                                ///< of the polynomial; -1: none
  std::vector<bool> redundant_squares = {};  ///< as in `Monomials`
};

/// The affine subspace that contains points. The polynomial of an interpolant lives in it, and queries are projected to
/// it; the circles of periodic axes are kept.
/// \param partition  of the points of this rank, if they are distributed among ranks; collective then
AffineSpan span_of(MatrixView<const double> points, const RBFModel& model, const RowPartition& partition = {});

/// The model in the coordinates of such a subspace.
RBFModel restricted(RBFModel model, const AffineSpan& span);

/// The model with the highest degree, up to its own, that the points determine.
RBFModel determined(RBFModel model, MatrixView<const double> points);

/// The basis functions of an interpolant: kernels, then monomials.
struct RBFBasis {
  RBFModel model;
  MatrixView<const double> axes;  ///< `(dim, n)`: the points of the kernels, coordinates axis by axis
  const Monomials& monomials;
  const AffineSpan* span = nullptr;  ///< the subspace of these coordinates; null: the whole space

  std::size_t size() const { return axes.cols + monomials.size(); }

  /// Values at a point of the space, or derivatives along an axis of a differentiable kernel.
  /// \param values  `(size(),)`
  void evaluate(std::span<const double> point, std::optional<std::size_t> derivative_axis,
                std::span<double> values) const;

  /// Linear combinations of the basis functions.
  /// \param queries       `(q, dim)`  \param coefficients  `(k, size())`  \param results  `(q, k)`
  /// \throws NumericalError  the kernel overflows at a query
  void sum(MatrixView<const double> queries, MatrixView<const double> coefficients,
           std::optional<std::size_t> derivative_axis, MatrixView<double> results) const;

 private:
  void evaluate_in_span(std::span<const double> point, std::optional<std::size_t> derivative_axis,
                        std::span<double> values) const;
};

/// The interpolant on one set of points, factorized: coefficients a of the kernels and b of the monomials solve
///
///     [ K + diag(smoothing)   P ] [ a ]   [ values ]
///     [ P^T                   0 ] [ b ] = [   0    ]
///
/// with `K_ij = kernel(epsilon |x_i - x_j|)` and P the monomials at the points. K is positive definite on the null
/// space of P^T, spanned by `[-W  I]^T` with the multipliers of `PolynomialPivots`, and Cholesky solves the system (the
/// null-space method: Benzi, Golub and Liesen 2005, doi:10.1017/S0962492904000212). Where definiteness is lost to
/// rounding or too low a degree, LU of the whole matrix solves it.
class RBFSystem {
 public:
  /// \param points     `(n, dim)`, finite, n at least the number of monomials
  /// \param smoothing  `(n,)`, in the unit of the kernel's values
  /// \throws NumericalError  the matrix is singular, the monomials are linearly dependent on the points (say, x^2 and
  ///                         y^2 on a circle), or the kernel overflows
  RBFSystem(MatrixView<const double> points, std::span<const double> smoothing, const RBFModel& model);

  /// The coefficients of columns of values, and an estimate of the rounding error.
  struct Solution {
    xt::xarray<double> coefficients;  ///< `(k, n + monomials)`, those of the kernels in the order of `axes`
    double relative_error;            ///< estimate of the rounding error, over the largest value, for the worst column
  };

  /// \param values  `(k, n)`, one right-hand side per row; NaN affects its own row only
  Solution solve(MatrixView<const double> values) const;

  /// The cardinal weights of the interpolant at queries, or of its derivative along an axis: one solution per query,
  /// whatever the number of columns of values.
  /// \param queries  `(q, dim)`
  /// \param weights  `(q, n)`
  /// \throws NumericalError  the kernel overflows at a query
  void weights(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
               MatrixView<double> weights) const;

  /// The interpolants at queries, or their derivatives along an axis for a differentiable kernel.
  /// \param queries  `(q, dim)`
  /// \param results  `(q, k)`
  /// \throws NumericalError  the kernel overflows at a query
  void evaluate(MatrixView<const double> queries, const Solution& solution, std::optional<std::size_t> derivative_axis,
                MatrixView<double> results, std::size_t threads) const;

  /// Leave-one-out residuals: the coefficients over the diagonal of the inverse of the matrix.
  /// \returns  `(k, n)`, in the order of the points
  xt::xarray<double> leave_one_out_errors(const Solution& solution) const;

  /// The coordinates in `span()` axis by axis, `(rank, n)`, in the order of the coefficients of the kernels.
  const xt::xarray<double>& axes() const { return axes_; }

  const Monomials& monomials() const { return monomials_; }

  /// The affine subspace of the points, in whose coordinates the axes are.
  const AffineSpan& span() const { return span_; }

  /// An estimate of the reciprocal condition of the factorized matrix, in the 1-norm.
  double reciprocal_condition() const;

 private:
  /// The lower triangle of K, scaled, row by row in the order of the pivots.
  /// \param take  called with i and entries 0 to i of row i
  template <class Take>
  void for_each_row(std::span<const double> smoothing, const Take& take);

  PositiveDefiniteSystem eliminated(std::span<const double> smoothing);
  SymmetricSystem whole(std::span<const double> smoothing);

  RBFBasis basis() const { return {model_, as_matrix(axes_), monomials_, &span_}; }

  /// Solves the system in place for right-hand sides `(k, n + m)`, in the order of the pivots.
  void solve_rows(MatrixView<double> rows) const;

  AffineSpan span_;
  RBFModel model_;
  Monomials monomials_;
  PolynomialPivots pivots_;
  xt::xarray<double> axes_;    ///< `(rank of the span, n)`: coordinates axis by axis, in the order of the pivots
  double kernel_scale_ = 1.0;  ///< scales the kernel to the magnitude of the monomials, whatever the unit of length
  double norm_ = 0.0;          ///< of the whole matrix, in the 1-norm
  xt::xarray<double> pivot_block_;    ///< K_11
  xt::xarray<double> pivot_columns_;  ///< `K_21 - W K_11 / 2`
  std::optional<PositiveDefiniteSystem> eliminated_;
  std::optional<SymmetricSystem> whole_;
};

}  // namespace fieldfold
