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

BOOST_AUTO_TEST_CASE(a_blend_of_interpolants_interpolates) {
  for (const std::size_t dim : {1U, 2U, 3U}) {
    const auto points = scattered(700, dim);
    const auto values = values_at(points, [&](const double* x) { return std::sin(5.0 * x[0]) + x[dim - 1]; });
    const RBFInterpolator f(points, values, partition);
    BOOST_TEST(relative_difference(f(points), values) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(one_cluster_is_the_global_interpolant) {
  const auto points = scattered(60, 2);
  const auto queries = scattered(20, 2, 0.2);
  const auto values = values_at(points, franke);
  const RBFOptions one{.method = RBFMethod::partition_of_unity, .cluster_size = 60};
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, one)(queries),
                                 RBFInterpolator(points, values)(queries)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(a_partition_is_as_accurate_as_fifty_neighbors) {
  // Also where points crowd at a wall, with cells a thousand times as small there.
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
    // Both are of the order of the distance of points to the power of the kernel, and not of a mistake.
    BOOST_TEST(by_neighbors < 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_one_cluster_is_an_error_of_all) {
  auto twice = scattered(500, 2);
  twice(70, 0) = twice(31, 0);
  twice(70, 1) = twice(31, 1);
  const auto values = values_at(twice, franke);
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, partition), NumericalError);
  const RBFInterpolator near(twice, values, {.neighbors = 30});
  BOOST_CHECK_THROW(near(twice), NumericalError);
  RBFOptions both{.neighbors = 3, .method = RBFMethod::partition_of_unity};
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, both), fieldfold::InvalidArgument);
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, {.method = RBFMethod::partition_of_unity, .cluster_size = 2}),
                    fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(points_in_a_plane_of_space_make_a_partition) {
  // A wall: all points have the same third coordinate, which a constant polynomial leaves alone.
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

BOOST_AUTO_TEST_CASE(partitions_hold_where_coordinates_are_offset_or_coincide) {
  // Time in nanoseconds beside a position: cells without width, a margin that offsets would swallow.
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

  // A dozen stations with many readings each, whatever the unit of length.
  for (const double unit : {1e3, 1e-3}) {
    auto stations = xt::xarray<double>::from_shape({600, 2});
    for (std::size_t i = 0; i < 600; ++i) {
      stations(i, 0) = unit * std::fmod(std::sqrt(2.0) * static_cast<double>(i % 12 + 1), 1.0);
      stations(i, 1) = unit * std::fmod(std::sqrt(3.0) * static_cast<double>(i % 12 + 1), 1.0);
    }
    options.smoothing = 0.1;
    options.epsilon = 1.0 / unit;
    const auto readings = values_at(stations, [&](const double* x) { return x[0] / unit; });
    // Each station's value is smoothed by a fiftieth of what is added to one point.
    BOOST_TEST(relative_difference(RBFInterpolator(stations, readings, options)(stations), readings) < 0.05);
  }
}

BOOST_AUTO_TEST_CASE(crowded_points_beside_others_spoil_nothing) {
  // Half of the points in a ten-thousandth of the domain: patches that hold all of these would take minutes.
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

BOOST_AUTO_TEST_CASE(points_on_slanted_lines_have_small_patches) {
  // Cells are slabs of which the points fill next to nothing.
  auto line = scattered(20000, 3);
  for (std::size_t i = 0; i < 20000; ++i) line(i, 1) = line(i, 2) = line(i, 0);
  const auto wave = [](const double* x) { return std::sin(3.0 * x[0]); };
  const RBFInterpolator f(line, values_at(line, wave),
                          {.kernel = Kernel::linear, .method = RBFMethod::partition_of_unity});
  auto between = scattered(100, 3, 0.3);
  for (std::size_t q = 0; q < 100; ++q) between(q, 1) = between(q, 2) = between(q, 0);
  // A piecewise linear function, of pieces of 5e-5 on average: h^2 / 8 times the second derivative.
  BOOST_TEST(rms_difference(f(between), values_at(between, wave)) < 1e-7);
}

BOOST_AUTO_TEST_CASE(patches_that_cannot_grow_take_all_points) {
  // A few of the smallest numbers wide: a share of that rounds to nothing.
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

BOOST_AUTO_TEST_CASE(lost_digits_far_from_all_patches_are_warned_of) {
  // A quintic knows no scale: with coordinates times 3, which rounds otherwise, everything but rounding is the same.
  const auto points = scattered(500, 2);
  const auto values = values_at(points, [](const double* x) { return std::sin(3.0 * (x[0] + x[1])); });
  const xt::xarray<double> queries = 100.0 * scattered(30, 2) + 1.0;
  const xt::xarray<double> tripled = 3.0 * points;
  const xt::xarray<double> queries_tripled = 3.0 * queries;
  const RBFOptions options{.kernel = Kernel::quintic, .method = RBFMethod::partition_of_unity};
  const auto warnings = warnings_of([&] {
    const RBFInterpolator f(points, values, options);
    const RBFInterpolator three(tripled, values, options);
    const auto warnings_of_queries = warnings_of([&] {
      const auto found = f(queries);
      BOOST_TEST(relative_difference(three(queries_tripled), found) > 1.5e-8);
    });
    BOOST_TEST(warnings_of_queries.size() == 2U);
  });
  BOOST_TEST(warnings.size() == 0U);
}
