module;

#include <cstddef>
#include <string>
#include <vector>

/// Dense linear algebra on matrices as they lie in memory, row by row; no idea of fields. LAPACK sees a row-major
/// matrix as its transpose, and every routine here is asked for what that makes right, so nothing is transposed.
export module fieldfold.linalg;

import fieldfold.arrays;
import fieldfold.diagnostics;

export namespace fieldfold {

/// `c = a b` with a `(m, k)`, b `(k, n)`, c `(m, n)`.
template <class T>
void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// `c = a b^T` with a `(m, k)`, b `(n, k)`, c `(m, n)`.
template <class T>
void multiply_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c);

/// The thin singular value decomposition `a = u diag(s) v^T` with `k = min(m, n)`.
template <class T>
struct ThinSVD {
  xt::xarray<T> u;  ///< `(m, k)`, orthonormal columns
  xt::xarray<T> s;  ///< `(k,)`, descending, not negative
  xt::xarray<T> v;  ///< `(n, k)`, orthonormal columns
};

/// Decomposes a matrix `(m, n)`, whose memory it takes for u; LAPACK's workspace is as large again. Each column of u
/// has its entry largest in magnitude positive (the first of equals), which fixes the signs whatever the algorithm.
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
