#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.points.affine;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/scattered_points.hpp"
#include "support/warnings_of.hpp"

using fieldfold::AffineSpan;
using fieldfold::as_matrix;

namespace {

/// Points of a plane through (5, -3, 2) with the normal (-0.3, 0.2, 1).
xt::xarray<double> slanted(const xt::xarray<double>& plane) {
  auto points = xt::xarray<double>::from_shape({plane.shape(0), std::size_t{3}});
  for (std::size_t i = 0; i < plane.shape(0); ++i) {
    points(i, 0) = 5.0 + plane(i, 0);
    points(i, 1) = plane(i, 1) - 3.0;
    points(i, 2) = 2.0 + 0.3 * plane(i, 0) - 0.2 * plane(i, 1);
  }
  return points;
}

AffineSpan span_of(const xt::xarray<double>& points) { return AffineSpan(as_matrix(points)); }

/// The largest difference of the distances between points before and after, over the largest distance.
double change_of_distances(const xt::xarray<double>& points, const xt::xarray<double>& coordinates) {
  double change = 0.0;
  double largest = 0.0;
  const auto distance = [](const xt::xarray<double>& rows, std::size_t i, std::size_t j) {
    double length = 0.0;
    for (std::size_t axis = 0; axis < rows.shape(1); ++axis) length = std::hypot(length, rows(i, axis) - rows(j, axis));
    return length;
  };
  for (std::size_t i = 0; i < points.shape(0); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      largest = std::max(largest, distance(points, i, j));
      change = std::max(change, std::abs(distance(points, i, j) - distance(coordinates, i, j)));
    }
  return change / largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(coordinates_in_a_plane_keep_distances) {
  const auto points = slanted(scattered(60, 2));
  const auto span = span_of(points);
  BOOST_TEST(span.rank() == 2U);
  // A few rounding units of coordinates of 6.
  BOOST_TEST(change_of_distances(points, span.coordinates(as_matrix(points))) < 1e-14);
  BOOST_TEST(span.distance(as_matrix(points)) == 0.0);
  // A step along the unit normal.
  xt::xarray<double> off = points;
  const double length = std::sqrt(0.09 + 0.04 + 1.0);
  for (std::size_t i = 0; i < 60; ++i) {
    off(i, 0) += -0.3 * 0.7 / length;
    off(i, 1) += 0.2 * 0.7 / length;
    off(i, 2) += 0.7 / length;
  }
  BOOST_TEST(std::abs(span.distance(as_matrix(std::as_const(off))) - 0.7) < 1e-13);
  BOOST_TEST(relative_difference(span.coordinates(as_matrix(std::as_const(off))), span.coordinates(as_matrix(points))) <
             1e-13);
}

BOOST_AUTO_TEST_CASE(constant_axes_are_left_out_and_the_others_are_unchanged) {
  const auto plane = scattered(40, 2);
  auto points = xt::xarray<double>::from_shape({std::size_t{40}, std::size_t{3}});
  for (std::size_t i = 0; i < 40; ++i) {
    points(i, 0) = plane(i, 0);
    points(i, 1) = -7.25;
    points(i, 2) = plane(i, 1);
  }
  const auto span = span_of(points);
  BOOST_TEST(span.rank() == 2U);
  BOOST_TEST(span.coordinates(as_matrix(std::as_const(points))) == plane);
}

BOOST_AUTO_TEST_CASE(a_line_in_space_has_one_coordinate) {
  auto points = scattered(20, 3);
  for (std::size_t i = 0; i < 20; ++i) {
    points(i, 1) = 2.0 * points(i, 0) + 1.0;
    points(i, 2) = 4.0 - points(i, 0);
  }
  const auto span = span_of(points);
  BOOST_TEST(span.rank() == 1U);
  BOOST_TEST(change_of_distances(points, span.coordinates(as_matrix(std::as_const(points)))) < 1e-14);
}

BOOST_AUTO_TEST_CASE(derivatives_follow_the_chain_rule) {
  // The coordinate functions of a plane are linear, so their gradients are difference quotients.
  const auto points = slanted(scattered(30, 2));
  const auto span = span_of(points);
  const xt::xarray<double> origin{{5.1, -3.2, 2.3}};
  const auto before = span.coordinates(as_matrix(origin));
  for (std::size_t axis = 0; axis < 3; ++axis) {
    xt::xarray<double> moved = origin;
    moved(0, axis) += 0.5;
    const auto after = span.coordinates(as_matrix(std::as_const(moved)));
    for (std::size_t r = 0; r < 2; ++r) {
      std::vector<double> direction(2, 0.0);
      direction[r] = 1.0;
      BOOST_TEST(std::abs(span.chain(axis, direction) - 2.0 * (after(0, r) - before(0, r))) < 1e-13);
    }
  }
}

BOOST_AUTO_TEST_CASE(noise_off_a_plane_is_told_from_thin_layers) {
  const auto with_noise = [](double noise) {
    auto points = slanted(scattered(60, 2));
    const auto random = scattered(60, 1, 0.4);
    for (std::size_t i = 0; i < 60; ++i) points(i, 2) += noise * (random(i, 0) - 0.5);
    return points;
  };
  // Coordinates rounded to single precision, and larger noise.
  auto single = slanted(scattered(60, 2));
  for (double& x : single) x = static_cast<double>(static_cast<float>(x));
  BOOST_TEST(span_of(single).rank() == 2U);
  BOOST_TEST(span_of(with_noise(1e-6)).rank() == 2U);
  BOOST_TEST(span_of(with_noise(1e-2)).rank() == 3U);

  // Two layers a millionth of their width apart share places in the plane.
  auto layers = slanted(scattered(60, 2));
  for (std::size_t i = 30; i < 60; ++i)
    for (std::size_t axis = 0; axis < 3; ++axis) layers(i, axis) = layers(i - 30, axis) + (axis == 2 ? 1e-6 : 0.0);
  BOOST_TEST(span_of(layers).rank() == 3U);

  // An angle beside a Reynolds number: small, but not noise.
  auto parameters = scattered(60, 2);
  for (std::size_t i = 0; i < 60; ++i) parameters(i, 0) *= 1e7;
  const auto span = span_of(parameters);
  BOOST_TEST(span.rank() == 2U);
  const auto heard = warnings_of([&] { span.warn_if_nearly_flat("points"); });
  BOOST_TEST_REQUIRE(heard.size() == 1U);
  BOOST_TEST(heard[0].find("scales") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(few_points_and_kept_axes_stay_as_they_are) {
  const xt::xarray<double> three{{0.0, 0.0, 1.0}, {1.0, 0.0, 1.0}, {0.0, 1.0, 1.0}};
  BOOST_TEST(span_of(three).rank() == 2U);
  const xt::xarray<double> alike{{2.0, 3.0}, {2.0, 3.0}, {2.0, 3.0}, {2.0, 3.0}};
  BOOST_TEST(span_of(alike).is_whole());
  auto points = scattered(30, 3);
  for (std::size_t i = 0; i < 30; ++i) points(i, 1) = 3.0 * points(i, 0);
  const AffineSpan span(as_matrix(std::as_const(points)), {false, false, true});
  BOOST_TEST(span.rank() == 2U);
  const auto coordinates = span.coordinates(as_matrix(std::as_const(points)));
  for (std::size_t i = 0; i < 30; ++i) BOOST_TEST(coordinates(i, 1) == points(i, 2));
}
