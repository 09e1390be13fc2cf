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
import fieldfold.interpolation.delaunay;
import fieldfold.interpolation.method;

#include "support/data/scattered_points.hpp"

using fieldfold::Interpolation;

BOOST_AUTO_TEST_CASE(linear_reproduces_linear_functions_and_takes_the_nearest_value_outside) {
  if (!fieldfold::delaunay_is_built()) return;
  const Interpolation linear{"linear", {}};
  for (const std::size_t dim : {2U, 3U}) {
    // Scattered points, and a regular grid with its degenerate simplices.
    auto grid = xt::xarray<double>::from_shape({dim == 2 ? std::size_t{144} : std::size_t{216}, dim});
    const std::size_t side = dim == 2 ? 12 : 6;
    for (std::size_t i = 0; i < grid.shape(0); ++i)
      for (std::size_t axis = 0, rest = i; axis < dim; ++axis, rest /= side)
        grid(i, axis) = static_cast<double>(rest % side) / static_cast<double>(side - 1);
    const auto plane = [&](const double* x) { return 1.0 + x[0] - 2.0 * x[dim - 1]; };
    for (const auto& points : {scattered(400, dim), grid}) {
      const xt::xarray<double> queries = 0.6 * scattered(300, dim, 0.2) + 0.2;
      const auto values = values_at(points, plane);
      BOOST_TEST(relative_difference(linear(points, values, queries), values_at(queries, plane)) < 1e-12);
      BOOST_TEST(relative_difference(linear(points, values, points), values) < 1e-12);
      // Scale and origin of the coordinates are immaterial.
      const xt::xarray<double> far_points = points * 1e50 + 1e52;
      const xt::xarray<double> far_queries = queries * 1e50 + 1e52;
      BOOST_TEST(relative_difference(linear(far_points, values, far_queries), values_at(queries, plane)) < 1e-11);
    }
    xt::xarray<double> outside = 10.0 + scattered(20, dim);
    const auto corner = linear(grid, values_at(grid, plane), outside);
    for (const double value : corner) BOOST_TEST(std::abs(value) < 1e-12);  // 1 + 1 - 2 at the corner (1, 1)
  }
  const auto line = scattered(20, 2);
  BOOST_CHECK_THROW(linear(scattered(9, 4), xt::xarray<double>(xt::zeros<double>({9})), scattered(2, 4)),
                    fieldfold::InvalidArgument);
  const Interpolation periodic{"linear", {.periods = {1.0, 0.0}}};
  BOOST_CHECK_THROW(periodic(line, values_at(line, franke), line), fieldfold::InvalidArgument);
  const xt::xarray<double> alike{{1.0, 2.0}, {1.0, 2.0}, {1.0, 2.0}, {1.0, 2.0}};
  const std::string what = error_of([&] { linear(alike, values_at(alike, franke), line); });
  BOOST_TEST(what.find("4 points have no Delaunay triangulation") != std::string::npos);
}

namespace {

/// A regular grid in the unit square or cube.
xt::xarray<double> grid(std::size_t side, std::size_t dim) {
  std::size_t count = 1;
  for (std::size_t axis = 0; axis < dim; ++axis) count *= side;
  auto points = xt::xarray<double>::from_shape({count, dim});
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t axis = 0, rest = i; axis < dim; ++axis, rest /= side)
      points(i, axis) = static_cast<double>(rest % side) / static_cast<double>(side - 1);
  return points;
}

/// Turns the last axis into the first, and the first into the second, for 3-D points.
xt::xarray<double> turned(xt::xarray<double> points, double angle) {
  for (std::size_t axis = 0; axis + 1 < points.shape(1); ++axis)
    for (std::size_t i = 0; i < points.shape(0); ++i) {
      const double x = points(i, axis);
      const double y = points(i, axis + 1);
      points(i, axis) = std::cos(angle) * x - std::sin(angle) * y;
      points(i, axis + 1) = std::sin(angle) * x + std::cos(angle) * y;
    }
  return points;
}

/// Random convex combinations of all points of a set, and of each two and three of neighboring numbers: inside the
/// hull, on it, and on sides of simplices.
xt::xarray<double> combinations(const xt::xarray<double>& points) {
  constexpr std::size_t count = 2000;
  const std::size_t n = points.shape(0);
  const auto shares = scattered(count, 4, 0.3);
  auto queries = xt::xarray<double>::from_shape({count, points.shape(1)});
  for (std::size_t q = 0; q < count; ++q) {
    const std::size_t terms = 1 + q % 4;
    double sum = 0.0;
    for (std::size_t k = 0; k < terms; ++k) sum += shares(q, k) + 1e-3;
    for (std::size_t axis = 0; axis < points.shape(1); ++axis) queries(q, axis) = 0.0;
    for (std::size_t k = 0; k < terms; ++k)
      for (std::size_t axis = 0; axis < points.shape(1); ++axis)
        queries(q, axis) += (shares(q, k) + 1e-3) / sum * points((37 * q + (q % 3 == 0 ? 101 : 1) * k) % n, axis);
  }
  return queries;
}

/// The largest error of a linear function at queries inside the hull, over its range. Each axis contributes alike.
double error_of_linear_function(const xt::xarray<double>& points) {
  const auto queries = combinations(points);
  std::vector<double> low(points.shape(1), 1e300);
  std::vector<double> high(points.shape(1), -1e300);
  for (std::size_t i = 0; i < points.shape(0); ++i)
    for (std::size_t axis = 0; axis < low.size(); ++axis) {
      low[axis] = std::min(low[axis], points(i, axis));
      high[axis] = std::max(high[axis], points(i, axis));
    }
  const auto function = [&](const double* x) {
    double value = 0.0;
    for (std::size_t axis = 0; axis < low.size(); ++axis)
      if (high[axis] > low[axis]) value += (x[axis] - low[axis]) / (high[axis] - low[axis]);
    return value;
  };
  const auto found = Interpolation{"linear", {}}(points, values_at(points, function), queries);
  const auto expected = values_at(queries, function);
  double error = 0.0;
  for (std::size_t q = 0; q < found.size(); ++q) error = std::max(error, std::abs(found(q) - expected(q)));
  return error;
}

}  // namespace

BOOST_AUTO_TEST_CASE(linear_functions_are_reproduced_among_slivers) {
  if (!fieldfold::delaunay_is_built()) return;
  // Corners of cubes lie on spheres, and rounding makes slivers of them.
  BOOST_TEST(error_of_linear_function(turned(grid(6, 3), 0.4)) < 1e-9);
  auto refined = xt::xarray<double>::from_shape({std::size_t{216 + 216}, std::size_t{3}});
  const auto coarse = grid(6, 3);
  for (std::size_t i = 0; i < 216; ++i)
    for (std::size_t axis = 0; axis < 3; ++axis) {
      refined(i, axis) = coarse(i, axis);
      refined(216 + i, axis) = 0.4 + 0.5 * coarse(i, axis);
    }
  BOOST_TEST(error_of_linear_function(turned(refined, 0.4)) < 1e-9);

  for (const auto& set : {grid(8, 3), scattered(500, 3)}) {
    xt::xarray<double> stretched = set;
    for (std::size_t i = 0; i < set.shape(0); ++i) {
      stretched(i, 1) *= 1e-4;
      stretched(i, 2) *= 1e3;
    }
    BOOST_TEST(error_of_linear_function(stretched) < 1e-9);
  }

  for (const std::size_t dim : {2U, 3U}) {
    // Wall distances from 1e-5 to 1, in geometric steps.
    auto layer = grid(dim == 2 ? 30 : 12, dim);
    for (std::size_t i = 0; i < layer.shape(0); ++i) layer(i, 1) = std::pow(10.0, 5.0 * (layer(i, 1) - 1.0)) - 1e-5;
    BOOST_TEST(error_of_linear_function(turned(layer, 0.5235987755982988)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(queries_on_the_hull_are_inside_also_far_from_the_origin) {
  if (!fieldfold::delaunay_is_built()) return;
  // The edges of a turned square at eastings and northings in meters, whose rounding errors are 1e-9.
  for (const double offset : {0.0, 1e5, 4.6e6}) {
    auto corners = xt::xarray<double>::from_shape({std::size_t{400}, std::size_t{2}});
    const auto shares = scattered(400, 1);
    for (std::size_t q = 0; q < 400; ++q) {
      corners(q, q % 2) = shares(q, 0);
      corners(q, 1 - q % 2) = q % 4 < 2 ? 0.0 : 1.0;
    }
    const auto place = [&](const xt::xarray<double>& points) {
      xt::xarray<double> moved = turned(points, 0.5235987755982988);
      for (double& x : moved) x = 400.0 * x + offset;
      return moved;
    };
    const auto plane = [](const double* x) { return x[0] + 2.0 * x[1]; };
    const auto points = grid(20, 2);
    const auto found = Interpolation{"linear", {}}(place(points), values_at(points, plane), place(corners));
    // Rounding errors of 1e-9, relative to the side of 400.
    BOOST_TEST(relative_difference(found, values_at(corners, plane)) < 1e-11);
  }
}

BOOST_AUTO_TEST_CASE(points_on_circles_and_spheres_have_a_triangulation) {
  if (!fieldfold::delaunay_is_built()) return;
  const xt::xarray<double> triangle{{0.0, 0.0}, {3.0, 0.5}, {1.0, 2.0}};
  const xt::xarray<double> rectangle{{0.0, 0.0}, {2.0, 0.0}, {0.0, 1.0}, {2.0, 1.0}};
  BOOST_TEST(error_of_linear_function(triangle) < 1e-12);
  BOOST_TEST(error_of_linear_function(rectangle) < 1e-12);
  BOOST_TEST(error_of_linear_function(grid(2, 2)) < 1e-12);
  BOOST_TEST(error_of_linear_function(grid(2, 3)) < 1e-12);
  for (const std::size_t count : {6U, 40U}) {
    auto ring = xt::xarray<double>::from_shape({std::size_t{count}, std::size_t{2}});
    for (std::size_t i = 0; i < count; ++i) {
      const double angle = 6.283185307179586 * static_cast<double>(i) / static_cast<double>(count);
      ring(i, 0) = std::cos(angle);
      ring(i, 1) = std::sin(angle);
    }
    BOOST_TEST(error_of_linear_function(ring) < 1e-12);
  }
  auto sphere = scattered(200, 3);
  for (std::size_t i = 0; i < 200; ++i) {
    const double height = 2.0 * sphere(i, 2) - 1.0;
    const double angle = 6.283185307179586 * sphere(i, 0);
    sphere(i, 0) = std::sqrt(1.0 - height * height) * std::cos(angle);
    sphere(i, 1) = std::sqrt(1.0 - height * height) * std::sin(angle);
    sphere(i, 2) = height;
  }
  BOOST_TEST(error_of_linear_function(sphere) < 1e-12);
}

BOOST_AUTO_TEST_CASE(points_in_a_subspace_are_triangulated_there) {
  if (!fieldfold::delaunay_is_built()) return;
  auto wall = xt::xarray<double>::from_shape({std::size_t{144}, std::size_t{3}});
  const auto flat = grid(12, 2);
  for (std::size_t i = 0; i < 144; ++i) {
    wall(i, 0) = flat(i, 0);
    wall(i, 1) = flat(i, 1);
    wall(i, 2) = 2.0 - 0.3 * flat(i, 0) + 0.7 * flat(i, 1);
  }
  BOOST_TEST(error_of_linear_function(wall) < 1e-12);
  auto line = scattered(50, 2);
  for (std::size_t i = 0; i < 50; ++i) line(i, 1) = 3.0 - line(i, 0);
  BOOST_TEST(error_of_linear_function(line) < 1e-12);
  BOOST_TEST(error_of_linear_function(scattered(50, 1)) < 1e-12);
}
