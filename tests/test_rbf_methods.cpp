#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "closeness.hpp"
#include "error_of.hpp"

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.rbf.leave_one_out;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;
import fieldfold.rbf;
import fieldfold.simd;
import fieldfold.sparse_cholesky;
import fieldfold.sparse_rows;

#include "scattered_points.hpp"

using fieldfold::Kernel;
using fieldfold::NumericalError;
using fieldfold::RBFInterpolator;
using fieldfold::RBFMethod;
using fieldfold::RBFOptions;

namespace {

const RBFOptions global{};
const RBFOptions local{.neighbors = 30};
const RBFOptions partition{.method = RBFMethod::partition_of_unity, .cluster_size = 40, .overlap = 0.4};

double quadratic(const double* x) { return 1.0 + x[0] - 2.0 * x[0] * x[1] + 3.0 * x[1] * x[1]; }

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

BOOST_AUTO_TEST_CASE(every_instruction_set_solves_stencils_as_lapack_does) {
  // Sizes around those of the blocks and registers; more stencils than lanes are not asked for, fewer are.
  const auto points = scattered(400, 2);
  const auto queries = scattered(8, 2, 0.37);
  std::vector<double> smoothing(400, 0.0);
  for (std::size_t i = 0; i < 400; i += 3) smoothing[i] = 0.01;
  for (const auto* set : fieldfold::instruction_sets())
    for (const Kernel kernel : {Kernel::thin_plate_spline, Kernel::gaussian, Kernel::quintic, Kernel::wendland_c4})
      for (const int degree : {-1, 2})
        for (const std::size_t size : {7U, 8U, 9U, 10U, 11U, 24U, 50U}) {
          if (degree == -1 && kernel != Kernel::gaussian && kernel != Kernel::wendland_c4) continue;
          const fieldfold::RBFModel model{kernel, 3.0, degree};
          const fieldfold::PointCloud cloud{fieldfold::as_matrix(points), smoothing, model};
          fieldfold::StencilBatch batch(cloud, *set);
          for (const std::size_t used : {std::size_t{1}, set->lanes}) {
            // Of two sizes, so that some have less than the others.
            std::vector<std::vector<std::size_t>> stencils(used);
            std::vector<std::span<const std::size_t>> views;
            std::vector<std::vector<double>> weights(used);
            std::vector<std::span<double>> weight_views;
            for (std::size_t l = 0; l < used; ++l) {
              for (std::size_t i = 0; i < size - l % 2; ++i) stencils[l].push_back(7 * l + 3 * i);
              weights[l].resize(stencils[l].size());
            }
            for (std::size_t l = 0; l < used; ++l) {
              views.emplace_back(stencils[l]);
              weight_views.emplace_back(weights[l]);
            }
            batch.factorize(views);
            batch.weights({queries.data(), used, 2}, std::nullopt, weight_views, {});
            for (std::size_t l = 0; l < used; ++l) {
              auto own = xt::xarray<double>::from_shape({stencils[l].size(), std::size_t{2}});
              std::vector<double> own_smoothing;
              for (std::size_t i = 0; i < stencils[l].size(); ++i) {
                for (std::size_t axis = 0; axis < 2; ++axis) own(i, axis) = points(stencils[l][i], axis);
                own_smoothing.push_back(smoothing[stencils[l][i]]);
              }
              const fieldfold::RBFSystem system(fieldfold::as_matrix(std::as_const(own)), own_smoothing, model);
              std::vector<double> expected(stencils[l].size());
              system.weights({&queries(l, 0), 1, 2}, std::nullopt, {expected.data(), 1, expected.size()});
              // Two factorizations of one matrix: they differ by rounding times its condition.
              const double tolerance = 1e-14 / system.reciprocal_condition();
              if (tolerance < 1e-3)
                BOOST_TEST(relative_difference(weights[l], expected) < tolerance,
                           set->name << " " << fieldfold::traits(kernel).name << " " << degree << " " << size);
            }
          }
        }
}

BOOST_AUTO_TEST_CASE(polynomials_are_reproduced_inside_and_outside) {
  const auto points = scattered(900, 2);
  xt::xarray<double> queries = 1.4 * scattered(200, 2, 0.1) - 0.2;
  for (RBFOptions options : {global, local, partition}) {
    options.degree = 2;
    const RBFInterpolator f(points, values_at(points, quadratic), options);
    BOOST_TEST(relative_difference(f(queries), values_at(queries, quadratic)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(a_blend_of_interpolants_interpolates) {
  for (const std::size_t dim : {1U, 2U, 3U}) {
    const auto points = scattered(700, dim);
    const auto values = values_at(points, [&](const double* x) { return std::sin(5.0 * x[0]) + x[dim - 1]; });
    const RBFInterpolator f(points, values, partition);
    BOOST_TEST(relative_difference(f(points), values) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(one_cluster_is_the_global_interpolant) {
  const auto points = scattered(60, 2);
  const auto queries = scattered(20, 2, 0.2);
  const auto values = values_at(points, franke);
  const RBFOptions one{.method = RBFMethod::partition_of_unity, .cluster_size = 60};
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, one)(queries),
                                 RBFInterpolator(points, values)(queries)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(a_partition_is_as_accurate_as_fifty_neighbors) {
  // Also where points crowd at a wall, with cells a thousand times as small there.
  for (const bool graded : {false, true}) {
    auto points = scattered(5000, 2);
    auto queries = scattered(5000, 2, 0.123);
    for (auto* set : {&points, &queries})
      for (std::size_t i = 0; i < set->shape(0) && graded; ++i) (*set)(i, 1) = std::pow((*set)(i, 1), 3.0);
    const auto values = values_at(points, franke);
    const auto exact = values_at(queries, franke);
    const double error =
        rms_difference(RBFInterpolator(points, values, {.method = RBFMethod::partition_of_unity})(queries), exact);
    const double by_neighbors = rms_difference(RBFInterpolator(points, values, {.neighbors = 50})(queries), exact);
    BOOST_TEST(error < 1.05 * by_neighbors);
    // Both are of the order of the distance of points to the power of the kernel, and not of a mistake.
    BOOST_TEST(by_neighbors < 1e-3);
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

BOOST_AUTO_TEST_CASE(neighborhoods_on_a_line_are_named_or_have_a_lower_degree) {
  // Far apart lines, so that the nearest points of a query are all on one.
  auto points = xt::xarray<double>::from_shape({300, 2});
  for (std::size_t i = 0; i < 300; ++i) {
    points(i, 0) = static_cast<double>(i % 100) / 100.0;
    points(i, 1) = 10.0 * static_cast<double>(i / 100);
  }
  const auto values = values_at(points, [](const double* x) { return 2.0 * x[0] + 5.0; });
  const xt::xarray<double> queries{{0.505, 0.0}, {0.255, 10.0}};
  RBFOptions options{.neighbors = 12};
  const RBFInterpolator strict(points, values, options);
  const std::string what = error_of([&] { strict(queries); });
  BOOST_TEST(what.find("full column rank") != std::string::npos);
  BOOST_TEST(what.find("point ") != std::string::npos);
  options.allow_lower_degree = true;
  const auto found = RBFInterpolator(points, values, options)(queries);
  // A constant and thin plates on a line do not reproduce the slope, but come near it between the points.
  BOOST_TEST(std::abs(found(0) - 6.01) < 2e-2);
  BOOST_TEST(std::abs(found(1) - 5.51) < 2e-2);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_one_cluster_is_an_error_of_all) {
  auto twice = scattered(500, 2);
  twice(70, 0) = twice(31, 0);
  twice(70, 1) = twice(31, 1);
  const auto values = values_at(twice, franke);
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, partition), NumericalError);
  const RBFInterpolator near(twice, values, local);
  BOOST_CHECK_THROW(near(twice), NumericalError);
  RBFOptions both{.neighbors = 3, .method = RBFMethod::partition_of_unity};
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, both), fieldfold::InvalidArgument);
  BOOST_CHECK_THROW(RBFInterpolator(twice, values, {.method = RBFMethod::partition_of_unity, .cluster_size = 2}),
                    fieldfold::InvalidArgument);
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

BOOST_AUTO_TEST_CASE(points_in_a_plane_of_space_make_a_partition) {
  // A wall: all points have the same third coordinate, which a constant polynomial leaves alone.
  auto points = scattered(800, 3);
  for (std::size_t i = 0; i < 800; ++i) points(i, 2) = 0.25;
  auto queries = scattered(50, 3, 0.2);
  for (std::size_t i = 0; i < 50; ++i) queries(i, 2) = 0.25;
  const auto values = values_at(points, franke);
  const RBFOptions options{.kernel = Kernel::linear, .method = RBFMethod::partition_of_unity, .cluster_size = 50};
  const RBFInterpolator f(points, values, options);
  BOOST_TEST(relative_difference(f(points), values) < 1e-10);
  BOOST_TEST(rms_difference(f(queries), values_at(queries, franke)) < 2e-2);
}

BOOST_AUTO_TEST_CASE(leaving_one_out_in_closed_form_is_leaving_it_out) {
  const auto points = scattered(40, 2);
  auto values = xt::xarray<double>::from_shape({40, 2});
  for (std::size_t i = 0; i < 40; ++i) {
    values(i, 0) = franke(&points(i, 0));
    values(i, 1) = quadratic(&points(i, 0));
  }
  for (const auto& kernel : fieldfold::kernels())
    for (const double smoothing : {0.0, 0.1}) {
      RBFOptions options{.smoothing = smoothing, .kernel = kernel.kernel};
      options.epsilon = kernel.scale_invariant ? 1.0 : kernel.compact ? 1.0 : 6.0;
      const auto errors = fieldfold::leave_one_out_errors(points, values, options);
      for (const std::size_t left_out : {0U, 17U, 39U}) {
        auto others = xt::xarray<double>::from_shape({39, 2});
        auto other_values = others;
        for (std::size_t i = 0; i < 39; ++i)
          for (std::size_t axis = 0; axis < 2; ++axis) {
            others(i, axis) = points(i < left_out ? i : i + 1, axis);
            other_values(i, axis) = values(i < left_out ? i : i + 1, axis);
          }
        const xt::xarray<double> query{{points(left_out, 0), points(left_out, 1)}};
        const auto found = RBFInterpolator(others, other_values, options)(query);
        for (std::size_t s = 0; s < 2; ++s)
          BOOST_TEST(std::abs(values(left_out, s) - found(0, s) - errors(left_out, s)) < 1e-8,
                     kernel.name << " " << smoothing);
      }
    }
  BOOST_CHECK_THROW(fieldfold::leave_one_out_errors(points, values, {.neighbors = 9}), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(the_choice_is_the_least_of_its_curve) {
  const auto points = scattered(150, 2);
  const auto queries = scattered(400, 2, 0.2);
  const auto values = values_at(points, franke);
  const auto exact = values_at(queries, franke);
  const auto chosen = fieldfold::choose_by_leave_one_out(points, values, {.kernel = Kernel::gaussian});
  double least = std::numeric_limits<double>::infinity();
  for (const auto& trial : chosen.curve) least = std::min(least, trial.error);
  BOOST_TEST(chosen.error == least);
  BOOST_TEST(chosen.curve.size() == 17U);
  const auto error = [&](double epsilon) {
    return rms_difference(RBFInterpolator(points, values, {.kernel = Kernel::gaussian, .epsilon = epsilon})(queries),
                          exact);
  };
  // The errors at other points have their least about there too.
  double least_elsewhere = std::numeric_limits<double>::infinity();
  for (const auto& trial : chosen.curve)
    if (std::isfinite(trial.error) && trial.error < 0.1)
      least_elsewhere = std::min(least_elsewhere, error(trial.epsilon));
  BOOST_TEST(error(*chosen.options.epsilon) < 2.0 * least_elsewhere);
  BOOST_TEST(error(*chosen.options.epsilon) < 0.2 * error(8.0 * *chosen.options.epsilon));

  // Noise of deviation 0.1 asks for smoothing.
  auto noisy = values;
  for (std::size_t i = 0; i < 150; ++i) noisy(i) += i % 2 == 0 ? 0.1 : -0.1;
  const auto smoothed = fieldfold::choose_by_leave_one_out(points, noisy, {}, {}, {0.0, 1e-3, 1e-2, 1e-1});
  BOOST_TEST(smoothed.curve.size() == 4U);
  BOOST_TEST(smoothed.options.smoothing() > 0.0);
  const auto with = rms_difference(RBFInterpolator(points, noisy, smoothed.options)(queries), exact);
  BOOST_TEST(with < rms_difference(RBFInterpolator(points, noisy)(queries), exact));
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

BOOST_AUTO_TEST_CASE(partitions_hold_where_coordinates_are_offset_or_coincide) {
  // Time in nanoseconds beside a position: cells without width, a margin that offsets would swallow.
  auto points = xt::xarray<double>::from_shape({800, 2});
  for (std::size_t i = 0; i < 800; ++i) {
    points(i, 0) = 1.7e18 + 1e9 * static_cast<double>(i / 80);
    points(i, 1) = static_cast<double>(i % 80) / 79.0;
  }
  RBFOptions options{.kernel = Kernel::linear, .method = RBFMethod::partition_of_unity, .cluster_size = 50};
  const auto values = values_at(points, [](const double* x) { return 1e-10 * (x[0] - 1.7e18) + x[1]; });
  BOOST_TEST(relative_difference(RBFInterpolator(points, values, options)(points), values) < 1e-9);

  auto plane = scattered(800, 3);
  for (const double z : {1e12, 1e15, 1.7e18}) {
    for (std::size_t i = 0; i < 800; ++i) plane(i, 2) = z;
    const auto heights = values_at(plane, franke);
    BOOST_TEST(relative_difference(RBFInterpolator(plane, heights, options)(plane), heights) < 1e-9);
  }

  // A dozen stations with many readings each, whatever the unit of length.
  for (const double unit : {1e3, 1e-3}) {
    auto stations = xt::xarray<double>::from_shape({600, 2});
    for (std::size_t i = 0; i < 600; ++i) {
      stations(i, 0) = unit * std::fmod(std::sqrt(2.0) * static_cast<double>(i % 12 + 1), 1.0);
      stations(i, 1) = unit * std::fmod(std::sqrt(3.0) * static_cast<double>(i % 12 + 1), 1.0);
    }
    options.smoothing = 0.1;
    options.epsilon = 1.0 / unit;
    const auto readings = values_at(stations, [&](const double* x) { return x[0] / unit; });
    // Each station's value is smoothed by a fiftieth of what is added to one point.
    BOOST_TEST(relative_difference(RBFInterpolator(stations, readings, options)(stations), readings) < 0.05);
  }
}

BOOST_AUTO_TEST_CASE(lost_digits_of_a_neighborhood_are_said) {
  // Nine places with points a thousandth apart do not determine a polynomial of degree 4: weights of 1e14 cancel.
  auto points = scattered(400, 2);
  for (std::size_t i = 0; i < 400; ++i) {
    points(i, 0) = static_cast<double>(i % 3) + 1e-3 * points(i, 0);
    points(i, 1) = static_cast<double>(i / 3 % 3) + 1e-3 * points(i, 1);
  }
  const auto values = values_at(points, franke);
  const xt::xarray<double> queries = 2.0 * scattered(40, 2, 0.2);
  std::size_t warnings = 0;
  const auto before = fieldfold::set_warning_handler([&](std::string_view) { ++warnings; });
  const RBFInterpolator f(points, values, {.neighbors = 20, .kernel = Kernel::quintic, .degree = 4});
  try {
    f(queries);
  } catch (const NumericalError&) {
    ++warnings;
  }
  fieldfold::set_warning_handler(before);
  BOOST_TEST(warnings == 1U);
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

BOOST_AUTO_TEST_CASE(far_from_a_rough_neighborhood_lost_digits_are_warned_of) {
  // Rough values on a small cluster, and a query ten thousand times its width away. A cubic knows no scale: with
  // coordinates times 3, which rounds otherwise, everything but rounding is the same.
  auto points = scattered(60, 2);
  auto values = xt::xarray<double>::from_shape({60});
  for (std::size_t i = 0; i < 60; ++i) {
    points(i, 0) = 1e-4 * points(i, 0);
    points(i, 1) = 1e-4 * points(i, 1);
    values(i) = std::fmod(7919.0 * static_cast<double>(i), 13.0) / 13.0 - 0.5;
  }
  const xt::xarray<double> query{{1.0, 0.7}};
  const xt::xarray<double> tripled = 3.0 * points;
  const xt::xarray<double> query_tripled = 3.0 * query;
  const RBFOptions options{.neighbors = 59, .kernel = Kernel::cubic};
  std::size_t warnings = 0;
  const auto before = fieldfold::set_warning_handler([&](std::string_view) { ++warnings; });
  const double one = RBFInterpolator(points, values, options)(query)(0);
  const double three = RBFInterpolator(tripled, values, options)(query_tripled)(0);
  fieldfold::set_warning_handler(before);
  // More than half of the digits.
  BOOST_TEST(std::abs(one - three) > 1e-8 * std::abs(one));
  BOOST_TEST(warnings == 2U);
}
