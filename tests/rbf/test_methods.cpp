#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <variant>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;
import fieldfold.linalg.sparse_cholesky;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;
import fieldfold.rbf.leave_one_out;

#include "support/scattered_points.hpp"

using fieldfold::Kernel;
using fieldfold::NumericalError;
using fieldfold::RBFInterpolator;
using fieldfold::RBFMethod;
using fieldfold::RBFOptions;

namespace {

const RBFOptions global{};
const RBFOptions local{.neighbors = 30};
const RBFOptions partition{.method = RBFMethod::partition_of_unity, .cluster_size = 40, .overlap = 0.4};

/// The derivative along an axis by the fourth order difference: its error is h^4 / 30 times the fifth derivative, and
/// rounding over h.
xt::xarray<double> difference(const RBFInterpolator& f, const xt::xarray<double>& at, std::size_t axis) {
  constexpr double h = 1e-3;
  const auto moved = [&](double step) {
    auto points = at;
    for (std::size_t q = 0; q < at.shape(0); ++q) points(q, axis) += step;
    return f(points);
  };
  return (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
}

}  // namespace

BOOST_AUTO_TEST_CASE(polynomials_are_reproduced_inside_and_outside) {
  const auto points = scattered(900, 2);
  xt::xarray<double> queries = 1.4 * scattered(200, 2, 0.1) - 0.2;
  for (RBFOptions options : {global, local, partition}) {
    options.degree = 2;
    const RBFInterpolator f(points, values_at(points, quadratic), options);
    BOOST_TEST(relative_difference(f(queries), values_at(queries, quadratic)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(threads_change_nothing) {
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

BOOST_AUTO_TEST_CASE(new_values_use_the_factorization_again) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(50, 2, 0.2);
  const auto first = values_at(points, franke);
  const auto second = values_at(points, quadratic);
  for (const auto& options : {global, local, partition}) {
    const RBFInterpolator f(points, first, options);
    BOOST_TEST(relative_difference(f.with_values(second)(queries), RBFInterpolator(points, second, options)(queries)) <
               1e-13);
    BOOST_CHECK_THROW(f.with_values(scattered(299, 1)), fieldfold::InvalidArgument);
  }
}

BOOST_AUTO_TEST_CASE(weights_are_the_interpolant_as_a_matrix) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(70, 2, 0.2);
  const auto values = values_at(points, franke);
  for (const auto& options : {global, local, partition}) {
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

BOOST_AUTO_TEST_CASE(gradients_of_polynomials_are_exact) {
  const auto points = scattered(500, 2);
  xt::xarray<double> queries = 1.2 * scattered(60, 2, 0.1) - 0.1;
  for (RBFOptions options : {global, local, partition}) {
    options.degree = 2;
    const auto found = RBFInterpolator(points, values_at(points, quadratic), options).gradient(queries);
    BOOST_TEST_REQUIRE(found.dimension() == 2U);
    auto expected = found;
    for (std::size_t q = 0; q < 60; ++q) {
      expected(q, 0) = 1.0 - 2.0 * queries(q, 1);
      expected(q, 1) = -2.0 * queries(q, 0) + 6.0 * queries(q, 1);
    }
    BOOST_TEST(relative_difference(found, expected) < 1e-7);
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_the_interpolant) {
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
        const auto expected = difference(f, queries, axis);
        const xt::xarray<double> along = xt::view(found, xt::all(), xt::all(), axis);
        // C2 functions have jumps in their third derivatives, which the difference meets at first order: h = 1e-3.
        BOOST_TEST(relative_difference(along, expected) < (blended || kernel.compact ? 1e-4 : 1e-5),
                   kernel.name << blended);
      }
    }
  }
  const RBFInterpolator linear(points, values, {.kernel = Kernel::linear});
  BOOST_CHECK_THROW(linear.gradient(queries), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(periodic_axes_have_their_period) {
  // A function of period 2 along the first axis; points cover one period, queries several.
  const auto wave = [](const double* x) { return std::sin(3.0 * std::acos(-1.0) * x[0]) + x[1] * x[1]; };
  auto points = scattered(600, 2);
  for (std::size_t i = 0; i < 600; ++i) points(i, 0) *= 2.0;
  auto queries = scattered(100, 2, 0.2);
  for (std::size_t q = 0; q < 100; ++q) queries(q, 0) = 7.0 * queries(q, 0) - 3.0;
  auto moved = queries;
  for (std::size_t q = 0; q < 100; ++q) moved(q, 0) += 4.0;
  for (RBFOptions options : {global, local, partition}) {
    options.periods = {2.0, 0.0};
    const RBFInterpolator f(points, values_at(points, wave), options);
    BOOST_TEST(relative_difference(f(moved), f(queries)) < 1e-11);
    BOOST_TEST(rms_difference(f(queries), values_at(queries, wave)) < 2e-2);
    const auto gradient = f.gradient(queries);
    const xt::xarray<double> along = xt::view(gradient, xt::all(), 0);
    // Weights of a partition have jumps in their third derivatives.
    if (!options.neighbors) BOOST_TEST(relative_difference(along, difference(f, queries, 0)) < 1e-3);
  }
  // Degree 2 holds cos, sin and their products along the circle: a wave of half the period is met exactly.
  RBFOptions options{.degree = 2, .periods = {2.0, 0.0}};
  const auto trigonometric = [](const double* x) {
    return std::cos(2.0 * std::acos(-1.0) * x[0]) + x[1] * std::sin(std::acos(-1.0) * x[0]) - x[1] * x[1];
  };
  const RBFInterpolator f(points, values_at(points, trigonometric), options);
  BOOST_TEST(relative_difference(f(queries), values_at(queries, trigonometric)) < 1e-10);
  options.periods = {2.0};
  BOOST_CHECK_THROW(RBFInterpolator(points, values_at(points, wave), options), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(scales_are_factors_of_coordinates) {
  const auto points = scattered(300, 2);
  const auto queries = scattered(50, 2, 0.2);
  auto stretched = points;
  auto stretched_queries = queries;
  for (auto* set : {&stretched, &stretched_queries})
    for (std::size_t i = 0; i < set->shape(0); ++i) (*set)(i, 1) *= 100.0;
  const auto values = values_at(points, franke);
  for (RBFOptions options : {global, local, partition}) {
    const auto expected = RBFInterpolator(points, values, options)(queries);
    options.scales = {1.0, 0.01};
    BOOST_TEST(relative_difference(RBFInterpolator(stretched, values, options)(stretched_queries), expected) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(not_a_number_spoils_its_own_column) {
  const auto points = scattered(500, 2);
  const auto queries = scattered(60, 2, 0.2);
  auto values = xt::xarray<double>::from_shape({500, 2});
  for (std::size_t i = 0; i < 500; ++i) values(i, 0) = values(i, 1) = franke(&points(i, 0));
  for (const auto& options : {global, local, partition}) {
    const auto clean = RBFInterpolator(points, values, options)(queries);
    auto spoilt = values;
    spoilt(3, 0) = std::numeric_limits<double>::quiet_NaN();
    const auto found = RBFInterpolator(points, spoilt, options)(queries);
    for (std::size_t q = 0; q < 60; ++q) BOOST_TEST(std::abs(found(q, 1) - clean(q, 1)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(sparse_systems_solve_what_dense_ones_do) {
  // Many points in clusters far from each other: the sparse system is that of each cluster alone, which is dense.
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
  // With a polynomial, which all clusters share: linear functions are reproduced, values met, NaN stays in its column.
  const RBFOptions options{.kernel = Kernel::wendland_c2, .epsilon = 5.0, .degree = 1};
  const auto plane = [](const double* x) { return 2.0 + x[0] - 3.0 * x[1]; };
  const xt::xarray<double> wide = 30.0 * scattered(50, 2, 0.3) - 5.0;
  const RBFInterpolator linear(points, values_at(points, plane), options);
  BOOST_TEST(relative_difference(linear(wide), values_at(wide, plane)) < 1e-9);
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, options)(points), values) < 1e-9);
  auto spoilt = values;
  spoilt(7, 0) = std::numeric_limits<double>::quiet_NaN();
  const auto found = RBFInterpolator(points, spoilt, options)(queries);
  const auto clean = RBFInterpolator(points, values, options)(queries);
  for (std::size_t q = 0; q < 40; ++q) BOOST_TEST(std::abs(found(q, 1) - clean(q, 1)) < 1e-10);
  auto twice = points;
  twice(1, 0) = twice(0, 0);
  twice(1, 1) = twice(0, 1);
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, options), NumericalError);
}

BOOST_AUTO_TEST_CASE(all_points_on_a_line_may_have_a_lower_degree_too) {
  auto line = scattered(40, 2);
  for (std::size_t i = 0; i < 40; ++i) line(i, 1) = 2.0 * line(i, 0);
  const auto values = values_at(line, [](const double* x) { return std::sin(x[0]); });
  for (const std::size_t neighbors : {39U, 40U, 50U}) {
    const RBFInterpolator f(line, values, {.neighbors = neighbors, .allow_lower_degree = true});
    BOOST_TEST(relative_difference(f(line), values) < 1e-8);
  }
  const xt::xarray<double> far = 1e10 * line;
  BOOST_CHECK_THROW(RBFInterpolator(far, values, {.scales = {1e308, 1e308}}), fieldfold::InvalidArgument);
}
