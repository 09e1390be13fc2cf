/// Dense linear algebra on row-major matrices.
///
/// To LAPACK a row-major matrix is its transpose. Each routine is called for the transposed problem, so no input is
/// transposed.
export module fieldfold.linalg.dense;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// `c = a b` with a `(m, k)`, b `(k, n)`, c `(m, n)`.
template <class T>
void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// `c = a b^T` with a `(m, k)`, b `(n, k)`, c `(m, n)`.
template <class T>
void multiply_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// `c += a b` with a `(m, k)`, b `(k, n)`, c `(m, n)`.
template <class T>
void add_product(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// `c += a^T b` with a `(m, k)`, b `(m, n)`, c `(k, n)`.
template <class T>
void add_product_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// `c -= a b^T` with a `(m, k)`, b `(n, k)`, c `(m, n)`.
template <class T>
void subtract_product_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// Replaces each row x of a matrix `(m, n)` by the solution y of `y R = x`, backward stable.
/// \param triangle  R `(n, n)`, upper triangular, with a nonzero diagonal
template <class T>
void divide_by_triangle(MatrixView<T> rows, MatrixView<const T> triangle);

/// The squared Frobenius norm, accumulated in double precision.
template <class T>
double sum_of_squares(MatrixView<const T> rows);

/// `b = a^T`. \param b  `(n, m)` for a `(m, n)`
template <class T>
void transpose_into(MatrixView<const T> a, MatrixView<T> b);

/// Adds `a^T a` of a matrix `(m, n)` to the lower triangle of `sum`, `(n, n)`, in double precision for any T.
template <class T>
void add_gram(MatrixView<const T> a, MatrixView<double> sum);

/// Adds `a^T b`, which must be symmetric, to the lower triangle of `sum`, `(n, n)`, in double precision for any T.
/// \param a, b  `(m, n)`
template <class T>
void add_symmetric_product(MatrixView<const T> a, MatrixView<const T> b, MatrixView<double> sum);

/// Copies the lower triangle of a square matrix to the upper one.
template <class T>
void fill_upper(MatrixView<T> matrix);

/// Eigenvalues, ascending, and orthonormal eigenvectors (one per column) of a symmetric matrix.
struct SymmetricEigen {
  xt::xarray<double> values;   ///< `(n,)`
  xt::xarray<double> vectors;  ///< `(n, n)`
};

/// \param matrix  `(n, n)`, both triangles filled; its memory is reused for the vectors
/// \throws NumericalError  the iteration did not converge
SymmetricEigen symmetric_eigen(xt::xarray<double>&& matrix);

/// The inverse of the upper Cholesky factor R, `R^T R = matrix`, of an `(n, n)` matrix with its lower triangle filled.
/// \throws NumericalError  the matrix is not positive definite
xt::xarray<double> inverse_cholesky(xt::xarray<double>&& matrix);

/// The factor R of a QR factorization, updated by blocks of rows.
template <class T>
class RFactor {
 public:
  /// \param n  number of columns
  explicit RFactor(std::size_t n);

  /// Replaces R by that of `[R; rows]`. \param rows  `(count, n)`, finite; used as workspace
  void add(MatrixView<T> rows);

  /// An entry of R; 0 below the diagonal.
  T operator()(std::size_t i, std::size_t j) const { return triangle_(i, j); }

 private:
  xt::xarray<T> triangle_;
};

/// The factor R of a QR factorization with column pivoting (Businger and Golub 1965, doi:10.1007/BF01436084).
struct PivotedRFactor {
  xt::xarray<double> r;  ///< `(n, n)`, upper triangular; column k belongs to column `pivots[k]` of the matrix
  std::vector<std::size_t> pivots;  ///< each column has the largest residual with respect to those before it
};

/// \param matrix  `(m, n)`; used as workspace
PivotedRFactor pivoted_r_factor(xt::xarray<double>&& matrix);

/// The rows of a matrix `(m, n)` in the pivoting order of a QR factorization of its transpose: each has the largest
/// residual with respect to those before it. \param matrix  used as workspace  \returns  min(m, n) rows
std::vector<std::size_t> pivot_rows(xt::xarray<double>&& matrix);

/// `a b`, and `a^T b`, of small matrices.
xt::xarray<double> product(const xt::xarray<double>& a, const xt::xarray<double>& b);
xt::xarray<double> transposed_product(const xt::xarray<double>& a, const xt::xarray<double>& b);

/// The sum of matrices of the same shape, in double precision: adds up the partial sums of threads.
template <class T>
xt::xarray<double> sum_of(const std::vector<xt::xarray<T>>& matrices);

/// The sums over all ranks.
template <class T>
xt::xarray<double> sum_of(const std::vector<xt::xarray<T>>& matrices, const RowPartition& partition);

/// The entries of a matrix, for reductions.
std::span<double> entries_of(xt::xarray<double>& matrix);

/// The identity matrix `(n, n)`.
xt::xarray<double> identity(std::size_t n);

/// `sum += term`, of the same shape.
void add_to(xt::xarray<double>& sum, const xt::xarray<double>& term);

/// An array times a factor.
xt::xarray<double> scaled(xt::xarray<double> array, double factor);

/// The power of two near the reciprocal of a largest magnitude: an exact factor that keeps squares from overflow and
/// underflow. 1 for 0 and for NaN. \param largest  at least 0, also infinity
double power_of_two_scale(double largest);

/// Selected rows or columns of a matrix.
xt::xarray<double> rows_of(const xt::xarray<double>& matrix, const std::vector<std::size_t>& rows);
xt::xarray<double> columns_of(const xt::xarray<double>& matrix, const std::vector<std::size_t>& columns);

/// The columns `first` to `first + count` of a matrix.
xt::xarray<double> column_range(const xt::xarray<double>& matrix, std::size_t first, std::size_t count);

/// The matrix with each column multiplied by its factor. \param factors  one per column
xt::xarray<double> scaled_columns(xt::xarray<double> matrix, const xt::xarray<double>& factors);

/// The thin singular value decomposition `a = u diag(s) v^T` with `k = min(m, n)`.
template <class T>
struct ThinSVD {
  xt::xarray<T> u;  ///< `(m, k)`, orthonormal columns
  xt::xarray<T> s;  ///< `(k,)`, descending, nonnegative
  xt::xarray<T> v;  ///< `(n, k)`, orthonormal columns
};

/// Decomposes a matrix `(m, n)`. Its memory is reused for u; LAPACK's workspace is of the same size. Signs are fixed.
///
/// The algorithm is LAPACK's gesvd: a QR (or LQ) factorization first if one dimension is much larger, then
/// bidiagonalization and implicit QR iteration (Golub and Reinsch 1970, doi:10.1007/BF02163027). Singular values have
/// an error of a few units of roundoff of the largest.
/// \throws InvalidArgument  the matrix has no rows or no columns, or more entries than LAPACK's 32-bit integers can
///                          index
/// \throws NumericalError   the iteration did not converge, or the squares of the entries overflow
template <class T>
ThinSVD<T> thin_svd(xt::xarray<T>&& matrix);

/// Factors that are equal on all ranks: LAPACK need not yield the same ones on different machines.
ThinSVD<double> agreed(ThinSVD<double> svd, const RowPartition& partition);
SymmetricEigen agreed(SymmetricEigen eigen, const RowPartition& partition);

/// The numerical rank of a matrix with the singular values `s` (descending): the number of those above
/// `s.size() * machine epsilon * s[0]`, at least 1.
template <class T>
std::size_t numerical_rank(const xt::xarray<T>& s);

/// `a^T a`, `(n, n)`, of a matrix a `(m, n)`.
template <class T>
xt::xarray<T> gram(MatrixView<const T> a);

/// A symmetric positive definite system, factorized once by Cholesky and solved for any number of right-hand sides.
class PositiveDefiniteSystem {
 public:
  /// \param matrix  `(n, n)`, its lower triangle filled; its memory is reused for the factor
  explicit PositiveDefiniteSystem(xt::xarray<double>&& matrix);

  /// Whether the matrix is positive definite to rounding; only then can the system be solved.
  bool is_positive_definite() const { return smallest_pivot_ > 0.0; }

  /// An estimate of 1 / (||A|| ||A^-1||), 0 if the matrix is not positive definite. The trace replaces the norm of A,
  /// which it exceeds at most n-fold; the norm of the inverse is the 1-norm (Higham 1988, doi:10.1145/50063.214386).
  /// The cost is about that of ten solves.
  double reciprocal_condition() const;

  /// The smallest ratio of a pivot to the diagonal entry of the matrix; its reciprocal is a lower bound of the
  /// condition. 0 if the matrix is not positive definite.
  double smallest_pivot() const { return smallest_pivot_; }

  /// Solves in place for right-hand sides `(k, n)`, one per row. NaN in one right-hand side does not affect the others.
  void solve(MatrixView<double> right_hand_sides) const;

 private:
  xt::xarray<double> factor_;
  double trace_ = 0.0;
  double smallest_pivot_ = 0.0;
};

/// A symmetric system, factorized once and solved for any number of right-hand sides: LU with partial pivoting, also
/// for indefinite matrices.
class SymmetricSystem {
 public:
  /// \param matrix  `(n, n)`, both triangles filled; its memory is reused for the factors
  explicit SymmetricSystem(xt::xarray<double>&& matrix);

  /// Whether a pivot is exactly zero; such a system cannot be solved.
  bool is_singular() const { return singular_; }

  /// An estimate of 1 / (||A|| ||A^-1||) in the 1-norm, 0 when singular (Higham 1988, doi:10.1145/50063.214386).
  double reciprocal_condition() const { return reciprocal_condition_; }

  /// ||A|| in the 1-norm.
  double norm() const { return norm_; }

  /// Solves in place for right-hand sides `(k, n)`, one per row. NaN in one right-hand side does not affect the others.
  void solve(MatrixView<double> right_hand_sides) const;

 private:
  xt::xarray<double> factors_;
  std::vector<int> pivots_;
  double norm_ = 0.0;
  double reciprocal_condition_ = 0.0;
  bool singular_ = false;
};

}  // namespace fieldfold
