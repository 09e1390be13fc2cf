#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/interpolants.hpp"
#include "support/data/scattered_points.hpp"

using fieldfold::RBFInterpolator;
using fieldfold::RBFOptions;

BOOST_AUTO_TEST_CASE(interpolant_on_a_periodic_axis_is_periodic) {
  // A function of period 2 along the first axis; points cover one period, queries several.
  const auto wave = [](const double* x) { return std::sin(3.0 * std::acos(-1.0) * x[0]) + x[1] * x[1]; };
  auto points = scattered(600, 2);
  for (std::size_t i = 0; i < 600; ++i) points(i, 0) *= 2.0;
  auto queries = scattered(100, 2, 0.2);
  for (std::size_t q = 0; q < 100; ++q) queries(q, 0) = 7.0 * queries(q, 0) - 3.0;
  auto moved = queries;
  for (std::size_t q = 0; q < 100; ++q) moved(q, 0) += 4.0;
  for (RBFOptions options : each_method()) {
    options.periods = {2.0, 0.0};
    const RBFInterpolator f(points, values_at(points, wave), options);
    BOOST_TEST(relative_difference(f(moved), f(queries)) < 1e-11);
    BOOST_TEST(rms_difference(f(queries), values_at(queries, wave)) < 2e-2);
    const auto gradient = f.gradient(queries);
    const xt::xarray<double> along = xt::view(gradient, xt::all(), 0);
    // The weights of a partition of unity have jumps in their third derivatives.
    if (!options.neighbors) BOOST_TEST(relative_difference(along, central_difference(f, queries, 0)) < 1e-3);
  }
  // On the circle, polynomials of degree 2 contain cos, sin and their products: a wave of half the period is
  // reproduced.
  RBFOptions options{.degree = 2, .periods = {2.0, 0.0}};
  const auto trigonometric = [](const double* x) {
    return std::cos(2.0 * std::acos(-1.0) * x[0]) + x[1] * std::sin(std::acos(-1.0) * x[0]) - x[1] * x[1];
  };
  const RBFInterpolator f(points, values_at(points, trigonometric), options);
  BOOST_TEST(relative_difference(f(queries), values_at(queries, trigonometric)) < 1e-10);
  options.periods = {2.0};
  BOOST_CHECK_THROW(RBFInterpolator(points, values_at(points, wave), options), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(scales_multiply_the_coordinates) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(50, 2, 0.2);
  auto stretched = points;
  auto stretched_queries = queries;
  for (auto* set : {&stretched, &stretched_queries})
    for (std::size_t i = 0; i < set->shape(0); ++i) (*set)(i, 1) *= 100.0;
  const auto values = values_at(points, franke);
  for (RBFOptions options : each_method()) {
    const auto expected = RBFInterpolator(points, values, options)(queries);
    options.scales = {1.0, 0.01};
    BOOST_TEST(relative_difference(RBFInterpolator(stretched, values, options)(stretched_queries), expected) < 1e-9);
  }
}
