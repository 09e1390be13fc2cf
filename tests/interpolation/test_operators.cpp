#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.interpolation.delaunay;
import fieldfold.interpolation.method;
import fieldfold.interpolation.operators;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

#include "support/data/interpolation_kinds.hpp"
#include "support/data/scattered_points.hpp"

using fieldfold::InterpolationOperator;

BOOST_AUTO_TEST_CASE(operators_equal_the_interpolation) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(90, 2, 0.2);
  auto values = xt::xarray<double>::from_shape({300, 3, 5});
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t s = 0; s < 15; ++s) values.flat(15 * i + s) = std::sin(points(i, 0) * static_cast<double>(s + 1));
  for (const auto& kind : kinds()) {
    const InterpolationOperator op(points, queries, kind);
    const auto found = op(values);
    BOOST_TEST((found.dimension() == 3U && found.shape(0) == 90U && found.shape(2) == 5U));
    BOOST_TEST(relative_difference(found, kind(points, values, queries)) < 1e-10, kind.method);
    // Each column alone is summed in another order.
    for (std::size_t s = 0; s < 15; ++s) {
      auto column = xt::xarray<double>::from_shape({300});
      for (std::size_t i = 0; i < 300; ++i) column(i) = values.flat(15 * i + s);
      const auto alone = op(column);
      for (std::size_t q = 0; q < 90; ++q) BOOST_TEST(std::abs(alone(q) - found.flat(15 * q + s)) < 1e-10);
    }
    BOOST_CHECK_THROW(op(scattered(299, 1)), fieldfold::InvalidArgument);
    // Samples for the estimate of the rounding error, at too few points.
    const auto few = scattered(299, 1);
    if (kind.method == "rbf")
      BOOST_CHECK_THROW(InterpolationOperator(points, queries, kind, fieldfold::as_matrix(few)),
                        fieldfold::InvalidArgument);
  }
}

BOOST_AUTO_TEST_CASE(transpose_is_adjoint_and_conservative) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(90, 2, 0.2);
  const auto values = values_at(points, franke);
  const auto forces = values_at(queries, [](const double* x) { return x[0] - 0.3; });
  for (const auto& kind : kinds())
    for (const std::size_t threads : {1U, 2U}) {
      const InterpolationOperator op(points, queries, kind);
      const auto on_points = op.transposed(forces, threads);
      const auto on_queries = op(values, threads);
      double left = 0.0;
      double right = 0.0;
      double sum = 0.0;
      double arrived = 0.0;
      for (std::size_t q = 0; q < 90; ++q) {
        left += on_queries(q) * forces(q);
        sum += forces(q);
      }
      for (std::size_t i = 0; i < 300; ++i) {
        right += values(i) * on_points(i);
        arrived += on_points(i);
      }
      // <W v, f> = <v, W^T f>; and the weights of a query sum to 1, because constants are reproduced.
      BOOST_TEST(std::abs(left - right) < 1e-10, kind.method);
      BOOST_TEST(std::abs(sum - arrived) < 1e-10, kind.method);
    }
}

BOOST_AUTO_TEST_CASE(operators_keep_the_shape_of_queries) {
  const auto points = scattered(50, 2);
  auto queries = scattered(24, 2, 0.2);
  queries.reshape({4, 6, 2});
  const InterpolationOperator op(points, queries);
  BOOST_TEST((op.query_shape() == fieldfold::Shape{4, 6} && op.num_queries() == 24U && op.num_points() == 50U));
  BOOST_TEST(op.bytes() == 24U * 50U * 8U);
}

BOOST_AUTO_TEST_CASE(inconsistent_operators_are_rejected) {
  using fieldfold::InvalidArgument;
  using fieldfold::SparseRows;
  const auto of = [](SparseRows rows, fieldfold::Shape shape) { return InterpolationOperator(rows, shape); };
  BOOST_CHECK_THROW(of({.cols = 2, .offsets = {0, 1}, .columns = {2}, .weights = {1.0}}, {1}), InvalidArgument);
  BOOST_CHECK_THROW(of({.cols = 2, .offsets = {0, 2}, .columns = {1}, .weights = {1.0}}, {1}), InvalidArgument);
  BOOST_CHECK_THROW(of({.cols = 2, .offsets = {0, 1}, .columns = {1}, .weights = {1.0}}, {2}), InvalidArgument);
  const std::size_t huge = std::size_t{1} << 63;
  BOOST_CHECK_THROW(of({.cols = 2, .offsets = {0}}, {huge, 4, 0, 2}), InvalidArgument);
  BOOST_TEST(of({.cols = 2, .offsets = {0, 1}, .columns = {1}, .weights = {0.5}},
                {1})(xt::xarray<double>{1.0, 4.0})(0) == 2.0);
  const auto points = scattered(5, 2);
  BOOST_TEST(error_of([&] { InterpolationOperator(points, scattered(3, 3), {"nearest", {}}); }) ==
             "queries: expected points of dimension 2, got 3");
}
