#pragma once

// Snapshots of one field, and SVDs that learn from them. Include after the imports of fieldfold.base.arrays,
// fieldfold.fields.options and fieldfold.pod.svd.

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();
inline constexpr std::size_t points = 80;
inline constexpr std::size_t samples = 30;

/// Snapshots `(dof, samples)` of a mean and two waves: rank 3, and 4 with a mean other than 0.
inline xt::xarray<double> waves(double mean) {
  auto matrix = xt::xarray<double>::from_shape({points, samples});
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t j = 0; j < samples; ++j) {
      const double x = static_cast<double>(i) / points;
      const double t = 0.7 * static_cast<double>(j);
      matrix(i, j) = mean * (1.0 + x) + std::cos(5.0 * x + t) + 0.5 * std::sin(9.0 * x) * std::cos(2.0 * t + 0.3);
    }
  return matrix;
}

inline fieldfold::SVD learned(const xt::xarray<double>& matrix, fieldfold::FieldOptions options, std::size_t rank) {
  fieldfold::SVD svd({}, {.field_opts = std::move(options)});
  svd.compute_map(matrix, {.rank = rank});
  return svd;
}
