module;

#include <cstddef>
#include <span>

/// The linear system of a radial basis function interpolant.
export module fieldfold.rbf.system;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;
import fieldfold.rbf.kernel;
import fieldfold.rbf.polynomial;

export namespace fieldfold {

/// What an interpolant is made of.
struct RBFModel {
  Kernel kernel;
  double epsilon;  ///< multiplies coordinates; inverse of their unit
  int degree;      ///< of the polynomial; -1: none
};

/// The interpolant on one set of points, factorized: coefficients a of the kernels and b of the monomials solve
///
///     [ K + diag(smoothing)   P ] [ a ]   [ values ]
///     [ P^T                   0 ] [ b ] = [   0    ]
///
/// with `K_ij = kernel(epsilon |x_i - x_j|)` and P the monomials at the points.
class RBFSystem {
 public:
  /// \param points     `(n, dim)`, finite, n at least the number of monomials
  /// \param smoothing  `(n,)`, in the unit of the kernel's values
  /// \throws NumericalError  the matrix is singular, the monomials are linearly dependent on the points (say, on a
  ///                         line in a plane), or the kernel overflows
  RBFSystem(MatrixView<const double> points, std::span<const double> smoothing, const RBFModel& model);

  /// The coefficients for some columns of values, and how far rounding may have spoilt them.
  struct Solution {
    xt::xarray<double> coefficients;  ///< `(k, n + monomials)`
    double relative_error;  ///< estimate of the error that rounding makes, over the largest value; the worst column
  };

  /// \param values  `(k, n)`, one column of values a row; NaN in one spoils no other
  Solution solve(MatrixView<const double> values) const;

  /// The interpolants at other points.
  /// \param queries  `(q, dim)`
  /// \param results  `(q, k)`
  /// \throws NumericalError  the kernel overflows at a query
  void evaluate(MatrixView<const double> queries, const Solution& solution, MatrixView<double> results) const;

 private:
  /// The matrix of the system, and the scale of the kernel in it.
  xt::xarray<double> assemble(MatrixView<const double> points, std::span<const double> smoothing);

  /// Kernels and monomials at one point, in the system's scaling.
  void evaluate_basis(std::span<const double> point, std::span<double> values) const;

  // In the order in which the constructor needs them: the system is assembled with those before it.
  RBFModel model_;
  Monomials monomials_;
  xt::xarray<double> axes_;    ///< `(dim, n)`: the coordinates axis by axis, for loops over points
  double kernel_scale_ = 1.0;  ///< brings the kernel's values to the size of the monomials, whatever the unit of length
  SymmetricSystem system_;
};

}  // namespace fieldfold
