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
#include "support/warnings_of.hpp"

using fieldfold::RBFInterpolator;
using fieldfold::RBFOptions;

BOOST_AUTO_TEST_CASE(every_kernel_reproduces_polynomials_of_its_degree) {
  const auto points = scattered(40, 3);
  const auto queries = scattered(10, 3, 0.1);
  const auto quadratic = [](const xt::xarray<double>& at) {
    auto values = xt::xarray<double>::from_shape({at.shape(0)});
    for (std::size_t i = 0; i < at.shape(0); ++i)
      values(i) = 1.0 + at(i, 0) - 2.0 * at(i, 1) * at(i, 2) + 3.0 * at(i, 2) * at(i, 2);
    return values;
  };
  for (const auto& kernel : fieldfold::kernels())
    for (const bool local : {false, true}) {
      RBFOptions options = options_for(kernel.kernel, 2.0);
      options.degree = 2;
      if (local) options.neighbors = 20;
      options.smoothing = 0.5;  // smoothing does not penalize polynomials
      const RBFInterpolator interpolator(points, quadratic(points), options);
      BOOST_TEST(relative_difference(interpolator(queries), quadratic(queries)) < 1e-9, kernel.name);
    }
}

BOOST_AUTO_TEST_CASE(every_method_reproduces_polynomials_inside_and_outside_the_domain) {
  const auto points = scattered(900, 2);
  xt::xarray<double> queries = 1.4 * scattered(200, 2, 0.1) - 0.2;
  for (RBFOptions options : each_method()) {
    options.degree = 2;
    const RBFInterpolator f(points, values_at(points, quadratic), options);
    BOOST_TEST(relative_difference(f(queries), values_at(queries, quadratic)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_polynomials_are_exact) {
  const auto points = scattered(500, 2);
  xt::xarray<double> queries = 1.2 * scattered(60, 2, 0.1) - 0.1;
  for (RBFOptions options : each_method()) {
    options.degree = 2;
    const auto found = RBFInterpolator(points, values_at(points, quadratic), options).gradient(queries);
    BOOST_TEST_REQUIRE(found.dimension() == 2U);
    auto expected = found;
    for (std::size_t q = 0; q < 60; ++q) {
      expected(q, 0) = 1.0 - 2.0 * queries(q, 1);
      expected(q, 1) = -2.0 * queries(q, 0) + 6.0 * queries(q, 1);
    }
    BOOST_TEST(relative_difference(found, expected) < 1e-7);
  }
}

BOOST_AUTO_TEST_CASE(a_degree_below_the_minimum_is_warned_of) {
  const auto points = scattered(20, 2);
  const auto values = smooth_values(points);
  const auto with_degree = [&](int degree) {
    return warnings_of([&] { RBFInterpolator(points, values, {.degree = degree}); }).size();
  };
  BOOST_TEST(with_degree(0) == 1U);
  BOOST_TEST(with_degree(-1) == 0U);
  BOOST_TEST(with_degree(1) == 0U);
}

BOOST_AUTO_TEST_CASE(collinear_points_are_interpolated_with_a_lower_degree) {
  auto line = scattered(40, 2);
  for (std::size_t i = 0; i < 40; ++i) line(i, 1) = 2.0 * line(i, 0);
  const auto values = values_at(line, [](const double* x) { return std::sin(x[0]); });
  for (const std::size_t neighbors : {39U, 40U, 50U}) {
    const RBFInterpolator f(line, values, {.neighbors = neighbors, .allow_lower_degree = true});
    BOOST_TEST(relative_difference(f(line), values) < 1e-8);
  }
  const xt::xarray<double> far = 1e10 * line;
  BOOST_CHECK_THROW(RBFInterpolator(far, values, {.scales = {1e308, 1e308}}), fieldfold::InvalidArgument);
}
