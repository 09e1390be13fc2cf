#pragma once

// Interpolants of every method, and their derivatives. Include after the imports of fieldfold.base.arrays,
// fieldfold.rbf.interpolator and fieldfold.rbf.kernel.

#include <cmath>
#include <cstddef>
#include <vector>

/// From all points, from the nearest of each query, and blended.
inline std::vector<fieldfold::RBFOptions> each_method() {
  return {
      {}, {.neighbors = 30}, {.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 40, .overlap = 0.4}};
}

/// The derivative along an axis by the fourth order difference: its error is h^4 / 30 times the fifth derivative, and
/// rounding over h.
inline xt::xarray<double> difference(const fieldfold::RBFInterpolator& f, const xt::xarray<double>& at,
                                     std::size_t axis) {
  constexpr double h = 1e-3;
  const auto moved = [&](double step) {
    auto points = at;
    for (std::size_t q = 0; q < at.shape(0); ++q) points(q, axis) += step;
    return f(points);
  };
  return (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
}

/// A smooth function of two variables, as scipy's own tests use for interpolation.
inline xt::xarray<double> smooth_values(const xt::xarray<double>& points) {
  auto values = xt::xarray<double>::from_shape({points.shape(0)});
  for (std::size_t i = 0; i < points.shape(0); ++i)
    values(i) = std::sin(3.0 * points(i, 0)) * std::cos(2.0 * points(i, points.shape(1) - 1));
  return values;
}

/// A kernel with a scale, where it needs one.
inline fieldfold::RBFOptions options_for(fieldfold::Kernel kernel, double epsilon) {
  fieldfold::RBFOptions options{.kernel = kernel};
  if (!fieldfold::traits(kernel).scale_invariant) options.epsilon = epsilon;
  return options;
}
