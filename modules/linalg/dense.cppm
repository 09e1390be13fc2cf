module;

#include <cstddef>
#include <string>
#include <vector>

/// Dense linear algebra on matrices as they lie in memory, row by row; no idea of fields. LAPACK sees a row-major
/// matrix as its transpose, and every routine here is asked for what that makes right, so nothing is transposed.
export module fieldfold.linalg.dense;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

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

/// Each row x of a matrix `(m, n)` becomes the solution y of `y R = x`, exact for an R that differs by rounding.
/// \param triangle  R `(n, n)`, upper, without a zero on its diagonal
template <class T>
void divide_by_triangle(MatrixView<T> rows, MatrixView<const T> triangle);

/// The squared Frobenius norm, summed up in double.
template <class T>
double sum_of_squares(MatrixView<const T> rows);

/// `b = a^T`. \param b  `(n, m)` for a `(m, n)`
template <class T>
void transpose_into(MatrixView<const T> a, MatrixView<T> b);

/// Adds `a^T a` of a matrix `(m, n)` to the lower triangle of `sum`, `(n, n)`, in double whatever the scalar.
template <class T>
void add_gram(MatrixView<const T> a, MatrixView<double> sum);

/// Adds `a^T b`, which has to be symmetric, to the lower triangle of `sum`, `(n, n)`, in double whatever the scalar.
/// \param a, b  `(m, n)`
template <class T>
void add_symmetric_product(MatrixView<const T> a, MatrixView<const T> b, MatrixView<double> sum);

/// Makes a square matrix symmetric from its lower triangle.
template <class T>
void fill_upper(MatrixView<T> matrix);

/// The eigenvalues, ascending, and orthonormal eigenvectors (one a column) of a symmetric matrix.
struct SymmetricEigen {
  xt::xarray<double> values;   ///< `(n,)`
  xt::xarray<double> vectors;  ///< `(n, n)`
};

/// \param matrix  `(n, n)`, both triangles filled; its memory is taken for the vectors
/// \throws NumericalError  the iteration did not converge
SymmetricEigen symmetric_eigen(xt::xarray<double>&& matrix);

/// The inverse of the upper triangle R of `R^T R = matrix`, `(n, n)` with the lower triangle filled.
/// \throws NumericalError  the matrix is not positive definite
xt::xarray<double> inverse_cholesky(xt::xarray<double>&& matrix);

/// The triangle R of a QR factorization that grows by blocks of rows.
template <class T>
class RFactor {
 public:
  /// \param n  columns
  explicit RFactor(std::size_t n);

  /// The triangle of `[R; rows]` instead of that of R. \param rows  `(count, n)`, finite; used as workspace
  void add(MatrixView<T> rows);

  /// An entry, above the diagonal or below, where it is 0.
  T operator()(std::size_t i, std::size_t j) const { return triangle_(i, j); }

 private:
  xt::xarray<T> triangle_;
};

/// The triangle of a QR factorization with column pivoting (Businger and Golub 1965, doi:10.1007/BF01436084).
struct PivotedRFactor {
  xt::xarray<double> r;             ///< `(n, n)`, upper; column k is that of the matrix's column `pivots[k]`
  std::vector<std::size_t> pivots;  ///< each of those before leaves less of the matrix than those after would
};

/// \param matrix  `(m, n)`; used as workspace
PivotedRFactor pivoted_r_factor(xt::xarray<double>&& matrix);

/// The rows of a matrix `(m, n)` in the order in which a QR factorization with pivoting takes them: each is the one of
/// which those before leave most. \param matrix  used as workspace  \returns  min(m, n) rows
std::vector<std::size_t> pivot_rows(xt::xarray<double>&& matrix);

/// `a b`, and `a^T b`, of small matrices.
xt::xarray<double> product(const xt::xarray<double>& a, const xt::xarray<double>& b);
xt::xarray<double> transposed_product(const xt::xarray<double>& a, const xt::xarray<double>& b);

/// The sum of matrices of the same shape, in double: what several threads have summed up.
template <class T>
xt::xarray<double> sum_of(const std::vector<xt::xarray<T>>& matrices);

/// Some rows, or columns, of a matrix.
xt::xarray<double> rows_of(const xt::xarray<double>& matrix, const std::vector<std::size_t>& rows);
xt::xarray<double> columns_of(const xt::xarray<double>& matrix, const std::vector<std::size_t>& columns);

/// The columns `first` to `first + count` of a matrix.
xt::xarray<double> column_range(const xt::xarray<double>& matrix, std::size_t first, std::size_t count);

/// The columns of a matrix, each times its factor. \param factors  one a column
xt::xarray<double> scaled_columns(xt::xarray<double> matrix, const xt::xarray<double>& factors);

/// The thin singular value decomposition `a = u diag(s) v^T` with `k = min(m, n)`.
template <class T>
struct ThinSVD {
  xt::xarray<T> u;  ///< `(m, k)`, orthonormal columns
  xt::xarray<T> s;  ///< `(k,)`, descending, not negative
  xt::xarray<T> v;  ///< `(n, k)`, orthonormal columns
};

/// Decomposes a matrix `(m, n)`, whose memory it takes for u; LAPACK's workspace is as large again. Signs are fixed.
///
/// The algorithm is LAPACK's gesvd: a QR (or LQ) factorization first where one side is much the longer, then
/// bidiagonalization and implicit QR iteration (Golub and Reinsch 1970, doi:10.1007/BF02163027). Singular values have
/// an error of a few rounding units of the largest.
/// \throws InvalidArgument  the matrix has no rows or no columns, or more entries than LAPACK's 32-bit integers can
/// count
/// \throws NumericalError   the iteration did not converge, or the squares of the entries overflow
template <class T>
ThinSVD<T> thin_svd(xt::xarray<T>&& matrix);

/// The numerical rank of a matrix with the singular values `s` (descending): those above
/// `s.size() * machine epsilon * s[0]`, and at least one.
template <class T>
std::size_t numerical_rank(const xt::xarray<T>& s);

/// `a^T a`, `(n, n)`, of a matrix a `(m, n)`.
template <class T>
xt::xarray<T> gram(MatrixView<const T> a);

/// A symmetric positive definite system, factorized once and solved for any number of right-hand sides: Cholesky.
class PositiveDefiniteSystem {
 public:
  /// \param matrix  `(n, n)`, its lower triangle filled; its memory is taken for the factor
  explicit PositiveDefiniteSystem(xt::xarray<double>&& matrix);

  /// Whether it is, to rounding; such a system only can be solved.
  bool is_positive_definite() const { return smallest_pivot_ > 0.0; }

  /// An estimate of 1 / (||A|| ||A^-1||), 0 where it is not positive definite: with the trace for the norm of A, which
  /// it exceeds n times at most, and the 1-norm of the inverse (Higham 1988, doi:10.1145/50063.214386). It costs about
  /// ten solutions.
  double reciprocal_condition() const;

  /// The smallest share that is left of an entry of the diagonal when the rows before have been eliminated; its
  /// reciprocal is a lower bound of the condition. 0 where it is not positive definite.
  double smallest_pivot() const { return smallest_pivot_; }

  /// Solves in place for right-hand sides `(k, n)`, one a row. A right-hand side with NaN spoils no other.
  void solve(MatrixView<double> right_hand_sides) const;

 private:
  xt::xarray<double> factor_;
  double trace_ = 0.0;
  double smallest_pivot_ = 0.0;
};

/// A square symmetric system, factorized once and solved for any number of right-hand sides: LU with partial
/// pivoting, which holds for indefinite matrices too.
class SymmetricSystem {
 public:
  /// \param matrix  `(n, n)`, both triangles filled; its memory is taken for the factors
  explicit SymmetricSystem(xt::xarray<double>&& matrix);

  /// Whether a pivot is exactly zero; such a system cannot be solved.
  bool is_singular() const { return singular_; }

  /// An estimate of 1 / (||A|| ||A^-1||) in the 1-norm, 0 when singular (Higham 1988, doi:10.1145/50063.214386).
  double reciprocal_condition() const { return reciprocal_condition_; }

  /// ||A|| in the 1-norm.
  double norm() const { return norm_; }

  /// Solves in place for right-hand sides `(k, n)`, one a row. A right-hand side with NaN spoils no other.
  void solve(MatrixView<double> right_hand_sides) const;

 private:
  xt::xarray<double> factors_;
  std::vector<int> pivots_;
  double norm_ = 0.0;
  double reciprocal_condition_ = 0.0;
  bool singular_ = false;
};

}  // namespace fieldfold
