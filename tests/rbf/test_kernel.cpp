#include <boost/test/unit_test.hpp>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/interpolants.hpp"
#include "support/data/scattered_points.hpp"

using fieldfold::Kernel;
using fieldfold::RBFInterpolator;
using fieldfold::RBFOptions;

BOOST_AUTO_TEST_CASE(scaling_epsilon_equals_scaling_the_coordinates) {
  const auto points = scattered(30, 2);
  const auto queries = scattered(5, 2, 0.3);
  const xt::xarray<double> stretched = 2.5 * points;
  const xt::xarray<double> stretched_queries = 2.5 * queries;
  for (const auto& kernel : fieldfold::kernels()) {
    RBFOptions options = options_for(kernel.kernel, 5.0);
    options.epsilon = 5.0;
    const auto expected = RBFInterpolator(points, smooth_values(points), options)(queries);
    options.epsilon = 2.0;
    const auto found = RBFInterpolator(stretched, smooth_values(points), options)(stretched_queries);
    BOOST_TEST(relative_difference(found, expected) < 1e-8, kernel.name);
  }
}

BOOST_AUTO_TEST_CASE(interpolant_is_invariant_to_extreme_scales_and_offsets) {
  const auto points = scattered(100, 2);
  const auto queries = scattered(20, 2, 0.25);
  const auto values = smooth_values(points);
  const xt::xarray<double> far_points = points * 1e50 + 1e55;
  const xt::xarray<double> far_queries = queries * 1e50 + 1e55;
  for (const auto& kernel : fieldfold::kernels()) {
    const auto near = RBFInterpolator(points, values, options_for(kernel.kernel, 5.0))(queries);
    const auto far = RBFInterpolator(far_points, values, options_for(kernel.kernel, 5.0 / 1e50))(far_queries);
    // Coordinates near 1e55 are multiples of 1e39, which is 1e-11 of the width of the domain.
    BOOST_TEST(relative_difference(far, near) < 1e-8, kernel.name);
  }
}

BOOST_AUTO_TEST_CASE(overflow_of_a_kernel_is_an_error) {
  const auto points = scattered(10, 1);
  const xt::xarray<double> far_points = 1e200 * points;
  const xt::xarray<double> far_queries = 1e200 * scattered(3, 1, 0.3);
  const auto values = smooth_values(points);
  BOOST_CHECK_THROW(RBFInterpolator(far_points, values, {.kernel = Kernel::cubic}), fieldfold::NumericalError);
  const RBFInterpolator cubic(points, values, {.kernel = Kernel::cubic});
  BOOST_CHECK_THROW(cubic(far_queries), fieldfold::NumericalError);
  const RBFInterpolator local(points, values, {.neighbors = 5});
  BOOST_CHECK_THROW(local(far_queries), fieldfold::NumericalError);
  // Decaying kernels vanish between distant points, which is no error.
  for (const Kernel kernel : {Kernel::matern1_2, Kernel::matern3_2, Kernel::matern5_2, Kernel::gaussian}) {
    const RBFInterpolator decaying(far_points, values, {.kernel = kernel, .epsilon = 1.0});
    BOOST_TEST(relative_difference(decaying(far_points), values) < 1e-14);
  }
  const xt::xarray<double> tiny_points = 1e-60 * points;
  const RBFInterpolator tiny(tiny_points, values, {.kernel = Kernel::cubic});
  BOOST_TEST(relative_difference(tiny(tiny_points), values) < 1e-11);
}
