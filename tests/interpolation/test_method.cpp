#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.interpolation.delaunay;
import fieldfold.interpolation.method;
import fieldfold.interpolation.operators;
import fieldfold.linalg.sparse;
import fieldfold.linalg.sparse_cholesky;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/scattered_points.hpp"

namespace {

/// What the concept asks for, and nothing else.
struct FirstValue {
  xt::xarray<double> values;
  FirstValue(const fieldfold::ArrayRef<double>&, const fieldfold::ArrayRef<double>& given, const fieldfold::RBFOptions&)
      : values(given.copy()) {}
  xt::xarray<double> operator()(const fieldfold::ArrayRef<double>& queries) const {
    return xt::xarray<double>(xt::zeros<double>({queries.shape()[0]})) + values(0);
  }
};

static_assert(fieldfold::Interpolator<FirstValue>);
static_assert(fieldfold::Interpolator<fieldfold::RBFInterpolator>);
static_assert(!fieldfold::Interpolator<xt::xarray<double>>);

}  // namespace

BOOST_AUTO_TEST_CASE(rbf_by_name_is_rbf) {
  auto points = xt::xarray<double>::from_shape({20, 1});
  auto values = xt::xarray<double>::from_shape({20});
  for (std::size_t i = 0; i < 20; ++i) {
    points(i, 0) = 0.1 * static_cast<double>(i);
    values(i) = std::sin(points(i, 0));
  }
  const xt::xarray<double> queries = xt::view(points, xt::range(0, 19)) + 0.03;
  const fieldfold::RBFOptions options{.kernel = fieldfold::Kernel::cubic};
  const fieldfold::Interpolation interpolation{"rbf", options};
  const xt::xarray<double> direct = fieldfold::RBFInterpolator(points, values, options)(queries);
  BOOST_TEST(relative_difference(interpolation(points, values, queries), direct) == 0.0);
}

BOOST_AUTO_TEST_CASE(an_unknown_method_lists_the_known) {
  const fieldfold::Interpolation interpolation{.method = "kriging"};
  try {
    interpolation.validate();
    BOOST_TEST(false, "no error");
  } catch (const fieldfold::InvalidArgument& error) {
    BOOST_TEST(std::string(error.what()) == "interpolate_method: expected one of " +
                                                fieldfold::listing(fieldfold::interpolation_methods()) +
                                                "; got kriging");
  }
}

namespace {

using fieldfold::Interpolation;
using fieldfold::InterpolationOperator;
using fieldfold::RBFMethod;
using fieldfold::RememberedInterpolation;

/// One of each kind of operator.
std::vector<Interpolation> kinds() {
  return {{"rbf", {}},
          {"rbf", {.neighbors = 20}},
          {"rbf", {.method = RBFMethod::partition_of_unity, .cluster_size = 50}},
          {"nearest", {}},
          {"inverse_distance", {.neighbors = 7}},
          {fieldfold::delaunay_is_built() ? "linear" : "nearest", {}}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_operator_is_the_interpolation) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(90, 2, 0.2);
  auto values = xt::xarray<double>::from_shape({300, 3, 5});
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t s = 0; s < 15; ++s) values.flat(15 * i + s) = std::sin(points(i, 0) * static_cast<double>(s + 1));
  for (const auto& kind : kinds()) {
    const InterpolationOperator made(points, queries, kind);
    const auto found = made(values);
    BOOST_TEST((found.dimension() == 3U && found.shape(0) == 90U && found.shape(2) == 5U));
    BOOST_TEST(relative_difference(found, kind(points, values, queries)) < 1e-10, kind.method);
    // Each column alone: sums of another order.
    for (std::size_t s = 0; s < 15; ++s) {
      auto column = xt::xarray<double>::from_shape({300});
      for (std::size_t i = 0; i < 300; ++i) column(i) = values.flat(15 * i + s);
      const auto alone = made(column);
      for (std::size_t q = 0; q < 90; ++q) BOOST_TEST(std::abs(alone(q) - found.flat(15 * q + s)) < 1e-10);
    }
    BOOST_CHECK_THROW(made(scattered(299, 1)), fieldfold::InvalidArgument);
  }
}

BOOST_AUTO_TEST_CASE(the_transpose_is_conservative) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(90, 2, 0.2);
  const auto values = values_at(points, franke);
  const auto forces = values_at(queries, [](const double* x) { return x[0] - 0.3; });
  for (const auto& kind : kinds())
    for (const std::size_t threads : {1U, 2U}) {
      const InterpolationOperator made(points, queries, kind);
      const auto on_points = made.transposed(forces, threads);
      const auto on_queries = made(values, threads);
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
      // <W v, f> = <v, W^T f>; and weights add up to one, because constants are reproduced.
      BOOST_TEST(std::abs(left - right) < 1e-10, kind.method);
      BOOST_TEST(std::abs(sum - arrived) < 1e-10, kind.method);
    }
}

BOOST_AUTO_TEST_CASE(queries_keep_their_shape) {
  const auto points = scattered(50, 2);
  auto queries = scattered(24, 2, 0.2);
  queries.reshape({4, 6, 2});
  const InterpolationOperator made(points, queries);
  BOOST_TEST((made.query_shape() == fieldfold::Shape{4, 6} && made.num_queries() == 24U && made.num_points() == 50U));
  BOOST_TEST(made.bytes() == 24U * 50U * 8U);
}

BOOST_AUTO_TEST_CASE(nearest_takes_the_nearest_and_the_first_of_ties) {
  xt::xarray<double> points{0.0, 1.0, 2.0, 2.0};
  points.reshape({4, 1});
  const xt::xarray<double> values{10.0, 11.0, 12.0, 13.0};
  xt::xarray<double> queries{-5.0, 0.4, 0.5, 1.9};
  queries.reshape({4, 1});
  const auto found = Interpolation{"nearest", {}}(points, values, queries);
  BOOST_TEST((found == xt::xarray<double>{10.0, 10.0, 10.0, 12.0}));
  const auto around = Interpolation{"nearest", {.periods = {2.5}}}(points, values, queries);
  BOOST_TEST(around(0) == 10.0);  // -5 is 0, twice around
}

BOOST_AUTO_TEST_CASE(inverse_distance_is_the_formula_of_shepard) {
  const auto points = scattered(40, 2);
  const auto queries = scattered(10, 2, 0.2);
  const auto values = values_at(points, franke);
  for (const double power : {1.0, 2.0, 3.5}) {
    const auto found = Interpolation{"inverse_distance", {.neighbors = 40, .power = power}}(points, values, queries);
    for (std::size_t q = 0; q < 10; ++q) {
      double sum = 0.0;
      double weights = 0.0;
      for (std::size_t i = 0; i < 40; ++i) {
        const double distance = std::hypot(points(i, 0) - queries(q, 0), points(i, 1) - queries(q, 1));
        sum += values(i) / std::pow(distance, power);
        weights += 1.0 / std::pow(distance, power);
      }
      BOOST_TEST(std::abs(found(q) - sum / weights) < 1e-13);
    }
    const auto at_points = Interpolation{"inverse_distance", {.power = power}}(points, values, points);
    BOOST_TEST(relative_difference(at_points, values) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(what_comes_again_is_remembered) {
  const auto points = scattered(400, 2);
  const auto queries = scattered(90, 2, 0.2);
  const auto others = scattered(90, 2, 0.7);
  const auto first = values_at(points, franke);
  const auto second = values_at(points, [](const double* x) { return x[0] * x[1]; });
  for (const auto& kind : kinds()) {
    const RememberedInterpolation remembered(kind, std::size_t{1} << 30);
    BOOST_TEST(remembered.bytes() == 0U);
    // A partition of unity makes its weights when the same coordinates come the second time.
    for (int time = 0; time < 3; ++time) {
      BOOST_TEST(relative_difference(remembered(points, first, queries), kind(points, first, queries)) < 1e-10);
      BOOST_TEST(relative_difference(remembered(points, second, queries), kind(points, second, queries)) < 1e-10);
      BOOST_TEST(relative_difference(remembered(points, second, others), kind(points, second, others)) < 1e-10);
    }
    BOOST_TEST(remembered.bytes() > 0U);
    const RememberedInterpolation copy = remembered;
    copy.clear();
    BOOST_TEST(remembered.bytes() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(memory_has_a_bound) {
  const auto points = scattered(400, 2);
  const auto values = values_at(points, franke);
  const Interpolation kind{"rbf", {.neighbors = 20}};
  // One operator has 90 rows of 20 entries of 12 bytes, 91 offsets, and their order.
  constexpr std::size_t one = 90 * 20 * 12 + 91 * 8 + 90 * 4;
  const RememberedInterpolation remembered(kind, 2 * one);
  const RememberedInterpolation none(kind, 0);
  for (int turn = 0; turn < 5; ++turn) {
    const auto queries = scattered(90, 2, 0.1 * turn);
    const auto expected = kind(points, values, queries);
    BOOST_TEST(relative_difference(remembered(points, values, queries), expected) < 1e-13);
    BOOST_TEST(relative_difference(none(points, values, queries), expected) < 1e-13);
    BOOST_TEST(remembered.bytes() == (turn == 0 ? one : 2 * one));
    BOOST_TEST(none.bytes() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(sparse_factorizations_count_what_they_take) {
  if (!fieldfold::sparse_cholesky_is_built()) return;
  const auto points = scattered(5000, 2);
  const auto queries = scattered(50, 2, 0.2);
  const Interpolation kind{"rbf", {.kernel = fieldfold::Kernel::wendland_c2, .epsilon = 30.0}};
  // A dense factorization takes 200 MB.
  constexpr std::size_t bound = 50'000'000;
  const RememberedInterpolation remembered(kind, bound);
  for (const double power : {1.0, 2.0}) {
    const auto values = values_at(points, [&](const double* x) { return std::pow(x[0], power) + x[1]; });
    BOOST_TEST(relative_difference(remembered(points, values, queries), kind(points, values, queries)) < 1e-10);
    BOOST_TEST(remembered.bytes() > 0U);
    BOOST_TEST(remembered.bytes() < bound);
  }
}

BOOST_AUTO_TEST_CASE(many_threads_may_remember) {
  const auto points = scattered(300, 2);
  const auto values = values_at(points, franke);
  const Interpolation kind{"rbf", {.neighbors = 15, .threads = 1}};
  const RememberedInterpolation remembered(kind, std::size_t{1} << 16);
  std::vector<double> differences(8, 1.0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        double worst = 0.0;
        for (std::size_t turn = 0; turn < 20; ++turn) {
          const auto queries = scattered(60, 2, 0.1 * static_cast<double>((t + turn) % 5));
          const auto found = remembered(points, values, queries);
          const auto expected = kind(points, values, queries);
          for (std::size_t q = 0; q < 60; ++q) worst = std::max(worst, std::abs(found(q) - expected(q)));
        }
        differences[t] = worst;
      });
  }
  for (const double difference : differences) BOOST_TEST(difference < 1e-13);
}

BOOST_AUTO_TEST_CASE(operators_of_wrong_parts_are_refused) {
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

BOOST_AUTO_TEST_CASE(linear_is_exact_for_linear_functions_and_the_nearest_outside) {
  if (!fieldfold::delaunay_is_built()) return;
  const Interpolation linear{"linear", {}};
  for (const std::size_t dim : {2U, 3U}) {
    // Scattered points, and a regular grid with its flat simplices.
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
      // The scale of coordinates and their origin are immaterial.
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

BOOST_AUTO_TEST_CASE(nearest_points_are_right_at_any_scale_and_from_afar) {
  const auto points = scattered(300, 2);
  const auto values = values_at(points, franke);
  const auto queries = scattered(60, 2, 0.2);
  const auto near = Interpolation{"inverse_distance", {}}(points, values, queries);
  for (const double scale : {1e-200, 1e-161, 1e150}) {
    const xt::xarray<double> scaled_points = scale * points;
    const xt::xarray<double> scaled_queries = scale * queries;
    BOOST_TEST(relative_difference(Interpolation{"inverse_distance", {}}(scaled_points, values, scaled_queries), near) <
               1e-12);
  }
  const xt::xarray<double> afar = 100.0 + queries;
  const auto found = Interpolation{"nearest", {}}(points, values, afar);
  for (std::size_t q = 0; q < 60; ++q) {
    std::size_t best = 0;
    const auto distance = [&](std::size_t i) {
      return std::hypot(afar(q, 0) - points(i, 0), afar(q, 1) - points(i, 1));
    };
    for (std::size_t i = 1; i < 300; ++i)
      if (distance(i) < distance(best)) best = i;
    BOOST_TEST(found(q) == values(best));
  }
}

BOOST_AUTO_TEST_CASE(options_out_of_all_proportion_are_no_crash) {
  const auto points = scattered(40, 2);
  const auto values = values_at(points, franke);
  const std::size_t huge = std::size_t{1} << 63;
  for (const Interpolation& kind :
       {Interpolation{"rbf", {.method = RBFMethod::partition_of_unity, .cluster_size = huge}},
        Interpolation{"rbf", {.neighbors = huge}}}) {
    const RememberedInterpolation remembered(kind, std::size_t{1} << 20);
    BOOST_TEST(relative_difference(remembered(points, values, points), values) < 1e-10);
  }
}
