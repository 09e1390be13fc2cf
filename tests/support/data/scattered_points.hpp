#pragma once

// Points and values for tests of interpolation. Include after the import of fieldfold.base.arrays.

#include <cmath>
#include <cstddef>

/// Points of a Kronecker sequence (fractional parts of multiples of square roots of primes), which fills the unit
/// cube evenly.
inline xt::xarray<double> scattered(std::size_t count, std::size_t dim, double start = 0.5) {
  const double roots[] = {std::sqrt(2.0), std::sqrt(3.0), std::sqrt(5.0), std::sqrt(7.0)};
  auto points = xt::xarray<double>::from_shape({count, dim});
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t axis = 0; axis < dim; ++axis)
      points(i, axis) = std::fmod(start + static_cast<double>(i + 1) * roots[axis], 1.0);
  return points;
}

/// The values of a function at points, `(P,)`.
template <class Function>
xt::xarray<double> values_at(const xt::xarray<double>& points, const Function& function) {
  auto values = xt::xarray<double>::from_shape({points.shape(0)});
  for (std::size_t i = 0; i < points.shape(0); ++i) values(i) = function(&points(i, 0));
  return values;
}

/// Franke's function of two variables (Franke 1982, doi:10.2307/2007474).
inline double franke(const double* at) {
  const double x = 9.0 * at[0];
  const double y = 9.0 * at[1];
  const auto square = [](double a) { return a * a; };
  return 0.75 * std::exp(-(square(x - 2.0) + square(y - 2.0)) / 4.0) +
         0.75 * std::exp(-square(x + 1.0) / 49.0 - (y + 1.0) / 10.0) +
         0.5 * std::exp(-(square(x - 7.0) + square(y - 3.0)) / 4.0) -
         0.2 * std::exp(-square(x - 4.0) - square(y - 7.0));
}

/// A polynomial of degree 2 of two variables.
inline double quadratic(const double* x) { return 1.0 + x[0] - 2.0 * x[0] * x[1] + 3.0 * x[1] * x[1]; }

/// The root mean square of the differences.
inline double rms_difference(const xt::xarray<double>& found, const xt::xarray<double>& expected) {
  double sum = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i)
    sum += (found.flat(i) - expected.flat(i)) * (found.flat(i) - expected.flat(i));
  return std::sqrt(sum / static_cast<double>(found.size()));
}
