#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.gappy;
import fieldfold.pod.svd;

#include "support/data/cosines.hpp"
#include "support/data/three_waves.hpp"
#include "support/warnings_of.hpp"

namespace {

using fieldfold::as_matrix;
using fieldfold::FieldOptions;
using fieldfold::GappySnapshots;
using fieldfold::GappyStates;
using fieldfold::SVD;

/// A tenth of the entries of every fifth snapshot is missing, but no entire row.
xt::xarray<double> with_gaps(const xt::xarray<double>& matrix) {
  xt::xarray<double> gappy = matrix;
  for (std::size_t j = 0; j < samples; j += 5)
    for (std::size_t i = 0; i < points; ++i)
      if ((7 * i + 3 * j) % 10 == 0) gappy(i, j) = i % 2 == 0 ? missing : std::numeric_limits<double>::infinity();
  return gappy;
}

fieldfold::MassMatrix line_mass() {
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t j = i == 0 ? 0 : i - 1; j <= std::min(i + 1, points - 1); ++j) {
      rows.push_back(static_cast<double>(i));
      columns.push_back(static_cast<double>(j));
      values.push_back(i == j ? 4.0 : 1.0);
    }
  const fieldfold::Shape shape{rows.size()};
  return {points, xt::adapt(rows, shape), xt::adapt(columns, shape), xt::adapt(values, shape)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(filling_recovers_snapshots_of_low_rank) {
  xt::xarray<double> weights = xt::linspace<double>(1.0, 3.0, points);
  const std::vector<std::pair<FieldOptions, double>> cases{
      {{}, 0.0},
      {{.center = true}, 100.0},
      {{.normalize = {.method = fieldfold::NormalizationMethod::zscore}, .center = true, .point_weights = weights},
       100.0},
      {{.center = true, .sample_weights = xt::linspace<double>(1.0, 2.0, samples)}, 100.0},
      {{.center = true, .mass = line_mass()}, 100.0}};
  for (auto [options, mean] : cases) {
    const auto matrix = waves(mean);
    const auto gappy = with_gaps(matrix);
    options.gappy_snapshots = GappySnapshots::fill;
    const auto svd = learned(gappy, options, 3);
    BOOST_TEST(svd.num_dropped() == 0);
    BOOST_TEST(svd.num_samples() == samples);
    BOOST_TEST(svd.map().num_filled == 48);
    // The map equals that of the complete snapshots, but for the statistics of the fields, which use only the known
    // entries.
    options.gappy_states = GappyStates::fill;
    const auto complete = learned(matrix, options, 3);
    if (options.center) BOOST_TEST(relative_difference(svd.mean(), complete.mean()) < 1e-8);
    const xt::xarray<double> states = xt::transpose(matrix);
    const xt::xarray<double> reconstructed = svd.reconstruct(svd.compress(states));
    BOOST_TEST(relative_difference(reconstructed, states) < 1e-8);
    BOOST_TEST(svd.reconstruction_error() < 1e-7);
    // Snapshots that are dropped instead are counted.
    options.gappy_snapshots = GappySnapshots::drop;
    BOOST_TEST(learned(gappy, options, 3).num_dropped() == 6);
  }
}

BOOST_AUTO_TEST_CASE(condition_of_one_mode_equals_its_closed_form) {
  const auto svd = learned(waves(5.0), {}, 1);
  xt::xarray<double> state = xt::transpose(waves(5.0));
  state(2, 9) = missing;
  const auto found = svd.assess(state);
  for (std::size_t j = 0; j < samples; ++j) BOOST_TEST(std::isfinite(found.relative_distance(j)));
  // 1 over the norm of the mode without its tenth entry.
  const double left = 1.0 - std::pow(svd.projection_matrix()(9, 0), 2);
  BOOST_TEST(std::abs(found.condition(2) * std::sqrt(left) - 1.0) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_gap_does_not_become_a_mode) {
  // One of 2400 numbers is missing, and the rules request more modes than the snapshots have.
  for (const bool center : {false, true}) {
    auto gappy = waves(30.0);
    const double truth = gappy(11, 4);
    gappy(11, 4) = missing;
    const FieldOptions options{.center = center, .gappy_snapshots = GappySnapshots::fill};
    for (const fieldfold::RankRule& rule :
         {fieldfold::RankRule{.rank = 8}, fieldfold::RankRule{.reconstruction_tol = 1e-6},
          fieldfold::RankRule{.energy_tol = 1.0}, fieldfold::RankRule{.sample_tol = 1e-4}}) {
      SVD svd({}, {.field_opts = options, .keep_training_latents = true});
      svd.compute_map(gappy, rule);
      const auto filled = svd.reconstruct(svd.training_latents());
      BOOST_TEST(std::abs(filled(4, 11) - truth) < 1e-3, "rank " << svd.rank());
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_and_snapshots_without_values_are_not_filled) {
  auto matrix = waves(0.0);
  for (std::size_t i = 0; i < points; ++i) matrix(i, 4) = missing;
  const auto svd = learned(matrix, {.gappy_snapshots = GappySnapshots::fill}, 3);
  BOOST_TEST(svd.num_dropped() == 1);
  for (std::size_t j = 0; j < samples; ++j) matrix(9, j) = missing;
  BOOST_TEST(fails([&] { learned(matrix, {.gappy_snapshots = GappySnapshots::fill}, 3); },
                   "expected a number in at least one snapshot at point 9, got none; a mask"));
  const auto masked = learned(matrix, {.mask = fieldfold::Mask::automatic, .gappy_snapshots = GappySnapshots::fill}, 3);
  BOOST_TEST(masked.num_dropped() == 1);
  BOOST_TEST(std::isnan(masked.reconstruct(xt::xarray<double>{0.0, 0.0, 0.0})(9)));
}

BOOST_AUTO_TEST_CASE(states_in_the_span_are_recovered_from_their_known_entries) {
  xt::xarray<double> weights = xt::linspace<double>(1.0, 3.0, points);
  const auto matrix = waves(50.0);
  const xt::xarray<double> states = xt::transpose(matrix);
  const std::vector<FieldOptions> cases{
      {}, {.center = true}, {.center = true, .point_weights = weights}, {.center = true, .mass = line_mass()}};
  for (auto options : cases) {
    options.gappy_states = GappyStates::fill;
    const auto svd = learned(matrix, options, 4);
    const auto exact = svd.compress(states);
    xt::xarray<double> gappy = states;
    for (std::size_t j = 0; j < samples; ++j)
      for (std::size_t i = 0; i < points; ++i)
        if (j % 3 == 0 && i % 8 >= 2) gappy(j, i) = missing;
    // Rounding errors of a mean 50 times as large, and the condition number of a quarter of the points.
    BOOST_TEST(relative_difference(svd.compress(gappy), exact) < 1e-11);
    const auto assessed = svd.assess(gappy);
    BOOST_TEST(relative_difference(assessed.latent, exact) < 1e-11);
    for (std::size_t j = 0; j < samples; ++j) {
      BOOST_TEST((assessed.condition(j) > 1.0) == (j % 3 == 0));
      BOOST_TEST(assessed.relative_distance(j) < 1e-10);
    }
    const auto with_nan = svd.compress(gappy, GappyStates::nan);
    for (std::size_t j = 0; j < samples; ++j) BOOST_TEST(std::isnan(with_nan(j, 0)) == (j % 3 == 0));
    BOOST_TEST(fails([&] { svd.compress(gappy, GappyStates::error); },
                     "states: expected finite numbers, got nan in state 0, entry 2"));
    BOOST_TEST(relative_difference(svd.compress(states, GappyStates::error), exact) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(least_squares_of_two_coefficients_equal_their_closed_form) {
  const auto svd = learned(waves(0.0), {.gappy_states = GappyStates::fill}, 2);
  const auto& u = svd.projection_matrix();
  xt::xarray<double> state = xt::linspace<double>(-1.0, 2.0, points);
  double a = 0.0;
  double b = 0.0;
  double d = 0.0;
  double f = 0.0;
  double g = 0.0;
  for (std::size_t i = 0; i < points; ++i) {
    if (i % 3 == 1 || i > 60) {
      state(i) = missing;
      continue;
    }
    a += u(i, 0) * u(i, 0);
    b += u(i, 0) * u(i, 1);
    d += u(i, 1) * u(i, 1);
    f += u(i, 0) * state(i);
    g += u(i, 1) * state(i);
  }
  const double determinant = a * d - b * b;
  const auto found = svd.assess(state);
  BOOST_TEST(std::abs(found.latent(0) - (d * f - b * g) / determinant) < 1e-12);
  BOOST_TEST(std::abs(found.latent(1) - (a * g - b * f) / determinant) < 1e-12);
  const double half = (a + d) / 2.0;
  const double root = std::sqrt(half * half - determinant);
  BOOST_TEST(std::abs(found.condition() * std::sqrt(half - root) - 1.0) < 1e-10);
  double squares = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < points; ++i) {
    if (std::isnan(state(i))) continue;
    squares += std::pow(state(i) - u(i, 0) * found.latent(0) - u(i, 1) * found.latent(1), 2);
    norm += state(i) * state(i);
  }
  BOOST_TEST(std::abs(found.distance() / std::sqrt(squares) - 1.0) < 1e-12);
  BOOST_TEST(std::abs(found.relative_distance() / std::sqrt(squares / norm) - 1.0) < 1e-12);
}

BOOST_AUTO_TEST_CASE(errors_of_least_squares_are_proportional_to_the_condition_number) {
  // Two columns that differ by 1e-7 at the known points, which normal equations cannot resolve.
  const auto u = cosines(points, 2);
  xt::xarray<double> basis = u;
  for (std::size_t i = 0; i < 10; ++i) basis(i, 1) = basis(i, 0) + 1e-7 * static_cast<double>(i);
  std::vector<double> y(points, missing);
  for (std::size_t i = 0; i < 10; ++i) y[i] = 3.0 * basis(i, 0) - 2.0 * basis(i, 1);
  const fieldfold::GappyLeastSquares<double> squares(as_matrix(std::as_const(basis)), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                                                     {});
  const auto found = squares.solve(y);
  BOOST_TEST(squares.condition() > 1e5);
  // The rounding unit times the condition number.
  BOOST_TEST(std::abs(found[0] - 3.0) < 1e-16 * 100.0 * squares.condition());
  BOOST_TEST(std::abs(found[1] + 2.0) < 1e-16 * 100.0 * squares.condition());
}

BOOST_AUTO_TEST_CASE(states_with_the_same_holes_are_filled_as_each_alone) {
  xt::xarray<double> weights = xt::linspace<double>(1.0, 3.0, points);
  for (const bool weighted : {false, true}) {
    FieldOptions options{.center = true, .gappy_states = GappyStates::fill};
    if (weighted) options.point_weights = weights;
    const auto svd = learned(waves(50.0), options, 3);
    xt::xarray<double> states = xt::transpose(waves(50.0));
    for (std::size_t j = 0; j < samples; ++j)
      for (std::size_t i = 0; i < 9; ++i) states(j, (i * (j % 2 + 2)) % points) = missing;
    const auto together = svd.compress(states);
    for (std::size_t j = 0; j < samples; ++j) {
      const xt::xarray<double> alone = svd.compress(xt::view(states, j));
      BOOST_TEST(relative_difference(xt::xarray<double>(xt::view(together, j)), alone) < 1e-13);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_warning_counts_the_states_without_coefficients) {
  const auto svd = learned(waves(0.0), {}, 3);
  xt::xarray<double> states = xt::transpose(waves(0.0));
  const auto expected = svd.compress(states);
  for (std::size_t i = 0; i < points; ++i) states(1, i) = missing;
  states(2, 5) = missing;
  for (std::size_t i = 2; i < points; ++i) states(4, i) = missing;
  xt::xarray<double> latent;
  const auto skipped = warnings_of([&] { latent = svd.compress(states); });
  BOOST_TEST_REQUIRE(skipped.size() == 1U);
  BOOST_TEST(skipped[0].find("3 of " + std::to_string(samples)) != std::string::npos);
  BOOST_TEST(skipped[0].find("gappy_states fill") != std::string::npos);
  BOOST_TEST((std::isnan(latent(2, 0)) && latent(0, 0) == expected(0, 0)));
  const auto filled = warnings_of([&] { latent = svd.compress(states, GappyStates::fill); });
  BOOST_TEST_REQUIRE(filled.size() == 1U);
  BOOST_TEST(filled[0].find("2 of " + std::to_string(samples) + ", 1 of them without any number") != std::string::npos);
  BOOST_TEST((std::isnan(latent(1, 0)) && std::isnan(latent(4, 0))));
  for (std::size_t k = 0; k < 3; ++k) BOOST_TEST(std::abs(latent(2, k) - expected(2, k)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(as_many_known_entries_as_coefficients_have_no_distance) {
  const auto svd = learned(waves(0.0), {}, 3);
  xt::xarray<double> states = xt::ones<double>({std::size_t{2}, points}) * missing;
  for (const std::size_t i : {3U, 17U, 30U}) states(0, i) = states(1, i) = static_cast<double>(i);
  states(1, 40) = 1.0;
  const auto assessed = svd.assess(states);
  BOOST_TEST((std::isnan(assessed.distance(0)) && std::isnan(assessed.relative_distance(0))));
  BOOST_TEST(std::isfinite(assessed.latent(0, 0)));
  BOOST_TEST(assessed.distance(1) > 0.0);
}

BOOST_AUTO_TEST_CASE(undetermined_coefficients_are_nan) {
  const auto svd = learned(waves(0.0), {.gappy_states = GappyStates::fill}, 3);
  xt::xarray<double> states = xt::ones<double>({std::size_t{2}, points});
  for (std::size_t i = 2; i < points; ++i) states(1, i) = missing;
  const auto latent = svd.compress(states);
  BOOST_TEST((std::isfinite(latent(0, 0)) && std::isnan(latent(1, 0))));
  const auto assessed = svd.assess(states);
  BOOST_TEST((assessed.condition(0) == 1.0 && std::isfinite(assessed.distance(0))));
  BOOST_TEST(
      (std::isinf(assessed.condition(1)) && std::isnan(assessed.latent(1, 0)) && std::isnan(assessed.distance(1))));
  // Entries of a mode at rounding level do not determine its coefficient.
  xt::xarray<double> spiked = cosines(points, 1);
  for (std::size_t i = 0; i < 20; ++i) spiked(i, 0) = 1e-17;
  std::vector<double> at_rounding_level(points, missing);
  for (std::size_t i = 0; i < 20; ++i) at_rounding_level[i] = 1.0;
  BOOST_TEST(
      fails([&] { fieldfold::gappy_coefficients<double>(as_matrix(std::as_const(spiked)), at_rounding_level, {}); },
            "do not determine the 1 coefficients"));
  // Points at which two modes are equal.
  xt::xarray<double> basis = cosines(points, 2);
  std::vector<double> y(points, missing);
  for (std::size_t i = 0; i < 10; ++i) {
    basis(i, 1) = basis(i, 0);
    y[i] = 1.0;
  }
  BOOST_TEST(fails([&] { fieldfold::gappy_coefficients<double>(as_matrix(std::as_const(basis)), y, {}); },
                   "do not determine the 2 coefficients"));
}
