/// Whitening of latent coefficients to mean 0 and covariance I.
export module fieldfold.pod.whitening;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.pod.map;

export namespace fieldfold {

/// The whitening `w = R^-T (z - mean)` of latent coefficients z, with the Cholesky factor R of their covariance `R^T R`
/// over the training snapshots.
template <class T>
class Whitening {
 public:
  /// \throws NotReady        the map has no statistics of its coefficients, as in files up to format 3
  /// \throws NumericalError  the covariance is singular: fewer snapshots than coefficients, linearly dependent
  ///                         coefficients, or modes that are rounding errors
  explicit Whitening(const BasicSVDMap<T>& map);

  /// \param latent  z, `(*loop_shape, rank)`  \returns  w, `(*loop_shape, rank)`
  /// \throws InvalidArgument  another number of coefficients
  xt::xarray<T> apply(const ArrayRef<T>& latent) const;

  /// The inverse of `apply`. \param white  w, `(*loop_shape, rank)`  \returns  z, `(*loop_shape, rank)`
  /// \throws InvalidArgument  another number of coefficients
  xt::xarray<T> undo(const ArrayRef<T>& white) const;

 private:
  xt::xarray<double> mean_;
  xt::xarray<double> covariance_;
  xt::xarray<double> inverse_factor_;  ///< R^-1
};

}  // namespace fieldfold
