#pragma once

// Include after the import of fieldfold.base.arrays, and after <cmath>, <cstddef> and <numbers>.

/// Orthonormal columns in closed form: the discrete cosine transform. Angles are reduced as integers, which is exact.
inline xt::xarray<double> cosines(std::size_t m, std::size_t n) {
  auto matrix = xt::xarray<double>::from_shape({m, n});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      matrix(i, j) =
          std::sqrt((j == 0 ? 1.0 : 2.0) / static_cast<double>(m)) *
          std::cos(std::numbers::pi * static_cast<double>((2 * i + 1) * j % (4 * m)) / (2.0 * static_cast<double>(m)));
  return matrix;
}
