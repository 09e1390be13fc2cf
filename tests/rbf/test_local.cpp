#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

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
using fieldfold::RBFOptions;

BOOST_AUTO_TEST_CASE(local_interpolant_of_all_points_equals_the_global_one) {
  const auto points = scattered(30, 2);
  const auto queries = scattered(5, 2, 0.3);
  const auto values = smooth_values(points);
  const auto global = RBFInterpolator(points, values)(queries);
  for (const std::size_t neighbors : {std::size_t{30}, std::size_t{1000}})
    BOOST_TEST(relative_difference(RBFInterpolator(points, values, {.neighbors = neighbors})(queries), global) < 1e-15);
}

BOOST_AUTO_TEST_CASE(collinear_stencils_reproduce_linear_functions_along_their_line) {
  // Points on distant lines, so that the nearest points of a query are collinear.
  auto points = xt::xarray<double>::from_shape({300, 2});
  for (std::size_t i = 0; i < 300; ++i) {
    points(i, 0) = static_cast<double>(i % 100) / 100.0;
    points(i, 1) = 10.0 * static_cast<double>(i / 100);
  }
  const auto values = values_at(points, [](const double* x) { return 2.0 * x[0] + 5.0; });
  const xt::xarray<double> queries{{0.505, 0.0}, {0.255, 10.0}};
  const RBFInterpolator f(points, values, {.neighbors = 12});
  const auto found = f(queries);
  // Rounding, times a condition of a hundred.
  BOOST_TEST(std::abs(found(0) - 6.01) < 1e-12);
  BOOST_TEST(std::abs(found(1) - 5.51) < 1e-12);
  const xt::xarray<double> between{{0.505, 0.25}};
  const auto heard = warnings_of([&] { BOOST_TEST(std::abs(f(between)(0) - 6.01) < 1e-12); });
  BOOST_TEST_REQUIRE(heard.size() == 1U);
  BOOST_TEST(heard[0].find("up to 0.25 off the line") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(stencils_without_a_unique_polynomial_are_errors_or_have_a_lower_degree) {
  // On a circle 1, x^2 and y^2 are dependent.
  auto points = xt::xarray<double>::from_shape({40, 2});
  for (std::size_t i = 0; i < 40; ++i) {
    points(i, 0) = std::cos(0.157 * static_cast<double>(i));
    points(i, 1) = std::sin(0.157 * static_cast<double>(i));
  }
  const auto values = values_at(points, [](const double* x) { return 2.0 * x[0] + 5.0; });
  const xt::xarray<double> queries{{std::cos(1.0), std::sin(1.0)}};
  RBFOptions options{.neighbors = 12, .kernel = Kernel::quintic};
  const RBFInterpolator strict(points, values, options);
  const std::string what = error_of([&] { strict(queries); });
  BOOST_TEST(what.find("full column rank") != std::string::npos);
  BOOST_TEST(what.find("point ") != std::string::npos);
  options.allow_lower_degree = true;
  // A polynomial of degree one reproduces the values, up to rounding times the condition of quintics.
  BOOST_TEST(std::abs(RBFInterpolator(points, values, options)(queries)(0) - 2.0 * std::cos(1.0) - 5.0) < 1e-9);
}

BOOST_AUTO_TEST_CASE(a_loss_of_digits_in_a_stencil_is_reported) {
  // Nine groups of points a thousandth apart do not determine a polynomial of degree 4: weights of 1e14 cancel.
  auto points = scattered(400, 2);
  for (std::size_t i = 0; i < 400; ++i) {
    points(i, 0) = static_cast<double>(i % 3) + 1e-3 * points(i, 0);
    points(i, 1) = static_cast<double>(i / 3 % 3) + 1e-3 * points(i, 1);
  }
  const auto values = values_at(points, franke);
  const xt::xarray<double> queries = 2.0 * scattered(40, 2, 0.2);
  std::size_t warnings = 0;
  const auto before = fieldfold::set_warning_handler([&](std::string_view) { ++warnings; });
  const RBFInterpolator f(points, values, {.neighbors = 20, .kernel = Kernel::quintic, .degree = 4});
  try {
    f(queries);
  } catch (const NumericalError&) {
    ++warnings;
  }
  fieldfold::set_warning_handler(before);
  BOOST_TEST(warnings == 1U);
}

BOOST_AUTO_TEST_CASE(a_loss_of_digits_far_from_a_stencil_is_warned_of) {
  // Rough values on a small set of points, and a query ten thousand times its width away. The cubic kernel is
  // scale-invariant: tripling the coordinates changes only the rounding errors.
  auto points = scattered(60, 2);
  auto values = xt::xarray<double>::from_shape({60});
  for (std::size_t i = 0; i < 60; ++i) {
    points(i, 0) = 1e-4 * points(i, 0);
    points(i, 1) = 1e-4 * points(i, 1);
    values(i) = std::fmod(7919.0 * static_cast<double>(i), 13.0) / 13.0 - 0.5;
  }
  const xt::xarray<double> query{{1.0, 0.7}};
  const xt::xarray<double> tripled = 3.0 * points;
  const xt::xarray<double> query_tripled = 3.0 * query;
  const RBFOptions options{.neighbors = 59, .kernel = Kernel::cubic};
  double value = 0.0;
  double value_of_tripled = 0.0;
  const auto warnings = warnings_of([&] {
    value = RBFInterpolator(points, values, options)(query)(0);
    value_of_tripled = RBFInterpolator(tripled, values, options)(query_tripled)(0);
  });
  // More than half the digits are lost.
  BOOST_TEST(std::abs(value - value_of_tripled) > 1e-8 * std::abs(value));
  BOOST_TEST(warnings.size() == 2U);
}
