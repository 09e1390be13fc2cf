#pragma once

// Grids and fields on them. Include after the import of fieldfold.base.arrays.

#include <cstddef>

inline fieldfold::Shape shape_of(const xt::xarray<double>& array) {
  return {array.shape().begin(), array.shape().end()};
}

/// A regular grid on the unit square, slightly sheared so that its lines do not share their second coordinates.
inline xt::xarray<double> grid(std::size_t side) {
  auto coords = xt::xarray<double>::from_shape({side * side, std::size_t{2}});
  for (std::size_t i = 0; i < side * side; ++i) {
    coords(i, 0) = static_cast<double>(i / side) / static_cast<double>(side - 1);
    coords(i, 1) = static_cast<double>(i % side) / static_cast<double>(side - 1) + 0.1 * coords(i, 0);
  }
  return coords;
}

/// Fields that are linear in the coordinates, which the default thin plate spline reproduces exactly.
inline fieldfold::Fields linear_fields(const xt::xarray<double>& coords, std::size_t samples) {
  auto u = xt::xarray<double>::from_shape({samples, coords.shape(0)});
  auto v = u;
  for (std::size_t s = 0; s < samples; ++s)
    for (std::size_t p = 0; p < coords.shape(0); ++p) {
      u(s, p) = 1.0 + static_cast<double>(s) + coords(p, 0) - 2.0 * coords(p, 1);
      v(s, p) = 3.0 * coords(p, 0) - static_cast<double>(s) * coords(p, 1);
    }
  return {{"u", u}, {"v", v}};
}
