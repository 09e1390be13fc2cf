#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.vector;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;
import fieldfold.rbf.lanes;

#include "support/scattered_points.hpp"
#include "support/warnings_of.hpp"

using fieldfold::Kernel;
using fieldfold::RBFInterpolator;
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

/// Points of one dimension.
xt::xarray<double> column(const std::vector<double>& numbers) {
  auto points = xt::xarray<double>::from_shape({numbers.size(), 1});
  std::ranges::copy(numbers, points.begin());
  return points;
}

/// A smooth function of two variables, as scipy's own tests use for interpolation.
xt::xarray<double> smooth_values(const xt::xarray<double>& points) {
  auto values = xt::xarray<double>::from_shape({points.shape(0)});
  for (std::size_t i = 0; i < points.shape(0); ++i)
    values(i) = std::sin(3.0 * points(i, 0)) * std::cos(2.0 * points(i, points.shape(1) - 1));
  return values;
}

RBFOptions options_for(Kernel kernel, double epsilon) {
  RBFOptions options{.kernel = kernel};
  if (!fieldfold::traits(kernel).scale_invariant) options.epsilon = epsilon;
  return options;
}

/// The formulas of the documentation, in the words of the standard library.
double formula(Kernel kernel, double r) {
  const double t = std::max(0.0, 1.0 - r);
  switch (kernel) {
    case Kernel::linear:
      return -r;
    case Kernel::thin_plate_spline:
      return r == 0.0 ? 0.0 : r * r * std::log(r);
    case Kernel::cubic:
      return std::pow(r, 3);
    case Kernel::quintic:
      return -std::pow(r, 5);
    case Kernel::multiquadric:
      return -std::hypot(1.0, r);
    case Kernel::inverse_multiquadric:
      return 1.0 / std::hypot(1.0, r);
    case Kernel::inverse_quadratic:
      return 1.0 / (1.0 + r * r);
    case Kernel::gaussian:
      return std::exp(-r * r);
    case Kernel::matern1_2:
      return std::exp(-r);
    case Kernel::matern3_2:
      return (1.0 + std::sqrt(3.0) * r) * std::exp(-std::sqrt(3.0) * r);
    case Kernel::matern5_2:
      return (1.0 + std::sqrt(5.0) * r + 5.0 * r * r / 3.0) * std::exp(-std::sqrt(5.0) * r);
    case Kernel::wendland_c0:
      return std::pow(t, 2);
    case Kernel::wendland_c2:
      return std::pow(t, 4) * (4.0 * r + 1.0);
    case Kernel::wendland_c4:
      return std::pow(t, 6) * (35.0 * r * r + 18.0 * r + 3.0) / 3.0;
    case Kernel::wendland_c6:
      return std::pow(t, 8) * (32.0 * std::pow(r, 3) + 25.0 * r * r + 8.0 * r + 1.0);
    case Kernel::wendland_c8:
      return std::pow(t, 10) * (429.0 * std::pow(r, 4) + 450.0 * std::pow(r, 3) + 210.0 * r * r + 50.0 * r + 5.0) / 5.0;
  }
  return not_a_number;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_instruction_set_has_the_formulas) {
  // Seven numbers fill no register of any set.
  const std::vector<double> distances{0.0, 1e-160, 1e-8, 0.3, 0.999, 1.0, 1.7, 5.0, 26.0, 1e3, 1e30};
  for (const auto set : fieldfold::instruction_sets())
    for (const auto& kernel : fieldfold::kernels())
      for (const double r : distances) {
        std::vector<double> numbers(7, r * r);
        fieldfold::kernel_loops(set).kernel_values(kernel.kernel, numbers.data(), numbers.size());
        // r^2 has half a rounding unit, which r^5 makes two and a half of, and exp(-r^2) r^2 times as many.
        const double expected = formula(kernel.kernel, std::sqrt(r * r));
        // The logarithm near 1 has an error of a rounding unit of 1.
        const double size = std::abs(expected) + (kernel.kernel == Kernel::thin_plate_spline ? r * r : 0.0);
        const double tolerance = 1e-15 * (10.0 + std::min(r * r, 700.0)) * size + 1e-300;
        for (const double number : numbers)
          BOOST_TEST(std::abs(number - expected) <= tolerance,
                     fieldfold::kernel_loops(set).name << " " << kernel.name << " at " << r);
      }
}

BOOST_AUTO_TEST_CASE(slopes_are_derivatives_by_the_square_of_the_distance) {
  for (const auto set : fieldfold::instruction_sets())
    for (const auto& kernel : fieldfold::kernels()) {
      if (!kernel.differentiable) continue;
      for (const double q : {0.04, 0.3, 0.9, 2.5}) {
        double slope = q;
        fieldfold::kernel_loops(set).kernel_slopes(kernel.kernel, &slope, 1);
        const double h = 1e-4;
        const auto at = [&](double square) { return formula(kernel.kernel, std::sqrt(square)); };
        // The error of this difference is h^4 / 30 times the fifth derivative.
        const double difference = (8.0 * (at(q + h) - at(q - h)) - (at(q + 2.0 * h) - at(q - 2.0 * h))) / (12.0 * h);
        BOOST_TEST(std::abs(slope - difference) < 1e-8,
                   fieldfold::kernel_loops(set).name << " " << kernel.name << " at " << q);
      }
    }
}

BOOST_AUTO_TEST_CASE(equals_the_figures_of_scipy) {
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
    // Both solvers are exact to the rounding unit times the condition number, which the figures keep below 1e9.
    BOOST_TEST(relative_difference(found, expected) < 1e-7,
               figure["kernel"] << figure["neighbors"] << figure["smoothing"] << figure["degree"] << figure["dim"]);
    ++compared;
  }
  fieldfold::set_warning_handler(before);
  BOOST_TEST(compared == 341U);
}

BOOST_AUTO_TEST_CASE(passes_through_the_values_it_is_given) {
  const auto points = scattered(60, 2);
  const auto values = smooth_values(points);
  for (const auto& kernel : fieldfold::kernels()) {
    const RBFInterpolator interpolator(points, values, options_for(kernel.kernel, 5.0));
    BOOST_TEST(relative_difference(interpolator(points), values) < 1e-9, kernel.name);
  }
}

BOOST_AUTO_TEST_CASE(reproduces_polynomials_of_its_degree) {
  const auto points = scattered(40, 3);
  const auto queries = scattered(10, 3, 0.1);
  const auto quadratic = [](const xt::xarray<double>& at) {
    auto values = xt::xarray<double>::from_shape({at.shape(0)});
    for (std::size_t i = 0; i < at.shape(0); ++i)
      values(i) = 1.0 + at(i, 0) - 2.0 * at(i, 1) * at(i, 2) + 3.0 * at(i, 2) * at(i, 2);
    return values;
  };
  for (const auto& kernel : fieldfold::kernels())
    for (const bool local : {false, true}) {
      RBFOptions options = options_for(kernel.kernel, 2.0);
      options.degree = 2;
      if (local) options.neighbors = 20;
      options.smoothing = 0.5;  // smoothing leaves the null space of the polynomials alone
      const RBFInterpolator interpolator(points, quadratic(points), options);
      BOOST_TEST(relative_difference(interpolator(queries), quadratic(queries)) < 1e-9, kernel.name);
    }
}

BOOST_AUTO_TEST_CASE(two_points_give_the_closed_form) {
  // The linear kernel with a constant in one dimension is the piecewise linear interpolant.
  const auto points = column({0.0, 2.0});
  const xt::xarray<double> values{1.0, 5.0};
  const RBFInterpolator interpolator(points, values, {.kernel = Kernel::linear});
  const auto queries = column({0.5, 1.0, 3.0});
  const xt::xarray<double> expected{2.0, 3.0, 5.0};
  BOOST_TEST(relative_difference(interpolator(queries), expected) < 1e-15);
}

BOOST_AUTO_TEST_CASE(one_point_gives_a_constant) {
  const RBFInterpolator interpolator(xt::xarray<double>{{1.0, 2.0}}, xt::xarray<double>{7.0},
                                     {.kernel = Kernel::linear});
  const auto result = interpolator(xt::xarray<double>{{5.0, 5.0}, {0.0, 0.0}});
  BOOST_TEST(relative_difference(result, xt::xarray<double>{7.0, 7.0}) < 1e-15);
}

BOOST_AUTO_TEST_CASE(keeps_the_shape_of_values) {
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

BOOST_AUTO_TEST_CASE(columns_do_not_touch_each_other) {
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

BOOST_AUTO_TEST_CASE(extreme_domains_give_what_plain_ones_do) {
  const auto points = scattered(100, 2);
  const auto queries = scattered(20, 2, 0.25);
  const auto values = smooth_values(points);
  const xt::xarray<double> far_points = points * 1e50 + 1e55;
  const xt::xarray<double> far_queries = queries * 1e50 + 1e55;
  for (const auto& kernel : fieldfold::kernels()) {
    const auto near = RBFInterpolator(points, values, options_for(kernel.kernel, 5.0))(queries);
    const auto far = RBFInterpolator(far_points, values, options_for(kernel.kernel, 5.0 / 1e50))(far_queries);
    // Coordinates of 1e55 are multiples of 1e39, a relative 1e-11 of the domain.
    BOOST_TEST(relative_difference(far, near) < 1e-8, kernel.name);
  }
}

BOOST_AUTO_TEST_CASE(epsilon_and_coordinates_scale_alike) {
  const auto points = scattered(30, 2);
  const auto queries = scattered(5, 2, 0.3);
  const xt::xarray<double> stretched = 2.5 * points;
  const xt::xarray<double> stretched_queries = 2.5 * queries;
  for (const auto& kernel : fieldfold::kernels()) {
    RBFOptions options = options_for(kernel.kernel, 5.0);
    options.epsilon = 5.0;
    const auto expected = RBFInterpolator(points, smooth_values(points), options)(queries);
    options.epsilon = 2.0;
    const auto found = RBFInterpolator(stretched, smooth_values(points), options)(stretched_queries);
    BOOST_TEST(relative_difference(found, expected) < 1e-8, kernel.name);
  }
}

BOOST_AUTO_TEST_CASE(all_neighbors_are_the_global_interpolant) {
  const auto points = scattered(30, 2);
  const auto queries = scattered(5, 2, 0.3);
  const auto values = smooth_values(points);
  const auto global = RBFInterpolator(points, values)(queries);
  for (const std::size_t neighbors : {std::size_t{30}, std::size_t{1000}})
    BOOST_TEST(relative_difference(RBFInterpolator(points, values, {.neighbors = neighbors})(queries), global) < 1e-15);
}

BOOST_AUTO_TEST_CASE(the_order_of_points_is_immaterial) {
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

BOOST_AUTO_TEST_CASE(warns_of_a_degree_below_the_minimum) {
  const auto points = scattered(20, 2);
  const auto values = smooth_values(points);
  const auto with_degree = [&](int degree) {
    return warnings_of([&] { RBFInterpolator(points, values, {.degree = degree}); }).size();
  };
  BOOST_TEST(with_degree(0) == 1U);
  BOOST_TEST(with_degree(-1) == 0U);
  BOOST_TEST(with_degree(1) == 0U);
}

BOOST_AUTO_TEST_CASE(warns_where_half_of_the_digits_are_lost) {
  const auto points = scattered(60, 2);
  const auto values = smooth_values(points);
  const auto warned = [&](double epsilon) {
    return warnings_of([&] { RBFInterpolator(points, values, {.kernel = Kernel::gaussian, .epsilon = epsilon}); })
        .size();
  };
  BOOST_TEST(warned(8.0) == 0U);
  BOOST_TEST(warned(1.0) == 1U);
}

BOOST_AUTO_TEST_CASE(bad_input_is_said_plainly) {
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

BOOST_AUTO_TEST_CASE(kernels_that_overflow_are_errors_not_nan) {
  using fieldfold::NumericalError;
  const auto points = scattered(10, 1);
  const xt::xarray<double> far_points = 1e200 * points;
  const xt::xarray<double> far_queries = 1e200 * scattered(3, 1, 0.3);
  const auto values = smooth_values(points);
  BOOST_CHECK_THROW(RBFInterpolator(far_points, values, {.kernel = Kernel::cubic}), NumericalError);
  const RBFInterpolator cubic(points, values, {.kernel = Kernel::cubic});
  BOOST_CHECK_THROW(cubic(far_queries), NumericalError);
  const RBFInterpolator local(points, values, {.neighbors = 5});
  BOOST_CHECK_THROW(local(far_queries), NumericalError);
  // These decay, so that far points do not see each other and a far query sees the constant alone.
  for (const Kernel kernel : {Kernel::matern1_2, Kernel::matern3_2, Kernel::matern5_2, Kernel::gaussian}) {
    const RBFInterpolator decaying(far_points, values, {.kernel = kernel, .epsilon = 1.0});
    BOOST_TEST(relative_difference(decaying(far_points), values) < 1e-14);
  }
  const xt::xarray<double> tiny_points = 1e-60 * points;
  const RBFInterpolator tiny(tiny_points, values, {.kernel = Kernel::cubic});
  BOOST_TEST(relative_difference(tiny(tiny_points), values) < 1e-11);
}

BOOST_AUTO_TEST_CASE(twins_are_told_apart_by_smoothing) {
  auto twice = scattered(10, 2);
  twice(7, 0) = twice(2, 0);
  twice(7, 1) = twice(2, 1);
  auto values = smooth_values(twice);
  values(7) += 1.0;
  const auto at_twins = RBFInterpolator(twice, values, {.smoothing = 1e-9})(twice);
  // Both are fitted by their mean.
  BOOST_TEST(std::abs(at_twins(2) - (values(2) + values(7)) / 2.0) < 1e-6);
}

BOOST_AUTO_TEST_CASE(systems_without_a_trustworthy_answer_are_errors) {
  using fieldfold::NumericalError;
  auto twice = scattered(10, 2);
  twice(7, 0) = twice(2, 0);
  twice(7, 1) = twice(2, 1);
  BOOST_CHECK_THROW(RBFInterpolator(twice, smooth_values(twice)), NumericalError);

  // On a diagonal 1, x, y are dependent; scipy gives values of 1e15 here.
  auto diagonal = scattered(12, 2);
  for (std::size_t i = 0; i < 12; ++i) diagonal(i, 1) = 3.0 * diagonal(i, 0) + 1.0;
  const auto values = smooth_values(diagonal);
  BOOST_CHECK_THROW(RBFInterpolator(diagonal, values), NumericalError);
  BOOST_TEST(error_of([&] { RBFInterpolator(diagonal, values); }).find("full column rank") != std::string::npos);
  const RBFInterpolator local(diagonal, values, {.neighbors = 6});
  BOOST_CHECK_THROW(local(diagonal), NumericalError);

  const auto points = scattered(50, 2);
  xt::xarray<double> rough = smooth_values(points);
  for (std::size_t i = 0; i < 50; i += 2) rough(i) = -rough(i);
  for (const double epsilon : {1e-3, 1e-6, 1e-9})
    BOOST_CHECK_THROW(RBFInterpolator(points, rough, {.kernel = Kernel::gaussian, .epsilon = epsilon}), NumericalError);
}
