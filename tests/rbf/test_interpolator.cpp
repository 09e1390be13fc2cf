#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/interpolants.hpp"
#include "support/data/scattered_points.hpp"

using fieldfold::Kernel;
using fieldfold::RBFInterpolator;
using fieldfold::RBFMethod;
using fieldfold::RBFOptions;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

xt::xarray<double> matrix_of(const nlohmann::json& rows) {
  const auto numbers = rows.get<std::vector<std::vector<double>>>();
  auto matrix = xt::xarray<double>::from_shape({numbers.size(), numbers.front().size()});
  for (std::size_t i = 0; i < numbers.size(); ++i)
    for (std::size_t j = 0; j < numbers[i].size(); ++j) matrix(i, j) = numbers[i][j];
  return matrix;
}

}  // namespace

BOOST_AUTO_TEST_CASE(results_equal_those_of_scipy) {
  std::ifstream file(FIGURES "/rbf.json");
  const auto figures = nlohmann::json::parse(file);
  const auto before = fieldfold::set_warning_handler({});
  std::size_t compared = 0;
  for (const auto& figure : figures["cases"]) {
    const auto& data = figures["data"][std::to_string(figure["dim"].get<int>())];
    RBFOptions options{.kernel = fieldfold::kernel_named(figure["kernel"].get<std::string>())};
    if (!figure["neighbors"].is_null()) options.neighbors = figure["neighbors"].get<std::size_t>();
    if (!figure["epsilon"].is_null()) options.epsilon = figure["epsilon"].get<double>();
    if (!figure["degree"].is_null()) options.degree = figure["degree"].get<int>();
    if (figure["smoothing"].is_string()) {
      const auto each = data["smoothing"].get<std::vector<double>>();
      options.smoothing = xt::adapt(each);
    } else {
      options.smoothing = figure["smoothing"].get<double>();
    }
    const RBFInterpolator interpolator(matrix_of(data["points"]), matrix_of(data["values"]), options);
    const auto found = interpolator(matrix_of(data["queries"]));
    const auto expected = matrix_of(figure["result"]);
    // Both solvers are accurate to the rounding unit times the condition number, which is below 1e9 in the reference
    // data.
    BOOST_TEST(relative_difference(found, expected) < 1e-7,
               figure["kernel"] << figure["neighbors"] << figure["smoothing"] << figure["degree"] << figure["dim"]);
    ++compared;
  }
  fieldfold::set_warning_handler(before);
  BOOST_TEST(compared == 341U);
}

BOOST_AUTO_TEST_CASE(interpolant_passes_through_its_values) {
  const auto points = scattered(60, 2);
  const auto values = smooth_values(points);
  for (const auto& kernel : fieldfold::kernels()) {
    const RBFInterpolator interpolator(points, values, options_for(kernel.kernel, 5.0));
    BOOST_TEST(relative_difference(interpolator(points), values) < 1e-9, kernel.name);
  }
}

BOOST_AUTO_TEST_CASE(results_have_the_trailing_shape_of_values) {
  const auto points = scattered(12, 2);
  const auto queries = scattered(3, 2, 0.2);
  const auto shape_for = [&](std::vector<std::size_t> shape) {
    const auto result = RBFInterpolator(points, xt::xarray<double>::from_shape(shape))(queries);
    return std::vector<std::size_t>(result.shape().begin(), result.shape().end());
  };
  BOOST_TEST(shape_for({12}) == (std::vector<std::size_t>{3}));
  BOOST_TEST(shape_for({12, 2, 4}) == (std::vector<std::size_t>{3, 2, 4}));
  BOOST_TEST(shape_for({12, 0}) == (std::vector<std::size_t>{3, 0}));
  const auto none = RBFInterpolator(points, smooth_values(points))(xt::xarray<double>::from_shape({0, 2}));
  BOOST_TEST(none.size() == 0U);
}

BOOST_AUTO_TEST_CASE(columns_are_independent) {
  const auto points = scattered(25, 2);
  const auto queries = scattered(7, 2, 0.3);
  xt::xarray<double> values = xt::zeros<double>({25, 2});
  const auto smooth = smooth_values(points);
  for (std::size_t i = 0; i < 25; ++i) values(i, 0) = values(i, 1) = smooth(i);
  values(4, 0) = not_a_number;
  for (const bool local : {false, true}) {
    RBFOptions options;
    if (local) options.neighbors = 24;
    const auto result = RBFInterpolator(points, values, options)(queries);
    const auto alone = RBFInterpolator(points, smooth, options)(queries);
    for (std::size_t q = 0; q < 7; ++q) BOOST_TEST(std::abs(result(q, 1) - alone(q)) < 1e-12);
    if (!local)
      for (std::size_t q = 0; q < 7; ++q) BOOST_TEST(std::isnan(result(q, 0)));
  }
}

BOOST_AUTO_TEST_CASE(order_of_points_is_immaterial) {
  const auto points = scattered(50, 2);
  const auto queries = scattered(9, 2, 0.3);
  const auto values = smooth_values(points);
  auto reversed_points = points;
  auto reversed_values = values;
  for (std::size_t i = 0; i < 50; ++i) {
    for (std::size_t axis = 0; axis < 2; ++axis) reversed_points(i, axis) = points(49 - i, axis);
    reversed_values(i) = values(49 - i);
  }
  for (const auto& options : {RBFOptions{}, RBFOptions{.neighbors = 15}})
    BOOST_TEST(relative_difference(RBFInterpolator(reversed_points, reversed_values, options)(queries),
                                   RBFInterpolator(points, values, options)(queries)) < 1e-11);
}

BOOST_AUTO_TEST_CASE(errors_name_the_invalid_argument) {
  using fieldfold::InvalidArgument;
  const auto points = scattered(10, 2);
  const auto values = smooth_values(points);
  const auto queries = scattered(3, 2, 0.3);
  const auto expect = [](const std::string& part, const auto& action) {
    const std::string what = error_of(action);
    BOOST_TEST(what.find(part) != std::string::npos, "expected \"" << part << "\" in \"" << what << "\"");
    BOOST_CHECK_THROW(action(), InvalidArgument);
  };
  expect("points: expected a 2-D array", [&] { RBFInterpolator(values, values); });
  expect("values: expected 10", [&] { RBFInterpolator(points, xt::xarray<double>(xt::zeros<double>({9}))); });
  expect("smoothing: expected a scalar or the shape (10,), got (4,)",
         [&] { RBFInterpolator(points, values, {.smoothing = xt::xarray<double>{1.0, 1.0, 1.0, 1.0}}); });
  expect("kernel: expected one of linear, thin_plate_spline", [&] { fieldfold::kernel_named("cubik"); });
  expect("epsilon: must be given for the kernel gaussian",
         [&] { RBFInterpolator(points, values, {.kernel = Kernel::gaussian}); });
  expect("degree: expected at least -1, got -2", [&] { RBFInterpolator(points, values, {.degree = -2}); });
  expect("At least 15 data points are required when degree is 4 and the number of dimensions is 2",
         [&] { RBFInterpolator(points, values, {.degree = 4}); });
  expect("At least 3 neighbors are required", [&] { RBFInterpolator(points, values, {.neighbors = 2}); });
  expect("data points are required", [&] { RBFInterpolator(points, values, {.degree = 2147483647}); });
  expect("neighbors: expected at least 1", [&] { RBFInterpolator(points, values, {.neighbors = 0}); });
  expect("queries: expected a 2-D array", [&] { RBFInterpolator(points, values)(values); });
  expect("queries: expected points of dimension 2, got 3", [&] { RBFInterpolator(points, values)(scattered(4, 3)); });
  auto bad_points = points;
  bad_points(3, 1) = not_a_number;
  expect("points: expected finite", [&] { RBFInterpolator(bad_points, values); });
  auto bad_queries = queries;
  bad_queries(0, 0) = std::numeric_limits<double>::infinity();
  expect("queries: expected finite", [&] { RBFInterpolator(points, values)(bad_queries); });
}

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_the_number_of_threads) {
  const auto points = scattered(4000, 2);
  const auto queries = scattered(3001, 2, 0.2);
  const auto values = values_at(points, franke);
  for (RBFOptions options : {RBFOptions{.neighbors = 30}, RBFOptions{.method = RBFMethod::partition_of_unity}}) {
    options.threads = 1;
    const auto alone = RBFInterpolator(points, values, options)(queries);
    for (const std::size_t threads : {2U, 3U, 7U}) {
      options.threads = threads;
      BOOST_TEST(relative_difference(RBFInterpolator(points, values, options)(queries), alone) < 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(interpolant_with_new_values_equals_a_new_interpolant) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(50, 2, 0.2);
  const auto first = values_at(points, franke);
  const auto second = values_at(points, quadratic);
  for (const auto& options : each_method()) {
    const RBFInterpolator f(points, first, options);
    BOOST_TEST(relative_difference(f.with_values(second)(queries), RBFInterpolator(points, second, options)(queries)) <
               1e-13);
    BOOST_CHECK_THROW(f.with_values(scattered(299, 1)), fieldfold::InvalidArgument);
  }
}

BOOST_AUTO_TEST_CASE(weights_times_values_equal_the_interpolant) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(70, 2, 0.2);
  const auto values = values_at(points, franke);
  for (const auto& options : each_method()) {
    const auto expected = RBFInterpolator(points, values, options)(queries);
    const auto weights = RBFInterpolator::weights(points, queries, options);
    auto found = xt::xarray<double>::from_shape({70});
    if (const auto* sparse = std::get_if<fieldfold::SparseRows>(&weights)) {
      BOOST_TEST((options.neighbors || options.method == RBFMethod::partition_of_unity));
      sparse->multiply({values.data(), 300, 1}, {found.data(), 70, 1}, 1);
    } else {
      const auto& dense = std::get<xt::xarray<double>>(weights);
      for (std::size_t q = 0; q < 70; ++q) {
        found(q) = 0.0;
        for (std::size_t i = 0; i < 300; ++i) found(q) += dense(q, i) * values(i);
      }
    }
    BOOST_TEST(relative_difference(found, expected) < 1e-11);
  }
}

BOOST_AUTO_TEST_CASE(gradient_matches_central_differences) {
  const auto points = scattered(250, 2);
  const auto queries = scattered(40, 2, 0.21);
  auto values = xt::xarray<double>::from_shape({250, 2});
  for (std::size_t i = 0; i < 250; ++i) {
    values(i, 0) = franke(&points(i, 0));
    values(i, 1) = quadratic(&points(i, 0));
  }
  for (const auto& kernel : fieldfold::kernels()) {
    if (!kernel.differentiable) continue;
    for (const bool blended : {false, true}) {
      RBFOptions options{.kernel = kernel.kernel};
      options.epsilon = kernel.scale_invariant ? 1.0 : kernel.compact ? 1.5 : 9.0;
      if (blended) {
        options.method = RBFMethod::partition_of_unity;
        options.cluster_size = 60;
        options.overlap = 0.5;
      }
      const RBFInterpolator f(points, values, options);
      const auto found = f.gradient(queries);
      BOOST_TEST_REQUIRE(found.dimension() == 3U);
      for (std::size_t axis = 0; axis < 2; ++axis) {
        const auto expected = central_difference(f, queries, axis);
        const xt::xarray<double> along = xt::view(found, xt::all(), xt::all(), axis);
        // C2 functions have jumps in their third derivatives, where the central difference has only a low order in h =
        // 1e-3.
        BOOST_TEST(relative_difference(along, expected) < (blended || kernel.compact ? 1e-4 : 1e-5),
                   kernel.name << blended);
      }
    }
  }
  const RBFInterpolator linear(points, values, {.kernel = Kernel::linear});
  BOOST_CHECK_THROW(linear.gradient(queries), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(nan_affects_only_its_own_column) {
  const auto points = scattered(500, 2);
  const auto queries = scattered(60, 2, 0.2);
  auto values = xt::xarray<double>::from_shape({500, 2});
  for (std::size_t i = 0; i < 500; ++i) values(i, 0) = values(i, 1) = franke(&points(i, 0));
  for (const auto& options : each_method()) {
    const auto clean = RBFInterpolator(points, values, options)(queries);
    auto with_nan = values;
    with_nan(3, 0) = std::numeric_limits<double>::quiet_NaN();
    const auto found = RBFInterpolator(points, with_nan, options)(queries);
    for (std::size_t q = 0; q < 60; ++q) BOOST_TEST(std::abs(found(q, 1) - clean(q, 1)) < 1e-12);
  }
}
