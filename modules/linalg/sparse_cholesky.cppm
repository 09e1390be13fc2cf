/// Sparse symmetric positive definite systems.
export module fieldfold.linalg.sparse_cholesky;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// Whether the library is built with CHOLMOD, which computes the factorization.
bool sparse_cholesky_is_built();

/// A sparse positive definite system, factorized once and solved for any number of right-hand sides: supernodal
/// Cholesky with a fill-reducing ordering (Chen, Davis, Hager and Rajamanickam 2008, doi:10.1145/1391989.1391995).
class SparseCholesky {
 public:
  /// \param lower  `(n, n)`: the lower triangle, columns ascending in each row
  /// \throws NotReady        the library is built without CHOLMOD
  /// \throws NumericalError  out of memory
  explicit SparseCholesky(const SparseRows& lower);

  /// Whether the matrix is positive definite to rounding; only then can the system be solved.
  bool is_positive_definite() const;

  /// A rough estimate of the reciprocal condition: the squared ratio of the smallest to the largest diagonal entry of
  /// the factor.
  double reciprocal_condition() const;

  /// The memory of the factor, in bytes.
  std::size_t bytes() const;

  /// Solves in place for right-hand sides `(k, n)`, one per row. NaN in one right-hand side does not affect the others.
  void solve(MatrixView<double> right_hand_sides) const;

 private:
  struct Factor;
  std::shared_ptr<const Factor> factor_;
};

}  // namespace fieldfold
