module;

#include <cstddef>

/// Coefficients of mean 0 and covariance I.
export module fieldfold.pod.whitening;

import fieldfold.base.arrays;

export namespace fieldfold {

/// With the Cholesky factor `R^T R` of a covariance, `w = R^-T (z - mean)` has the covariance I where z has that one.
class Whitening {
 public:
  /// \param mean        `(n,)`  \param covariance  `(n, n)`
  /// \param unit        rounding of the numbers that it is of: correlations below n units are singular
  /// \throws NumericalError  the covariance is singular
  Whitening(xt::xarray<double> mean, xt::xarray<double> covariance, double unit);

  /// \param rows  `(k, n)`, coefficients z, one a row  \returns  `(k, n)`: w
  template <class T>
  xt::xarray<T> apply(MatrixView<const T> rows) const;

  /// Back. \param rows  `(k, n)`, w  \returns  `(k, n)`: z
  template <class T>
  xt::xarray<T> undo(MatrixView<const T> rows) const;

 private:
  xt::xarray<double> mean_;
  xt::xarray<double> covariance_;
  xt::xarray<double> factor_;  ///< R^-1
};

}  // namespace fieldfold
