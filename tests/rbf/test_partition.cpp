#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/scattered_points.hpp"
#include "support/warnings_of.hpp"

using fieldfold::Kernel;
using fieldfold::NumericalError;
using fieldfold::RBFInterpolator;
using fieldfold::RBFMethod;
using fieldfold::RBFOptions;

namespace {

const RBFOptions partition{.method = RBFMethod::partition_of_unity, .cluster_size = 40, .overlap = 0.4};

}  // namespace

BOOST_AUTO_TEST_CASE(partition_of_unity_passes_through_its_values) {
  for (const std::size_t dim : {1U, 2U, 3U}) {
    const auto points = scattered(700, dim);
    const auto values = values_at(points, [&](const double* x) { return std::sin(5.0 * x[0]) + x[dim - 1]; });
    const RBFInterpolator f(points, values, partition);
    BOOST_TEST(relative_difference(f(points), values) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(one_cluster_equals_the_global_interpolant) {
  const auto points = scattered(60, 2);
  const auto queries = scattered(20, 2, 0.2);
  const auto values = values_at(points, franke);
  const RBFOptions one{.method = RBFMethod::partition_of_unity, .cluster_size = 60};
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, one)(queries),
                                 RBFInterpolator(points, values)(queries)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(partition_of_unity_is_as_accurate_as_fifty_neighbors) {
  // Also with points refined towards a wall, where cells are a thousand times smaller.
  for (const bool graded : {false, true}) {
    auto points = scattered(5000, 2);
    auto queries = scattered(5000, 2, 0.123);
    for (auto* set : {&points, &queries})
      for (std::size_t i = 0; i < set->shape(0) && graded; ++i) (*set)(i, 1) = std::pow((*set)(i, 1), 3.0);
    const auto values = values_at(points, franke);
    const auto exact = values_at(queries, franke);
    const double error =
        rms_difference(RBFInterpolator(points, values, {.method = RBFMethod::partition_of_unity})(queries), exact);
    const double by_neighbors = rms_difference(RBFInterpolator(points, values, {.neighbors = 50})(queries), exact);
    BOOST_TEST(error < 1.05 * by_neighbors);
    // Both errors are of the order of a power of the point spacing, which excludes a common mistake.
    BOOST_TEST(by_neighbors < 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(a_singular_cluster_and_invalid_options_are_errors) {
  auto duplicated = scattered(500, 2);
  duplicated(70, 0) = duplicated(31, 0);
  duplicated(70, 1) = duplicated(31, 1);
  const auto values = values_at(duplicated, franke);
  BOOST_CHECK_THROW(RBFInterpolator(duplicated, values, partition), NumericalError);
  const RBFInterpolator near(duplicated, values, {.neighbors = 30});
  BOOST_CHECK_THROW(near(duplicated), NumericalError);
  RBFOptions both{.neighbors = 3, .method = RBFMethod::partition_of_unity};
  BOOST_CHECK_THROW(RBFInterpolator(duplicated, values, both), fieldfold::InvalidArgument);
  BOOST_CHECK_THROW(RBFInterpolator(duplicated, values, {.method = RBFMethod::partition_of_unity, .cluster_size = 2}),
                    fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(coplanar_points_in_space_are_interpolated) {
  // All points lie on a wall: a constant polynomial does not depend on their common third coordinate.
  auto points = scattered(800, 3);
  for (std::size_t i = 0; i < 800; ++i) points(i, 2) = 0.25;
  auto queries = scattered(50, 3, 0.2);
  for (std::size_t i = 0; i < 50; ++i) queries(i, 2) = 0.25;
  const auto values = values_at(points, franke);
  const RBFOptions options{.kernel = Kernel::linear, .method = RBFMethod::partition_of_unity, .cluster_size = 50};
  const RBFInterpolator f(points, values, options);
  BOOST_TEST(relative_difference(f(points), values) < 1e-10);
  BOOST_TEST(rms_difference(f(queries), values_at(queries, franke)) < 2e-2);
}

BOOST_AUTO_TEST_CASE(points_with_large_offsets_or_duplicates_are_interpolated) {
  // Time in nanoseconds beside a position: cells have no width, and the offset would absorb their margin.
  auto points = xt::xarray<double>::from_shape({800, 2});
  for (std::size_t i = 0; i < 800; ++i) {
    points(i, 0) = 1.7e18 + 1e9 * static_cast<double>(i / 80);
    points(i, 1) = static_cast<double>(i % 80) / 79.0;
  }
  RBFOptions options{.kernel = Kernel::linear, .method = RBFMethod::partition_of_unity, .cluster_size = 50};
  const auto values = values_at(points, [](const double* x) { return 1e-10 * (x[0] - 1.7e18) + x[1]; });
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, options)(points), values) < 1e-9);

  auto plane = scattered(800, 3);
  for (const double z : {1e12, 1e15, 1.7e18}) {
    for (std::size_t i = 0; i < 800; ++i) plane(i, 2) = z;
    const auto heights = values_at(plane, franke);
    BOOST_TEST(relative_difference(RBFInterpolator(plane, heights, options)(plane), heights) < 1e-9);
  }

  // A dozen stations with many readings each, in two units of length.
  for (const double unit : {1e3, 1e-3}) {
    auto stations = xt::xarray<double>::from_shape({600, 2});
    for (std::size_t i = 0; i < 600; ++i) {
      stations(i, 0) = unit * std::fmod(std::sqrt(2.0) * static_cast<double>(i % 12 + 1), 1.0);
      stations(i, 1) = unit * std::fmod(std::sqrt(3.0) * static_cast<double>(i % 12 + 1), 1.0);
    }
    options.smoothing = 0.1;
    options.epsilon = 1.0 / unit;
    const auto readings = values_at(stations, [&](const double* x) { return x[0] / unit; });
    // With fifty readings, each station is smoothed by a fiftieth of the smoothing of a point.
    BOOST_TEST(relative_difference(RBFInterpolator(stations, readings, options)(stations), readings) < 0.05);
  }
}

BOOST_AUTO_TEST_CASE(strong_local_refinement_keeps_the_accuracy) {
  // Half of the points lie in a square of side 1e-4: patches that contain all of these would take minutes.
  auto points = scattered(6000, 2);
  for (std::size_t i = 0; i < 3000; ++i)
    for (std::size_t axis = 0; axis < 2; ++axis) points(i, axis) *= 1e-4;
  const auto queries = scattered(2000, 2, 0.2);
  const auto values = values_at(points, franke);
  const auto exact = values_at(queries, franke);
  const auto blended =
      rms_difference(RBFInterpolator(points, values, {.method = RBFMethod::partition_of_unity})(queries), exact);
  BOOST_TEST(blended < 1.2 * rms_difference(RBFInterpolator(points, values, {.neighbors = 50})(queries), exact));
}

BOOST_AUTO_TEST_CASE(points_on_an_oblique_line_are_interpolated) {
  // Cells are slabs, of which the points fill a negligible part.
  auto line = scattered(20000, 3);
  for (std::size_t i = 0; i < 20000; ++i) line(i, 1) = line(i, 2) = line(i, 0);
  const auto wave = [](const double* x) { return std::sin(3.0 * x[0]); };
  const RBFInterpolator f(line, values_at(line, wave),
                          {.kernel = Kernel::linear, .method = RBFMethod::partition_of_unity});
  auto between = scattered(100, 3, 0.3);
  for (std::size_t q = 0; q < 100; ++q) between(q, 1) = between(q, 2) = between(q, 0);
  // Error of a piecewise linear interpolant: h^2 / 8 times the second derivative, with h = 5e-5 on average.
  BOOST_TEST(rms_difference(f(between), values_at(between, wave)) < 1e-7);
}

BOOST_AUTO_TEST_CASE(constants_are_reproduced_on_a_domain_of_subnormal_width) {
  // The domain is some 60 of the smallest subnormal numbers wide: small shares of its width round to 0.
  auto points = scattered(3000, 2);
  for (double& x : points) x = std::floor(60.0 * x) * std::numeric_limits<double>::denorm_min();
  const xt::xarray<double> ones = xt::ones<double>({3000});
  const RBFInterpolator f(points, ones,
                          {.smoothing = 1.0,
                           .kernel = Kernel::linear,
                           .method = RBFMethod::partition_of_unity,
                           .allow_lower_degree = true});
  BOOST_TEST(relative_difference(f(points), ones) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_loss_of_digits_far_from_all_patches_is_warned_of) {
  // The quintic kernel is scale-invariant: tripling the coordinates changes only the rounding errors.
  const auto points = scattered(500, 2);
  const auto values = values_at(points, [](const double* x) { return std::sin(3.0 * (x[0] + x[1])); });
  const xt::xarray<double> queries = 100.0 * scattered(30, 2) + 1.0;
  const xt::xarray<double> tripled = 3.0 * points;
  const xt::xarray<double> queries_tripled = 3.0 * queries;
  const RBFOptions options{.kernel = Kernel::quintic, .method = RBFMethod::partition_of_unity};
  const auto warnings = warnings_of([&] {
    const RBFInterpolator f(points, values, options);
    const RBFInterpolator f_of_tripled(tripled, values, options);
    const auto warnings_of_queries = warnings_of([&] {
      const auto found = f(queries);
      BOOST_TEST(relative_difference(f_of_tripled(queries_tripled), found) > 1.5e-8);
    });
    BOOST_TEST(warnings_of_queries.size() == 2U);
  });
  BOOST_TEST(warnings.size() == 0U);
}
