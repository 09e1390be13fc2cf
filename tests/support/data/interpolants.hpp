#pragma once

// Interpolants of every method, and their derivatives. Include after the imports of fieldfold.base.arrays,
// fieldfold.rbf.interpolator and fieldfold.rbf.kernel.

#include <cmath>
#include <cstddef>
#include <vector>

/// Options of each method: all points, the nearest points of each query, and a partition of unity.
inline std::vector<fieldfold::RBFOptions> each_method() {
  return {
      {}, {.neighbors = 30}, {.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 40, .overlap = 0.4}};
}

/// The derivative along an axis by the central difference of fourth order. Its error is h^4 / 30 times the fifth
/// derivative, plus rounding errors over h.
inline xt::xarray<double> central_difference(const fieldfold::RBFInterpolator& f, const xt::xarray<double>& at,
                                             std::size_t axis) {
  constexpr double h = 1e-3;
  const auto moved = [&](double step) {
    auto points = at;
    for (std::size_t q = 0; q < at.shape(0); ++q) points(q, axis) += step;
    return f(points);
  };
  return (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
}

/// A smooth function of two variables, as in scipy's tests of interpolation.
inline xt::xarray<double> smooth_values(const xt::xarray<double>& points) {
  auto values = xt::xarray<double>::from_shape({points.shape(0)});
  for (std::size_t i = 0; i < points.shape(0); ++i)
    values(i) = std::sin(3.0 * points(i, 0)) * std::cos(2.0 * points(i, points.shape(1) - 1));
  return values;
}

/// Options of a kernel, with a scale if it needs one.
inline fieldfold::RBFOptions options_for(fieldfold::Kernel kernel, double epsilon) {
  fieldfold::RBFOptions options{.kernel = kernel};
  if (!fieldfold::traits(kernel).scale_invariant) options.epsilon = epsilon;
  return options;
}
