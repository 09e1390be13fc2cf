#pragma once

// Include after the import of fieldfold.base.arrays.

#include <cmath>
#include <cstddef>

/// A matrix with slowly decaying singular values.
inline xt::xarray<double> waves(std::size_t m, std::size_t n) {
  auto matrix = xt::xarray<double>::from_shape({m, n});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      matrix(i, j) = std::cos(0.37 * static_cast<double>((i + 1) * (j + 1))) * std::pow(0.8, static_cast<double>(j));
  return matrix;
}
