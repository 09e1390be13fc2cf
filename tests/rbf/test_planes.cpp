// Points in an affine subspace: interpolants equal those in coordinates of the subspace.

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/interpolants.hpp"
#include "support/data/scattered_points.hpp"
#include "support/warnings_of.hpp"

using fieldfold::Kernel;
using fieldfold::RBFInterpolator;
using fieldfold::RBFMethod;
using fieldfold::RBFOptions;

namespace {

/// Points `(n, r)` on a subspace of `r + 1` dimensions: an isometry followed by a shift.
xt::xarray<double> embedded(const xt::xarray<double>& points, double tilt, double offset) {
  const std::size_t rank = points.shape(1);
  auto result = xt::xarray<double>::from_shape({points.shape(0), rank + 1});
  for (std::size_t i = 0; i < points.shape(0); ++i) {
    for (std::size_t axis = 0; axis < rank; ++axis) result(i, axis) = points(i, axis);
    result(i, 0) = offset + std::cos(tilt) * points(i, 0);
    result(i, rank) = std::sin(tilt) * points(i, 0);
  }
  return result;
}

struct Schemes {
  std::string name;
  RBFOptions options;
};

std::vector<Schemes> schemes() {
  return {{"all points", {}},
          {"neighbors", {.neighbors = 20}},
          {"partition", {.method = RBFMethod::partition_of_unity, .cluster_size = 30}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(interpolation_in_a_subspace_is_that_in_its_coordinates) {
  for (const std::size_t rank : {1U, 2U}) {
    const auto points = scattered(90, rank);
    const auto queries = scattered(20, rank, 0.3);
    const auto values = smooth_values(points);
    for (const auto& kernel : fieldfold::kernels())
      for (auto [name, options] : schemes()) {
        options.kernel = kernel.kernel;
        // About the distance between points, so that the systems are well-conditioned.
        if (!kernel.scale_invariant) options.epsilon = kernel.compact ? 3.0 : rank == 1 ? 60.0 : 8.0;
        const auto expected = RBFInterpolator(points, values, options)(queries);
        for (const double tilt : {0.0, 0.6, 1.5707963267948966}) {
          const RBFInterpolator f(embedded(points, tilt, 3.0), values, options);
          BOOST_TEST(relative_difference(f(embedded(queries, tilt, 3.0)), expected) < 1e-10,
                     name << ", " << kernel.name << ", rank " << rank << ", tilt " << tilt);
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(linear_functions_on_a_plane_are_reproduced) {
  const auto points = embedded(scattered(300, 2), 0.6, 1e3);
  const auto queries = embedded(scattered(50, 2, 0.2), 0.6, 1e3);
  const auto linear = [](const double* x) { return 2.0 * (x[0] - 1e3) - x[1] + 0.5 * x[2]; };
  for (const auto kernel : {Kernel::thin_plate_spline, Kernel::cubic, Kernel::quintic})
    for (auto [name, options] : schemes()) {
      options.kernel = kernel;
      const auto found = RBFInterpolator(points, values_at(points, linear), options)(queries);
      BOOST_TEST(relative_difference(found, values_at(queries, linear)) < 1e-10, name);
    }
}

BOOST_AUTO_TEST_CASE(queries_off_a_plane_are_projected_with_one_warning) {
  const auto plane = scattered(200, 2);
  const auto points = embedded(plane, 0.6, 0.0);
  const auto on = embedded(scattered(30, 2, 0.2), 0.6, 0.0);
  xt::xarray<double> off = on;
  for (std::size_t q = 0; q < 30; ++q) {
    off(q, 0) -= 0.125 * std::sin(0.6);
    off(q, 2) += 0.125 * std::cos(0.6);
  }
  const auto values = smooth_values(plane);
  for (const auto& [name, options] : schemes()) {
    const RBFInterpolator f(points, values, options);
    BOOST_TEST(warnings_of([&] { f(on); }).empty(), name);
    xt::xarray<double> projected;
    const auto heard = warnings_of([&] { projected = f(off); });
    BOOST_TEST(relative_difference(projected, f(on)) < 1e-10, name);
    BOOST_TEST_REQUIRE(heard.size() == 1U);
    BOOST_TEST(heard[0].find("off the plane") != std::string::npos);
    BOOST_TEST(std::abs(std::stod(heard[0].substr(heard[0].find("up to ") + 6)) - 0.125) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(gradients_on_a_plane_are_tangential) {
  const auto plane = scattered(200, 2);
  const auto queries = scattered(20, 2, 0.2);
  const auto values = smooth_values(plane);
  const double tilt = 0.6;
  for (const auto& [name, options] : schemes()) {
    const auto flat = RBFInterpolator(plane, values, options).gradient(queries);
    const auto found =
        RBFInterpolator(embedded(plane, tilt, 2.0), values, options).gradient(embedded(queries, tilt, 2.0));
    auto expected = xt::xarray<double>::from_shape({std::size_t{20}, std::size_t{3}});
    for (std::size_t q = 0; q < 20; ++q) {
      expected(q, 0) = std::cos(tilt) * flat(q, 0);
      expected(q, 1) = flat(q, 1);
      expected(q, 2) = std::sin(tilt) * flat(q, 0);
    }
    BOOST_TEST(relative_difference(found, expected) < 1e-9, name);
  }
}

BOOST_AUTO_TEST_CASE(the_faces_of_a_cube_reproduce_linear_functions) {
  // The points span space, but most stencils lie in one face.
  const auto plane = scattered(900, 2);
  auto points = xt::xarray<double>::from_shape({std::size_t{900}, std::size_t{3}});
  for (std::size_t i = 0; i < 900; ++i) {
    const std::size_t axis = i % 3;
    points(i, axis) = i % 2 == 0 ? 0.0 : 1.0;
    points(i, (axis + 1) % 3) = plane(i, 0);
    points(i, (axis + 2) % 3) = plane(i, 1);
  }
  const xt::xarray<double> queries{{0.5, 0.4, 0.0}, {0.3, 1.0, 0.6}, {1.0, 0.5, 0.45}};
  const auto linear = [](const double* x) { return 1.0 + x[0] - 2.0 * x[1] + 3.0 * x[2]; };
  for (RBFOptions options :
       {RBFOptions{.neighbors = 20}, RBFOptions{.method = RBFMethod::partition_of_unity, .cluster_size = 40}}) {
    const auto found = RBFInterpolator(points, values_at(points, linear), options)(queries);
    BOOST_TEST(relative_difference(found, values_at(queries, linear)) < 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(a_periodic_axis_stays_a_circle_beside_a_slanted_plane) {
  // Points (x, x / 2, angle): the plane of x and x / 2 has one dimension.
  const auto plane = scattered(150, 2);
  const auto queries = scattered(20, 2, 0.2);
  const auto lift = [](const xt::xarray<double>& rows) {
    auto result = xt::xarray<double>::from_shape({rows.shape(0), std::size_t{3}});
    for (std::size_t i = 0; i < rows.shape(0); ++i) {
      result(i, 0) = rows(i, 0) * 2.0 / std::sqrt(5.0);
      result(i, 1) = rows(i, 0) / std::sqrt(5.0);
      result(i, 2) = rows(i, 1);
    }
    return result;
  };
  const auto values = smooth_values(plane);
  for (const auto kernel : {Kernel::cubic, Kernel::quintic}) {
    const auto expected = RBFInterpolator(plane, values, {.kernel = kernel, .periods = {0.0, 1.0}})(queries);
    const auto found =
        RBFInterpolator(lift(plane), values, {.kernel = kernel, .periods = {0.0, 0.0, 1.0}})(lift(queries));
    // Seven digits are lost with quintics.
    BOOST_TEST(relative_difference(found, expected) < (kernel == Kernel::cubic ? 1e-9 : 1e-6));
  }
}
