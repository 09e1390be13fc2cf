module;

#include <cstddef>
#include <memory>

/// Symmetric positive definite systems with sparse matrices.
export module fieldfold.linalg.sparse_cholesky;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// Whether the library is built with CHOLMOD, which factorizes.
bool sparse_cholesky_is_built();

/// A sparse positive definite system, factorized once and solved for any number of right-hand sides: supernodal
/// Cholesky in an order with little fill (Chen, Davis, Hager and Rajamanickam 2008, doi:10.1145/1391989.1391995).
class SparseCholesky {
 public:
  /// \param lower  `(n, n)`: the lower triangle, columns of a row ascending
  /// \throws NotReady        the library is built without CHOLMOD
  /// \throws NumericalError  it ran out of memory
  explicit SparseCholesky(const SparseRows& lower);

  /// Whether it is positive definite, to rounding; such a system only can be solved.
  bool is_positive_definite() const;

  /// A rough estimate of the reciprocal condition: the smallest over the largest entry on the factor's diagonal,
  /// squared.
  double reciprocal_condition() const;

  /// The memory of the factor.
  std::size_t bytes() const;

  /// Solves in place for right-hand sides `(k, n)`, one a row. A right-hand side with NaN spoils no other.
  void solve(MatrixView<double> right_hand_sides) const;

 private:
  struct Factor;
  std::shared_ptr<const Factor> factor_;
};

}  // namespace fieldfold
