#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"

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
  auto line = scattered(20, 2);
  for (std::size_t i = 0; i < 20; ++i) line(i, 1) = 0.0;
  BOOST_CHECK_THROW(linear(line, values_at(line, franke), line), fieldfold::NumericalError);
  BOOST_CHECK_THROW(linear(scattered(9, 4), xt::xarray<double>(xt::zeros<double>({9})), scattered(2, 4)),
                    fieldfold::InvalidArgument);
  const Interpolation periodic{"linear", {.periods = {1.0, 0.0}}};
  BOOST_CHECK_THROW(periodic(line, values_at(line, franke), line), fieldfold::InvalidArgument);
}
