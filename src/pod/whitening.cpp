module fieldfold.pod.whitening;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;
import fieldfold.pod.map;

namespace fieldfold {

template <class T>
Whitening<T>::Whitening(const BasicSVDMap<T>& map) : mean_(map.latent_mean), covariance_(map.latent_covariance) {
  if (mean_.size() == 0)
    throw NotReady("the statistics of the latent coefficients are unknown: the map was learned without them");
  const std::size_t n = mean_.size();
  // Modes at rounding level have coefficients of their own, but these are no signal.
  if (n > numerical_rank(map.singular_values))
    throw NumericalError(message("the covariance of the ", n, " coefficients is singular: only ",
                                 numerical_rank(map.singular_values),
                                 " modes are above rounding errors, and the others cannot be whitened"));
  // Correlations have a unit diagonal, whatever the scales of the coefficients.
  xt::xarray<double> correlations = covariance_;
  std::vector<double> roots(n);
  for (std::size_t i = 0; i < n; ++i) roots[i] = 1.0 / std::sqrt(covariance_(i, i));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k) correlations(i, k) *= roots[i] * roots[k];
  const bool is_finite = std::ranges::all_of(correlations, [](double x) { return std::isfinite(x); });
  const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
  if (!is_finite || !(symmetric_eigen(xt::xarray<double>(correlations)).values(0) > static_cast<double>(n) * unit))
    throw NumericalError(message("the covariance of the ", n, " coefficients is singular: they cannot be whitened"));
  inverse_factor_ = inverse_cholesky(std::move(correlations));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k) inverse_factor_(i, k) *= roots[i];
}

template <class T>
xt::xarray<T> Whitening<T>::apply(const ArrayRef<T>& latent) const {
  const auto rows = split_loop(latent, {mean_.size()}, "latent").matrix;
  auto deviations = xt::xarray<double>::from_shape({rows.rows, rows.cols});
  for (std::size_t k = 0; k < rows.rows; ++k)
    for (std::size_t i = 0; i < rows.cols; ++i) deviations(k, i) = static_cast<double>(rows(k, i)) - mean_(i);
  xt::xarray<T> white = array_cast<T>(product(deviations, inverse_factor_));
  white.reshape(latent.shape());
  return white;
}

template <class T>
xt::xarray<T> Whitening<T>::undo(const ArrayRef<T>& white) const {
  const auto rows = split_loop(white, {mean_.size()}, "white").matrix;
  auto numbers = xt::xarray<double>::from_shape({rows.rows, rows.cols});
  for (std::size_t k = 0; k < rows.rows; ++k) std::ranges::copy(rows.row(k), as_matrix(numbers).row(k).begin());
  // R = R^-T C, with the covariance C = R^T R.
  auto coefficients = product(numbers, transposed_product(inverse_factor_, covariance_));
  for (std::size_t k = 0; k < rows.rows; ++k)
    for (std::size_t i = 0; i < rows.cols; ++i) coefficients(k, i) += mean_(i);
  xt::xarray<T> latent = array_cast<T>(coefficients);
  latent.reshape(white.shape());
  return latent;
}

template class Whitening<double>;
template class Whitening<float>;

}  // namespace fieldfold
