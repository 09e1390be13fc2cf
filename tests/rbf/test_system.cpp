#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/interpolants.hpp"
#include "support/data/scattered_points.hpp"
#include "support/warnings_of.hpp"

using fieldfold::Kernel;
using fieldfold::NumericalError;
using fieldfold::RBFInterpolator;

namespace {

/// Points in one dimension.
xt::xarray<double> column(const std::vector<double>& numbers) {
  auto points = xt::xarray<double>::from_shape({numbers.size(), 1});
  std::ranges::copy(numbers, points.begin());
  return points;
}

}  // namespace

BOOST_AUTO_TEST_CASE(linear_kernel_on_two_points_is_linear_interpolation) {
  // In one dimension, the linear kernel with a constant gives the piecewise linear interpolant.
  const auto points = column({0.0, 2.0});
  const xt::xarray<double> values{1.0, 5.0};
  const RBFInterpolator interpolator(points, values, {.kernel = Kernel::linear});
  const auto queries = column({0.5, 1.0, 3.0});
  const xt::xarray<double> expected{2.0, 3.0, 5.0};
  BOOST_TEST(relative_difference(interpolator(queries), expected) < 1e-15);
}

BOOST_AUTO_TEST_CASE(one_point_gives_a_constant) {
  const RBFInterpolator interpolator(xt::xarray<double>{{1.0, 2.0}}, xt::xarray<double>{7.0},
                                     {.kernel = Kernel::linear});
  const auto result = interpolator(xt::xarray<double>{{5.0, 5.0}, {0.0, 0.0}});
  BOOST_TEST(relative_difference(result, xt::xarray<double>{7.0, 7.0}) < 1e-15);
}

BOOST_AUTO_TEST_CASE(a_loss_of_half_the_digits_is_warned_of) {
  const auto points = scattered(60, 2);
  const auto values = smooth_values(points);
  const auto warned = [&](double epsilon) {
    return warnings_of([&] { RBFInterpolator(points, values, {.kernel = Kernel::gaussian, .epsilon = epsilon}); })
        .size();
  };
  BOOST_TEST(warned(8.0) == 0U);
  BOOST_TEST(warned(1.0) == 1U);
}

BOOST_AUTO_TEST_CASE(smoothing_fits_duplicate_points_by_their_mean) {
  auto duplicated = scattered(10, 2);
  duplicated(7, 0) = duplicated(2, 0);
  duplicated(7, 1) = duplicated(2, 1);
  auto values = smooth_values(duplicated);
  values(7) += 1.0;
  const auto at_duplicates = RBFInterpolator(duplicated, values, {.smoothing = 1e-9})(duplicated);
  // The mean of both values fits them.
  BOOST_TEST(std::abs(at_duplicates(2) - (values(2) + values(7)) / 2.0) < 1e-6);
}

BOOST_AUTO_TEST_CASE(singular_and_ill_conditioned_systems_are_errors) {
  auto duplicated = scattered(10, 2);
  duplicated(7, 0) = duplicated(2, 0);
  duplicated(7, 1) = duplicated(2, 1);
  BOOST_CHECK_THROW(RBFInterpolator(duplicated, smooth_values(duplicated)), NumericalError);

  // On a circle 1, x^2 and y^2 are dependent.
  auto circle = scattered(12, 2);
  for (std::size_t i = 0; i < 12; ++i) {
    const double angle = 7.0 * circle(i, 0);
    circle(i, 0) = std::cos(angle);
    circle(i, 1) = std::sin(angle);
  }
  const auto values = smooth_values(circle);
  const fieldfold::RBFOptions quadratic{.kernel = Kernel::quintic};
  BOOST_CHECK_THROW(RBFInterpolator(circle, values, quadratic), NumericalError);
  BOOST_TEST(error_of([&] { RBFInterpolator(circle, values, quadratic); }).find("full column rank") !=
             std::string::npos);
  const RBFInterpolator local(circle, values, {.neighbors = 8, .kernel = Kernel::quintic});
  BOOST_CHECK_THROW(local(circle), NumericalError);

  const auto points = scattered(50, 2);
  xt::xarray<double> rough = smooth_values(points);
  for (std::size_t i = 0; i < 50; i += 2) rough(i) = -rough(i);
  for (const double epsilon : {1e-3, 1e-6, 1e-9})
    BOOST_CHECK_THROW(RBFInterpolator(points, rough, {.kernel = Kernel::gaussian, .epsilon = epsilon}), NumericalError);
}
