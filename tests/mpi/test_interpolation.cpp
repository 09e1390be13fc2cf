// Interpolation between points distributed among ranks is that of one process.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.grid;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.options;
import fieldfold.interpolation.method;
import fieldfold.interpolation.operators;
import fieldfold.pod.svd;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/error_of.hpp"
#include "support/ranks_as_threads.hpp"

#include "mpi/snapshots.hpp"

using fieldfold::Interpolation;
using fieldfold::InterpolationOperator;
using fieldfold::RBFMethod;
using fieldfold::SVD;

namespace {

using Matrix = xt::xarray<double>;

/// Points whose order has nothing to do with their places.
Matrix scattered(std::size_t count, std::size_t dim, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  auto points = Matrix::from_shape({count, dim});
  for (double& x : points) x = uniform(generator);
  return points;
}

/// A regular grid, of which many points are at the same distance from a query; row by row.
Matrix grid(std::size_t side) {
  auto points = Matrix::from_shape({side * side, 2});
  for (std::size_t i = 0; i < side * side; ++i) {
    points(i, 0) = static_cast<double>(i / side);
    points(i, 1) = static_cast<double>(i % side);
  }
  return points;
}

/// Points of a plane in space.
Matrix in_plane(const Matrix& points, bool is_slanted) {
  auto result = Matrix::from_shape({points.shape(0), 3});
  for (std::size_t i = 0; i < points.shape(0); ++i) {
    result(i, 0) = points(i, 0);
    result(i, 1) = points(i, 1);
    result(i, 2) = is_slanted ? 0.5 * points(i, 0) - points(i, 1) : 3.0;
  }
  return result;
}

/// Two smooth columns and one of ones, of which the transpose keeps the sum.
Matrix values_at(const Matrix& points) {
  auto values = Matrix::from_shape({points.shape(0), 3});
  for (std::size_t i = 0; i < points.shape(0); ++i) {
    const double last = points(i, points.shape(1) - 1);
    values(i, 0) = std::sin(points(i, 0) + 2.0 * last);
    values(i, 1) = std::cos(3.0 * points(i, 0)) * last;
    values(i, 2) = 1.0;
  }
  return values;
}

Matrix transposed(const Matrix& matrix) {
  auto result = Matrix::from_shape({matrix.shape(1), matrix.shape(0)});
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t j = 0; j < matrix.shape(1); ++j) result(j, i) = matrix(i, j);
  return result;
}

/// The largest difference of arrays of the same shape, infinite for others; NaN equals NaN. For threads, which
/// Boost.Test does not expect.
double distance(const Matrix& found, const Matrix& wanted) {
  if (found.shape() != wanted.shape()) return std::numeric_limits<double>::infinity();
  double largest = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double apart = std::abs(found.data()[i] - wanted.data()[i]);
    if (std::isnan(found.data()[i]) && std::isnan(wanted.data()[i])) continue;
    largest = std::isnan(apart) ? std::numeric_limits<double>::infinity() : std::max(largest, apart);
  }
  return largest;
}

struct Case {
  std::string name;
  Matrix points;
  Matrix queries;
  Interpolation interpolation;
  double tolerance = 1e-12;
};

/// The largest difference of an operator on ranks from that of one process: applied, and transposed.
std::pair<double, double> differences(const Case& given, std::size_t ranks) {
  const InterpolationOperator whole(given.points, given.queries, given.interpolation);
  const Matrix values = values_at(given.points);
  const Matrix loads = values_at(given.queries);
  const Matrix expected = whole(values);
  const Matrix expected_loads = whole.transposed(loads);
  const auto first_points = shares_of(given.points.shape(0), ranks);
  // The other way round, so that ranks have points and queries in different places.
  auto first_queries = shares_of(given.queries.shape(0), ranks);
  for (std::size_t& first : first_queries) first = given.queries.shape(0) - first;
  std::ranges::reverse(first_queries);
  std::vector<double> applied(ranks);
  std::vector<double> transposed(ranks);
  on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
    const std::size_t point = first_points[rank->rank()];
    const std::size_t end_of_points = first_points[rank->rank() + 1];
    const std::size_t query = first_queries[rank->rank()];
    const std::size_t end_of_queries = first_queries[rank->rank() + 1];
    const InterpolationOperator own(rank, rows_of(given.points, point, end_of_points),
                                    rows_of(given.queries, query, end_of_queries), given.interpolation);
    const Matrix results = own(rows_of(values, point, end_of_points));
    const Matrix own_loads = own.transposed(rows_of(loads, query, end_of_queries));
    const auto largest = [](const Matrix& found, const Matrix& all, std::size_t first) {
      double apart = 0.0;
      for (std::size_t i = 0; i < found.size(); ++i)
        apart = std::max(apart, std::abs(found.data()[i] - all.data()[first * all.shape(1) + i]));
      return apart;
    };
    applied[rank->rank()] = largest(results, expected, query);
    transposed[rank->rank()] = largest(own_loads, expected_loads, point);
  });
  return {*std::ranges::max_element(applied), *std::ranges::max_element(transposed)};
}

fieldfold::RBFOptions with_neighbors(std::size_t neighbors) { return {.neighbors = neighbors}; }

}  // namespace

BOOST_AUTO_TEST_CASE(operators_do_not_depend_on_the_ranks_that_have_the_points) {
  const Matrix points = scattered(1500, 2, 1);
  const Matrix queries = scattered(400, 2, 2);
  const fieldfold::RBFOptions clusters{.method = RBFMethod::partition_of_unity, .cluster_size = 40};
  const std::vector<Case> cases{
      {"nearest", points, queries, {"nearest"}},
      {"nearest on a grid", grid(30), grid(13), {"nearest"}},
      {"inverse distances on a grid", grid(30), scattered(200, 2, 3), {"inverse_distance"}},
      {"neighbors", points, queries, {"rbf", with_neighbors(20)}},
      {"neighbors on a grid", grid(30), scattered(200, 2, 4), {"rbf", with_neighbors(12)}},
      {"more neighbors than a rank has", points, queries, {"inverse_distance", with_neighbors(900)}},
      {"clusters", points, queries, {"rbf", clusters}},
      {"clusters on a grid", grid(30), scattered(300, 2, 5), {"rbf", clusters}},
      {"clusters in space",
       scattered(2500, 3, 6),
       scattered(300, 3, 7),
       {"rbf", {.method = RBFMethod::partition_of_unity, .cluster_size = 60}}},
      {"queries outside", points, scattered(100, 2, 8) * 1.3, {"rbf", clusters}, 1e-11},
      {"all points", rows_of(points, 0, 150), queries, {}},
  };
  for (const Case& given : cases)
    for (const std::size_t ranks : {1U, 2U, 3U, 4U, 7U}) {
      const auto [applied, transposed] = differences(given, ranks);
      BOOST_TEST_CONTEXT(given.name << " on " << ranks << " ranks") {
        BOOST_TEST(applied <= given.tolerance);
        // Sums over queries of rounding errors of weights, which the condition of the systems amplifies.
        BOOST_TEST(transposed <= 100.0 * given.tolerance);
      }
    }
}

BOOST_AUTO_TEST_CASE(ties_are_those_of_one_process_bit_for_bit) {
  const Case given{"", grid(40), scattered(300, 2, 9), {"nearest"}};
  for (const std::size_t ranks : {2U, 5U}) BOOST_TEST(differences(given, ranks).first == 0.0);
}

BOOST_AUTO_TEST_CASE(points_in_a_plane_and_on_circles_are_those_of_one_process) {
  const Matrix points = scattered(800, 2, 11);
  const Matrix queries = scattered(150, 2, 12);
  const fieldfold::RBFOptions clusters{.method = RBFMethod::partition_of_unity, .cluster_size = 40};
  fieldfold::RBFOptions periodic = clusters;
  periodic.periods = {2.0, 0.0};
  fieldfold::RBFOptions scaled = with_neighbors(15);
  scaled.scales = {1.0, 5.0};
  const std::vector<Case> cases{
      {"constant axis", in_plane(points, false), in_plane(queries, false), {"rbf", clusters}},
      {"slanted plane", in_plane(points, true), in_plane(queries, true), {"rbf", clusters}, 1e-11},
      {"slanted plane with neighbors",
       in_plane(points, true),
       in_plane(queries, true),
       {"rbf", with_neighbors(15)},
       1e-11},
      {"periodic axis", points, queries, {"rbf", periodic}, 1e-11},
      {"scaled axes", points, queries, {"rbf", scaled}},
      {"scaled axes, nearest", points, queries, {"nearest", {.scales = {1.0, 5.0}}}},
  };
  for (const Case& given : cases)
    for (const std::size_t ranks : {2U, 4U}) {
      const auto [applied, transposed] = differences(given, ranks);
      BOOST_TEST_CONTEXT(given.name << " on " << ranks << " ranks") {
        BOOST_TEST(applied <= given.tolerance);
        BOOST_TEST(transposed <= 100.0 * given.tolerance);
      }
    }
}

BOOST_AUTO_TEST_CASE(few_points_on_many_ranks_are_those_of_one_process) {
  Matrix coincident = scattered(30, 2, 31);
  for (std::size_t i = 20; i < 30; ++i)
    for (std::size_t axis = 0; axis < 2; ++axis) coincident(i, axis) = coincident(i - 20, axis);
  const Matrix line = scattered(40, 1, 32);
  Matrix same = fieldfold::zeros<double>({25, 2});
  const fieldfold::RBFOptions clusters{.method = RBFMethod::partition_of_unity, .cluster_size = 10};
  const std::vector<Case> cases{
      {"one point", scattered(1, 2, 33), scattered(5, 2, 34), {"nearest"}},
      {"two points", scattered(2, 3, 35), scattered(5, 3, 36), {"inverse_distance"}},
      {"no queries", scattered(30, 2, 37), scattered(0, 2, 38), {"rbf", with_neighbors(5)}},
      {"no queries of clusters", scattered(30, 2, 37), scattered(0, 2, 38), {"rbf", clusters}},
      {"a line", line, scattered(15, 1, 39), {"rbf", clusters}},
      {"coincident points", coincident, scattered(15, 2, 40), {"inverse_distance"}},
      {"one place", same, scattered(15, 2, 41), {"nearest"}},
      {"far queries", scattered(40, 2, 42), scattered(15, 2, 43) * 1e6, {"inverse_distance"}},
  };
  for (const Case& given : cases)
    for (const std::size_t ranks : {2U, 4U, 7U}) {
      const auto [applied, transposed] = differences(given, ranks);
      BOOST_TEST_CONTEXT(given.name << " on " << ranks << " ranks") {
        BOOST_TEST(applied <= 1e-12);
        BOOST_TEST(transposed <= 1e-10);
      }
    }
}

BOOST_AUTO_TEST_CASE(linear_functions_are_exact_and_sums_are_kept) {
  // A degree of 1 reproduces linear functions; weights of a query add up to one, so that the transpose keeps sums.
  const Matrix points = scattered(900, 2, 13);
  const Matrix queries = scattered(333, 2, 14);
  const Interpolation interpolation{
      "rbf", {.kernel = fieldfold::Kernel::cubic, .method = RBFMethod::partition_of_unity, .cluster_size = 50}};
  std::vector<double> errors(3);
  std::vector<double> sums(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    const auto first = shares_of(900, 3);
    const auto begin = first[rank->rank()];
    const auto end = first[rank->rank() + 1];
    const auto from = 111 * rank->rank();
    const InterpolationOperator own(rank, rows_of(points, begin, end), rows_of(queries, from, from + 111),
                                    interpolation);
    auto values = Matrix::from_shape({end - begin});
    for (std::size_t i = begin; i < end; ++i) values(i - begin) = 1.0 + 2.0 * points(i, 0) - 3.0 * points(i, 1);
    const Matrix results = own(values);
    for (std::size_t q = 0; q < 111; ++q)
      errors[rank->rank()] = std::max(
          errors[rank->rank()], std::abs(results(q) - (1.0 + 2.0 * queries(from + q, 0) - 3.0 * queries(from + q, 1))));
    auto loads = Matrix::from_shape({std::size_t{111}});
    std::ranges::fill(loads, 2.0);
    for (const double x : own.transposed(loads)) sums[rank->rank()] += x;
  });
  BOOST_TEST(*std::ranges::max_element(errors) <= 1e-12);
  BOOST_TEST(std::abs(sums[0] + sums[1] + sums[2] - 666.0) <= 1e-10);
}

BOOST_AUTO_TEST_CASE(bad_points_of_one_rank_are_an_error_on_all) {
  const Matrix points = scattered(60, 2, 15);
  std::vector<std::vector<std::string>> errors(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    const Matrix own = rows_of(points, 20 * rank->rank(), 20 * rank->rank() + 20);
    const auto error = [&](const Matrix& from, const Matrix& to, const Interpolation& interpolation) {
      errors[rank->rank()].push_back(error_of([&] { InterpolationOperator(rank, from, to, interpolation); }));
    };
    Matrix not_finite = own;
    if (rank->rank() == 1) not_finite(3, 1) = missing;
    error(not_finite, own, {"nearest"});
    error(own, rank->rank() == 2 ? Matrix(fieldfold::zeros<double>({4, 3})) : own, {"nearest"});
    error(rows_of(points, 0, 0), own, {"nearest"});
    error(own, own, {"rbf", {.neighbors = 10, .merge_duplicates = true}});
    // The last point of rank 1 is the first of rank 2.
    Matrix twins = own;
    if (rank->rank() == 2)
      for (std::size_t axis = 0; axis < 2; ++axis) twins(0, axis) = points(39, axis);
    error(twins, own, {"rbf", with_neighbors(10)});
    const InterpolationOperator nearest(rank, own, own, {"nearest"});
    errors[rank->rank()].push_back(
        error_of([&] { nearest(fieldfold::zeros<double>({20, rank->rank() == 0 ? 2U : 1U})); }));
  });
  for (const auto& found : errors) {
    BOOST_TEST_REQUIRE(found.size() == 6U);
    BOOST_TEST(found[0].starts_with("points: expected finite"));
    BOOST_TEST(found[1].starts_with("queries: expected"));
    BOOST_TEST(found[2] == "points: expected at least one, got none");
    BOOST_TEST(found[3] == "merge_duplicates: expected false, because coincident points of ranks are not merged");
    BOOST_TEST(found[4].find("40") != std::string::npos);
    BOOST_TEST(found[5] == "values: expected the same number of columns on all ranks, got 1 to 2");
  }
}

BOOST_AUTO_TEST_CASE(fields_are_interpolated_to_and_from_the_grid_of_all_ranks) {
  const Matrix coords = scattered(300, 2, 21);
  const Matrix elsewhere = scattered(200, 2, 22);
  const Matrix at_elsewhere = values_at(elsewhere);
  // Two samples of two fields; a point without a value in one of them, and land in both.
  fieldfold::Fields all;
  for (const auto* const name : {"u", "p"}) {
    auto values = Matrix::from_shape({2, 200});
    for (std::size_t p = 0; p < 200; ++p)
      for (std::size_t j = 0; j < 2; ++j)
        values(j, p) = at_elsewhere(p, j) + (*name == 'p' ? 3.0 : 0.0) + static_cast<double>(j);
    values(1, 20) = missing;
    for (std::size_t p = 150; p < 160; ++p) values(0, p) = values(1, p) = missing;
    all[name] = values;
  }
  const fieldfold::CompressionOptions options{.fields = {"u", "p"},
                                              .interpolate_opts = with_neighbors(12),
                                              .mask = fieldfold::Mask::automatic,
                                              .holes = fieldfold::Holes::skip};
  auto grid_of_all = options;
  grid_of_all.coords = coords;
  SVD whole(grid_of_all, of_rank(2));
  const Matrix expected = whole.interpolate_to_grid(elsewhere, all);
  auto snapshots = Matrix::from_shape({600, 6});
  const Matrix at_coords = values_at(coords);
  for (std::size_t i = 0; i < 600; ++i)
    for (std::size_t j = 0; j < 6; ++j) snapshots(i, j) = at_coords(i / 2, (i + j) % 2) * std::pow(1.5, j);
  whole.compute_map(snapshots);
  const Matrix latent = whole.compress(transposed(snapshots));
  const auto expected_there = whole.reconstruct_at(latent, elsewhere);
  const auto expected_few = whole.interpolate_from_grid(transposed(snapshots), elsewhere);
  constexpr std::size_t ranks = 4;
  const auto first_points = shares_of(300, ranks);
  const auto first_there = shares_of(200, ranks);
  std::vector<double> apart(ranks);
  on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
    const std::size_t point = first_points[rank->rank()];
    const std::size_t end_of_points = first_points[rank->rank() + 1];
    const std::size_t there = first_there[rank->rank()];
    const std::size_t end_there = first_there[rank->rank() + 1];
    auto own_grid = options;
    own_grid.coords = rows_of(coords, point, end_of_points);
    own_grid.communicator = rank;
    SVD own(own_grid, of_rank(2));
    own.compute_map(rows_of(snapshots, 2 * point, 2 * end_of_points));
    const Matrix own_coords = rows_of(elsewhere, there, end_there);
    const auto part = [&](const fieldfold::Fields& fields) {
      fieldfold::Fields parts;
      for (const auto& [name, values] : fields) parts[name] = transposed(rows_of(transposed(values), there, end_there));
      return parts;
    };
    double& largest = apart[rank->rank()];
    // The second time from the cache.
    for (int turn = 0; turn < 2; ++turn)
      largest = std::max(largest, distance(own.interpolate_to_grid(own_coords, part(all)),
                                           transposed(rows_of(transposed(expected), 2 * point, 2 * end_of_points))));
    const auto expect_fields = [&](const fieldfold::Fields& found, const fieldfold::Fields& wanted) {
      for (const auto& [name, values] : part(wanted)) largest = std::max(largest, distance(found.at(name), values));
    };
    expect_fields(own.reconstruct_at(latent, own_coords), expected_there);
    const Matrix states = transposed(rows_of(snapshots, 2 * point, 2 * end_of_points));
    expect_fields(own.interpolate_from_grid(states, own_coords), expected_few);
    // The points of the grid need no interpolation, also where a rank has none.
    const auto same = own.interpolate_from_grid(states, own.coords());
    largest = std::max(largest, distance(own.join_fields(same), states));
    // A sample that no rank has, and one of which this rank may have no point.
    auto two = Matrix::from_shape({2, 2 * (end_of_points - point)});
    std::copy_n(states.data(), two.size(), two.data());
    const auto samples = own.interpolate_from_grid(two, {fieldfold::zeros<double>({0}), own_coords});
    if (samples.size() != 2 || !samples[0].empty()) largest = 1.0;
    if (samples[1].at("u").size() != end_there - there) largest = 1.0;
  });
  BOOST_TEST(*std::ranges::max_element(apart) <= 1e-10);
}

BOOST_AUTO_TEST_CASE(coefficients_that_do_not_fit_on_one_rank_are_an_error_on_all) {
  const Matrix coords = scattered(60, 2, 23);
  std::vector<std::string> errors(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    SVD own({.coords = rows_of(coords, 20 * rank->rank(), 20 * rank->rank() + 20), .communicator = rank}, of_rank(2));
    own.compute_map(scattered(20, 5, static_cast<unsigned>(rank->rank())));
    const Matrix latent = fieldfold::zeros<double>({4, rank->rank() == 1 ? 3U : 2U});
    errors[rank->rank()] = error_of([&] { own.reconstruct_at(latent, own.coords() + 0.1); });
  });
  for (const auto& error : errors) BOOST_TEST(error.starts_with("latent: expected"));
}
