module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.pod.whitening;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;

namespace fieldfold {

Whitening::Whitening(xt::xarray<double> mean, xt::xarray<double> covariance, double unit)
    : mean_(std::move(mean)), covariance_(std::move(covariance)) {
  // Of correlations, which are 1 on the diagonal, however different the coefficients are.
  const std::size_t n = mean_.size();
  xt::xarray<double> correlations = covariance_;
  std::vector<double> roots(n);
  for (std::size_t i = 0; i < n; ++i) roots[i] = 1.0 / std::sqrt(covariance_(i, i));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k) correlations(i, k) *= roots[i] * roots[k];
  const bool is_finite = std::ranges::all_of(correlations, [](double x) { return std::isfinite(x); });
  if (!is_finite || !(symmetric_eigen(xt::xarray<double>(correlations)).values(0) > static_cast<double>(n) * unit))
    throw NumericalError(message("the covariance of the ", n, " coefficients is singular: they cannot be whitened"));
  factor_ = inverse_cholesky(std::move(correlations));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k) factor_(i, k) *= roots[i];
}

template <class T>
xt::xarray<T> Whitening::apply(MatrixView<const T> rows) const {
  auto deviations = xt::xarray<double>::from_shape({rows.rows, rows.cols});
  for (std::size_t k = 0; k < rows.rows; ++k)
    for (std::size_t i = 0; i < rows.cols; ++i) deviations(k, i) = static_cast<double>(rows(k, i)) - mean_(i);
  return xt::cast<T>(product(deviations, factor_));
}

template <class T>
xt::xarray<T> Whitening::undo(MatrixView<const T> rows) const {
  auto numbers = xt::xarray<double>::from_shape({rows.rows, rows.cols});
  for (std::size_t k = 0; k < rows.rows; ++k) std::ranges::copy(rows.row(k), as_matrix(numbers).row(k).begin());
  // R is R^-T times the covariance.
  auto coefficients = product(numbers, inner_product(factor_, covariance_));
  for (std::size_t k = 0; k < rows.rows; ++k)
    for (std::size_t i = 0; i < rows.cols; ++i) coefficients(k, i) += mean_(i);
  return xt::cast<T>(coefficients);
}

template xt::xarray<double> Whitening::apply(MatrixView<const double>) const;
template xt::xarray<float> Whitening::apply(MatrixView<const float>) const;
template xt::xarray<double> Whitening::undo(MatrixView<const double>) const;
template xt::xarray<float> Whitening::undo(MatrixView<const float>) const;

}  // namespace fieldfold
