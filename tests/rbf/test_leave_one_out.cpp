#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <variant>

#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;
import fieldfold.rbf.leave_one_out;

#include "support/data/scattered_points.hpp"

using fieldfold::Kernel;
using fieldfold::RBFInterpolator;
using fieldfold::RBFOptions;

BOOST_AUTO_TEST_CASE(coincident_points_count_once_in_the_choice) {
  const auto distinct = scattered(40, 2);
  auto distinct_values = xt::xarray<double>::from_shape({40});
  for (std::size_t i = 0; i < 40; ++i) distinct_values(i) = franke(&distinct(i, 0));
  // Points 3, 3 and 20 again, with values whose means are those above.
  auto points = xt::xarray<double>::from_shape({43, 2});
  auto values = xt::xarray<double>::from_shape({43});
  for (std::size_t i = 0; i < 43; ++i) {
    const std::size_t of = i < 40 ? i : i < 42 ? 3 : 20;
    for (std::size_t axis = 0; axis < 2; ++axis) points(i, axis) = distinct(of, axis);
    values(i) = distinct_values(of);
  }
  values(3) += 0.3;
  values(40) -= 0.2;
  values(41) -= 0.1;
  for (const Kernel kernel : {Kernel::gaussian, Kernel::multiquadric, Kernel::cubic}) {
    const auto expected = fieldfold::choose_by_leave_one_out(distinct, distinct_values, {.kernel = kernel});
    const auto found = fieldfold::choose_by_leave_one_out(points, values, {.kernel = kernel, .merge_duplicates = true});
    // Rounding of the mean spacing.
    BOOST_TEST(std::abs(found.options.epsilon.value_or(1.0) / expected.options.epsilon.value_or(1.0) - 1.0) < 1e-14);
    BOOST_TEST(std::abs(found.error / expected.error - 1.0) < 1e-10);
    BOOST_TEST(found.options.merge_duplicates);
    const RBFOptions options{.kernel = kernel, .epsilon = 3.0};
    RBFOptions merging = options;
    merging.merge_duplicates = true;
    const auto residuals = fieldfold::leave_one_out_errors(points, values, merging);
    const auto residuals_once = fieldfold::leave_one_out_errors(distinct, distinct_values, options);
    BOOST_TEST(residuals.size() == 43U);
    for (const auto& [given, of] : {std::pair<std::size_t, std::size_t>{39, 39}, {40, 3}, {42, 20}})
      BOOST_TEST(std::abs(residuals(given) - residuals_once(of)) < 1e-9);
    if (kernel != Kernel::cubic)
      BOOST_TEST(error_of([&] {
                   fieldfold::choose_by_leave_one_out(points, values, {.kernel = kernel});
                 }).starts_with("Two data points coincide: "));
  }
}

BOOST_AUTO_TEST_CASE(leave_one_out_errors_in_closed_form_equal_those_of_refitting) {
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

BOOST_AUTO_TEST_CASE(choice_minimizes_the_leave_one_out_error) {
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
  // The error at other points is nearly minimal there, too.
  double least_elsewhere = std::numeric_limits<double>::infinity();
  for (const auto& trial : chosen.curve)
    if (std::isfinite(trial.error) && trial.error < 0.1)
      least_elsewhere = std::min(least_elsewhere, error(trial.epsilon));
  BOOST_TEST(error(*chosen.options.epsilon) < 2.0 * least_elsewhere);
  BOOST_TEST(error(*chosen.options.epsilon) < 0.2 * error(8.0 * *chosen.options.epsilon));

  // Noise of standard deviation 0.1 calls for smoothing.
  auto noisy = values;
  for (std::size_t i = 0; i < 150; ++i) noisy(i) += i % 2 == 0 ? 0.1 : -0.1;
  const auto smoothed = fieldfold::choose_by_leave_one_out(points, noisy, {}, {}, {0.0, 1e-3, 1e-2, 1e-1});
  BOOST_TEST(smoothed.curve.size() == 4U);
  BOOST_TEST(smoothed.options.smoothing() > 0.0);
  const auto with_smoothing = rms_difference(RBFInterpolator(points, noisy, smoothed.options)(queries), exact);
  BOOST_TEST(with_smoothing < rms_difference(RBFInterpolator(points, noisy)(queries), exact));
}
