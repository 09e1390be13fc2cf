#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse_cholesky;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/scattered_points.hpp"

using fieldfold::Kernel;
using fieldfold::NumericalError;
using fieldfold::RBFInterpolator;
using fieldfold::RBFOptions;

BOOST_AUTO_TEST_CASE(sparse_systems_equal_dense_systems) {
  // Distant clusters decouple: the sparse system consists of the dense system of each cluster.
  constexpr std::size_t cluster = 500;
  constexpr std::size_t clusters = 9;
  const auto one = scattered(cluster, 2);
  auto points = xt::xarray<double>::from_shape({cluster * clusters, std::size_t{2}});
  for (std::size_t i = 0; i < cluster * clusters; ++i) {
    points(i, 0) = one(i % cluster, 0) + 10.0 * static_cast<double>(i / cluster);
    points(i, 1) = one(i % cluster, 1);
  }
  auto values = xt::xarray<double>::from_shape({cluster * clusters, std::size_t{2}});
  for (std::size_t i = 0; i < cluster * clusters; ++i) {
    values(i, 0) = franke(&one(i % cluster, 0));
    values(i, 1) = std::cos(static_cast<double>(i));
  }
  const auto queries = scattered(40, 2, 0.2);
  for (const Kernel kernel : {Kernel::wendland_c2, Kernel::wendland_c6}) {
    const RBFOptions options{.kernel = kernel, .epsilon = 5.0, .degree = -1};
    const RBFInterpolator all(points, values, options);
    if (fieldfold::sparse_cholesky_is_built())
      BOOST_CHECK_THROW(all.leave_one_out_errors(), fieldfold::InvalidArgument);
    xt::xarray<double> own_values = xt::view(values, xt::range(0, cluster), xt::all());
    const RBFInterpolator alone(one, own_values, options);
    BOOST_TEST(relative_difference(all(queries), alone(queries)) < 1e-9);
    BOOST_TEST(relative_difference(all.gradient(queries), alone.gradient(queries)) < 1e-8);
  }
  // A polynomial couples the clusters: linear functions are reproduced, values interpolated, and NaN affects only its
  // own column.
  const RBFOptions options{.kernel = Kernel::wendland_c2, .epsilon = 5.0, .degree = 1};
  const auto plane = [](const double* x) { return 2.0 + x[0] - 3.0 * x[1]; };
  const xt::xarray<double> wide = 30.0 * scattered(50, 2, 0.3) - 5.0;
  const RBFInterpolator linear(points, values_at(points, plane), options);
  BOOST_TEST(relative_difference(linear(wide), values_at(wide, plane)) < 1e-9);
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, options)(points), values) < 1e-9);
  auto with_nan = values;
  with_nan(7, 0) = std::numeric_limits<double>::quiet_NaN();
  const auto found = RBFInterpolator(points, with_nan, options)(queries);
  const auto clean = RBFInterpolator(points, values, options)(queries);
  for (std::size_t q = 0; q < 40; ++q) BOOST_TEST(std::abs(found(q, 1) - clean(q, 1)) < 1e-10);
  auto duplicated = points;
  duplicated(1, 0) = duplicated(0, 0);
  duplicated(1, 1) = duplicated(0, 1);
  BOOST_CHECK_THROW(RBFInterpolator(duplicated, values, options), NumericalError);
}
