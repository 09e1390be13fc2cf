#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.linalg.dense;
import fieldfold.pod.svd;

#include "support/warnings_of.hpp"

namespace {

using fieldfold::Fields;
using fieldfold::InvalidArgument;
using fieldfold::Shape;
using fieldfold::SVD;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The matrices of figures/make_svd_figures.py, by the same formulas.
xt::xarray<double> matrix_named(const std::string& name, std::size_t m, std::size_t n) {
  auto matrix = xt::xarray<double>::from_shape({m, n});
  for (std::size_t row = 0; row < m; ++row)
    for (std::size_t col = 0; col < n; ++col) {
      const auto i = static_cast<double>(row);
      const auto j = static_cast<double>(col);
      const double waves = std::cos(0.37 * (i + 1) * (j + 1)) + 0.1 * std::sin(i + j * j);
      if (name == "mean_dominated")
        matrix(row, col) = 50.0 + waves;
      else if (name == "graded")
        matrix(row, col) = waves * std::pow(10.0, -static_cast<double>(row % 7));
      else if (name == "decaying")
        matrix(row, col) = waves * std::pow(0.3, j);
      else
        matrix(row, col) = waves;
    }
  return matrix;
}

xt::xarray<double> waves(std::size_t m, std::size_t n) { return matrix_named("waves", m, n); }

double norm(const xt::xarray<double>& array) {
  double squares = 0.0;
  for (const double x : array) squares += x * x;
  return std::sqrt(squares);
}

Shape shape_of(const xt::xarray<double>& array) { return {array.shape().begin(), array.shape().end()}; }

SVD learned(const xt::xarray<double>& snapshots, const fieldfold::RankRule& rule) {
  SVD svd;
  svd.compute_map(snapshots, rule);
  return svd;
}

}  // namespace

BOOST_AUTO_TEST_CASE(results_equal_those_of_numpy) {
  std::ifstream file(FIGURES "/svd.json");
  for (const auto& figure : nlohmann::json::parse(file)) {
    const auto numbers = [&](const char* key) { return figure[key].get<std::vector<double>>(); };
    const auto snapshots = matrix_named(figure["name"], figure["m"], figure["n"]);
    const SVD svd = learned(snapshots, {.rank = figure["rank"].get<std::size_t>()});
    // Singular values and energies are accurate to rounding, vectors to rounding over the gap between their singular
    // values.
    BOOST_TEST(relative_difference(svd.singular_values(), numbers("singular_values")) < 1e-14);
    BOOST_TEST(std::abs(svd.energy() / figure["energy"].get<double>() - 1.0) < 1e-13);
    BOOST_TEST(std::abs(svd.reconstruction_error() / figure["reconstruction_error"].get<double>() - 1.0) < 1e-11);
    auto state = xt::xarray<double>::from_shape({snapshots.shape(0)});
    for (std::size_t i = 0; i < state.size(); ++i) state(i) = std::sin(static_cast<double>(i));
    const auto latent = svd.compress(state);
    BOOST_TEST(relative_difference(latent, numbers("latent_of_sine")) < 1e-10);
    BOOST_TEST(relative_difference(svd.reconstruct(latent), numbers("sine_again")) < 1e-10);
    const auto ranges = svd.estimate_latent_ranges();
    const auto expected = figure["latent_ranges"].get<std::vector<std::pair<double, double>>>();
    for (std::size_t mode = 0; mode < ranges.size(); ++mode) {
      const double scale = std::abs(expected[mode].first) + std::abs(expected[mode].second);
      BOOST_TEST(std::abs(ranges[mode].first - expected[mode].first) < 1e-10 * scale);
      BOOST_TEST(std::abs(ranges[mode].second - expected[mode].second) < 1e-10 * scale);
    }
    for (const auto& [tolerance, rank] : figure["rank_at_energy"].items())
      BOOST_TEST(learned(snapshots, {.energy_tol = std::stod(tolerance)}).rank() == rank.get<std::size_t>());
    for (const auto& [tolerance, rank] : figure["rank_at_error"].items())
      BOOST_TEST(learned(snapshots, {.reconstruction_tol = std::stod(tolerance)}).rank() == rank.get<std::size_t>());
  }
}

BOOST_AUTO_TEST_CASE(reconstruction_error_equals_tail_energy) {
  const auto snapshots = waves(60, 9);
  for (std::size_t rank = 1; rank <= 9; ++rank) {
    const SVD svd = learned(snapshots, {.rank = rank});
    const xt::xarray<double> states = xt::transpose(snapshots);
    const auto reconstructed = svd.reconstruct(svd.compress(states));
    BOOST_TEST(std::abs(norm(states - reconstructed) / norm(states) - svd.reconstruction_error()) < 1e-14);
    BOOST_TEST(std::abs(1.0 - svd.reconstruction_error() * svd.reconstruction_error() - svd.energy()) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(compression_is_a_projection) {
  const SVD svd = learned(waves(40, 8), {.rank = 4});
  const auto state = waves(3, 40);
  const auto once = svd.reconstruct(svd.compress(state));
  BOOST_TEST(relative_difference(svd.reconstruct(svd.compress(once)), once) < 1e-14);
}

BOOST_AUTO_TEST_CASE(rank_overrides_reconstruction_tol_which_overrides_energy_tol) {
  const auto snapshots = matrix_named("decaying", 40, 7);
  const std::size_t by_energy = learned(snapshots, {.energy_tol = 0.5}).rank();
  const std::size_t by_error = learned(snapshots, {.reconstruction_tol = 0.01}).rank();
  BOOST_TEST(by_energy != by_error);
  BOOST_TEST(learned(snapshots, {.energy_tol = 0.5, .reconstruction_tol = 0.01}).rank() == by_error);
  BOOST_TEST(learned(snapshots, {.rank = 6, .energy_tol = 0.5, .reconstruction_tol = 0.01}).rank() == 6U);
  BOOST_TEST(learned(snapshots, {}).rank() == learned(snapshots, {.energy_tol = 0.95}).rank());
}

BOOST_AUTO_TEST_CASE(a_rule_given_to_compute_map_replaces_that_of_the_options) {
  SVD svd({}, {.rule = {.rank = 3}});
  svd.compute_map(waves(20, 6));
  BOOST_TEST(svd.rank() == 3U);
  svd.compute_map(waves(20, 6), {.energy_tol = 1.0});
  BOOST_TEST(svd.rank() == 6U);
}

BOOST_AUTO_TEST_CASE(energy_one_and_error_zero_give_the_numerical_rank) {
  const xt::xarray<double> full = waves(30, 6);
  BOOST_TEST(learned(full, {.energy_tol = 1.0}).rank() == 6U);
  BOOST_TEST(learned(full, {.reconstruction_tol = 0.0}).rank() == 6U);
  // Six snapshots of rank 3.
  xt::xarray<double> deficient = full;
  for (std::size_t i = 0; i < 30; ++i)
    for (std::size_t j = 0; j < 3; ++j) deficient(i, j + 3) = full(i, j) - 2.0 * full(i, (j + 1) % 3);
  BOOST_TEST(learned(deficient, {.energy_tol = 1.0}).rank() == 3U);
  BOOST_TEST(learned(deficient, {.reconstruction_tol = 0.0}).rank() == 3U);
  BOOST_TEST(learned(deficient, {.reconstruction_tol = 1e-30}).rank() == 3U);
  // The smallest singular value is far below what 1 - energy can distinguish from 0.
  xt::xarray<double> graded = xt::zeros<double>({5, 3});
  graded(0, 0) = 1.0;
  graded(1, 1) = 1e-6;
  graded(2, 2) = 1e-12;
  BOOST_TEST(learned(graded, {.energy_tol = 1.0}).rank() == 3U);
}

BOOST_AUTO_TEST_CASE(basis_is_orthonormal_above_the_numerical_rank) {
  xt::xarray<double> repeated = xt::zeros<double>({10, 4});
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 4; ++j) repeated(i, j) = static_cast<double>(i + 1);
  const SVD svd = learned(repeated, {.rank = 3});
  const auto& u = svd.projection_matrix();
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 3; ++b) {
      double dot = 0.0;
      for (std::size_t i = 0; i < 10; ++i) dot += u(i, a) * u(i, b);
      BOOST_TEST(std::abs(dot - (a == b ? 1.0 : 0.0)) < 1e-14);
    }
}

BOOST_AUTO_TEST_CASE(nonfinite_snapshots_are_dropped_and_counted) {
  auto nonfinite = waves(20, 7);
  nonfinite(3, 1) = not_a_number;
  nonfinite(0, 5) = std::numeric_limits<double>::infinity();
  auto clean = xt::xarray<double>::from_shape({20, 5});
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t j = 0, k = 0; j < 7; ++j)
      if (j != 1 && j != 5) clean(i, k++) = nonfinite(i, j);
  const SVD found = learned(nonfinite, {.rank = 3});
  const SVD expected = learned(clean, {.rank = 3});
  BOOST_TEST(found.num_dropped() == 2U);
  BOOST_TEST(found.num_samples() == 5U);
  BOOST_TEST(relative_difference(found.projection_matrix(), expected.projection_matrix()) < 1e-13);
}

BOOST_AUTO_TEST_CASE(fields_by_name_equal_the_interleaved_matrix) {
  const auto u = waves(6, 10);
  const xt::xarray<double> v = 2.0 + 0.5 * waves(6, 10);
  auto matrix = xt::xarray<double>::from_shape({20, 6});
  for (std::size_t sample = 0; sample < 6; ++sample)
    for (std::size_t p = 0; p < 10; ++p) {
      matrix(2 * p, sample) = v(sample, p);
      matrix(2 * p + 1, sample) = u(sample, p);
    }
  SVD by_name({.fields = {"v", "u"}});
  by_name.compute_map(Fields{{"u", u}, {"v", v}}, {.rank = 3});
  SVD by_matrix({.fields = {"v", "u"}});
  by_matrix.compute_map(matrix, {.rank = 3});
  BOOST_TEST((by_name.projection_matrix() == by_matrix.projection_matrix()));
  BOOST_TEST(by_name.num_pts() == 10U);
  // Several loop axes are flattened to samples.
  xt::xarray<double> u_stacked = u;
  xt::xarray<double> v_stacked = v;
  u_stacked.reshape({2, 3, 10});
  v_stacked.reshape({2, 3, 10});
  SVD stacked({.fields = {"v", "u"}, .grid_shape = {10}});
  stacked.compute_map(Fields{{"u", u_stacked}, {"v", v_stacked}}, {.rank = 3});
  BOOST_TEST((stacked.projection_matrix() == by_matrix.projection_matrix()));
  // Without a grid, the second axis could belong to it.
  BOOST_CHECK_THROW(by_name.compute_map(Fields{{"u", u_stacked}, {"v", v_stacked}}), InvalidArgument);
}

BOOST_AUTO_TEST_CASE(transposed_coordinates_are_recognized) {
  // Five points in the plane, given as two of dimension five.
  SVD svd({.coords = waves(2, 5)});
  const std::string what = error_of([&] { svd.compute_map(waves(5, 3)); });
  BOOST_TEST(what.find("must be transposed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(snapshots_given_to_the_constructor_are_learned) {
  const auto matrix = waves(12, 5);
  const SVD expected = learned(matrix, {.rank = 2});
  const SVD by_matrix({}, {.rule = {.rank = 2}}, matrix);
  BOOST_TEST((by_matrix.projection_matrix() == expected.projection_matrix()));
  const SVD by_field({}, {.rule = {.rank = 2}}, Fields{{"field", xt::transpose(matrix)}});
  BOOST_TEST((by_field.projection_matrix() == expected.projection_matrix()));
}

BOOST_AUTO_TEST_CASE(loop_shapes_are_kept_and_expressions_accepted) {
  const SVD svd = learned(waves(12, 5), {.rank = 2});
  for (const Shape& loop_shape : std::vector<Shape>{{}, {1}, {3}, {2, 3}, {0}, {2, 0}}) {
    const xt::xarray<double> states = xt::zeros<double>(fieldfold::joined(loop_shape, {12}));
    const auto latent = svd.compress(states);
    BOOST_TEST(shape_of(latent) == fieldfold::joined(loop_shape, {2}));
    BOOST_TEST(shape_of(svd.reconstruct(latent)) == fieldfold::joined(loop_shape, {12}));
  }
  const auto states = waves(4, 12);
  const xt::xarray<double> doubled = svd.compress(2.0 * states);
  BOOST_TEST(relative_difference(doubled, xt::xarray<double>(2.0 * svd.compress(states))) < 1e-15);
  const auto third = svd.compress(xt::view(states, 2));
  for (std::size_t mode = 0; mode < 2; ++mode)
    BOOST_TEST(std::abs(third(mode) - svd.compress(states)(2, mode)) < 1e-14);
}

BOOST_AUTO_TEST_CASE(missing_values_that_never_occur_are_warned_of_whatever_the_weights) {
  const auto matrix = matrix_named("waves", 30, 8);
  for (const double first : {1.0, 0.0}) {
    xt::xarray<double> weights = xt::ones<double>({8});
    weights(0) = first;
    SVD svd({}, {.field_opts = {.sample_weights = weights, .missing_values = {-9999.0}}, .rule = {.rank = 2}});
    const auto warnings = warnings_of([&] { svd.compute_map(matrix); });
    BOOST_TEST_REQUIRE(warnings.size() == 1U);
    BOOST_TEST(warnings.front() == "missing_values: no number of the snapshots equals -9999");
  }
}

BOOST_AUTO_TEST_CASE(missing_numbers_of_a_state_affect_only_its_own_coefficients) {
  const SVD svd = learned(waves(12, 5), {.rank = 2});
  auto states = waves(3, 12);
  const auto clean = svd.compress(states);
  for (const double missing : {not_a_number, infinity, -infinity}) {
    states(1, 4) = missing;
    const auto latent = svd.compress(states);
    for (std::size_t mode = 0; mode < 2; ++mode) {
      BOOST_TEST(std::isnan(latent(1, mode)));
      for (const std::size_t row : {0U, 2U}) BOOST_TEST(std::abs(latent(row, mode) - clean(row, mode)) < 1e-15);
    }
  }
}

BOOST_AUTO_TEST_CASE(more_samples_than_dof_one_sample_and_one_dof_are_learned) {
  BOOST_TEST(learned(waves(4, 30), {.energy_tol = 1.0}).rank() == 4U);
  const SVD one_sample = learned(waves(30, 1), {});
  BOOST_TEST(one_sample.rank() == 1U);
  BOOST_TEST(one_sample.energy() == 1.0);
  BOOST_TEST(one_sample.reconstruction_error() == 0.0);
  const SVD one_dof = learned(waves(1, 9), {.rank = 1});
  BOOST_TEST(one_dof.projection_matrix()(0, 0) == 1.0);
}

BOOST_AUTO_TEST_CASE(rank_and_energy_do_not_depend_on_scale) {
  const auto snapshots = matrix_named("decaying", 40, 7);
  const SVD plain = learned(snapshots, {.energy_tol = 0.999});
  for (const double scale : {1e-200, 1e200}) {
    const SVD scaled = learned(scale * snapshots, {.energy_tol = 0.999});
    BOOST_TEST(scaled.rank() == plain.rank());
    BOOST_TEST(std::abs(scaled.energy() - plain.energy()) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(single_precision_agrees_with_double_to_its_rounding_unit) {
  const auto snapshots = matrix_named("decaying", 60, 6);
  fieldfold::BasicSVD<float> single({}, {.rule = {.rank = 3}});
  single.compute_map(snapshots);
  const SVD reference = learned(snapshots, {.rank = 3});
  BOOST_TEST(relative_difference(single.projection_matrix(), reference.projection_matrix()) < 1e-5);
  BOOST_TEST(std::abs(single.energy() - reference.energy()) < 1e-5);
}

BOOST_AUTO_TEST_CASE(concurrent_calls_on_one_object_equal_sequential_ones) {
  const auto coords = waves(50, 2);
  SVD svd({.fields = {"u", "v"}, .coords = coords, .interpolate_opts = {.neighbors = 12}});
  svd.compute_map(waves(100, 12), {.rank = 5});
  const auto states = waves(6, 100);
  const xt::xarray<double> elsewhere = 0.9 * coords;
  const auto latent = svd.compress(states);
  const auto fields = svd.interpolate_from_grid(svd.reconstruct(latent), elsewhere);
  std::vector<double> differences(8, 1.0);
  std::vector<std::thread> threads;
  for (double& difference : differences)
    threads.emplace_back([&] {
      difference = 0.0;
      for (int repeat = 0; repeat < 5; ++repeat) {
        const auto found = svd.interpolate_from_grid(svd.reconstruct(svd.compress(states)), elsewhere);
        double worst = 0.0;
        auto expected = fields.at("v").begin();
        for (const double value : found.at("v")) worst = std::max(worst, std::abs(value - *expected++));
        difference = std::max(difference, worst);
      }
    });
  for (auto& thread : threads) thread.join();
  for (const double difference : differences) BOOST_TEST(difference < 1e-12 * norm(fields.at("v")));
}

BOOST_AUTO_TEST_CASE(errors_name_the_invalid_argument_and_change_nothing) {
  SVD svd({.fields = {"u", "v"}, .coords = waves(10, 3)});
  svd.compute_map(waves(20, 6), {.rank = 2});
  const auto before = svd.projection_matrix();
  const auto expect = [&](const std::string& part, const auto& action) {
    const std::string what = error_of(action);
    BOOST_TEST(what.find(part) != std::string::npos, "expected \"" << part << "\" in \"" << what << "\"");
    BOOST_CHECK_THROW(action(), InvalidArgument);
    BOOST_TEST((svd.projection_matrix() == before));
  };
  expect("snapshots: expected the shape (dof, num_samples), got (20,)",
         [&] { svd.compute_map(xt::xarray<double>::from_shape({20})); });
  expect("expected 10 num_pts x 2 num_qoi = 20 rows to fit the coords, got 19", [&] { svd.compute_map(waves(19, 6)); });
  expect("rank: expected at least 1, got 0", [&] { svd.compute_map(waves(20, 6), {.rank = 0}); });
  expect("rank: expected 1 to min(dof, samples) = min(20, 6), got 7",
         [&] { svd.compute_map(waves(20, 6), {.rank = 7}); });
  for (const double tolerance : {0.0, -0.5, 1.5, not_a_number})
    expect("energy_tol: expected a share in (0, 1]", [&] { svd.compute_map(waves(20, 6), {.energy_tol = tolerance}); });
  for (const double tolerance : {-1e-3, not_a_number})
    expect("reconstruction_tol: expected", [&] { svd.compute_map(waves(20, 6), {.reconstruction_tol = tolerance}); });
  expect("expected one that is not zero", [&] { svd.compute_map(xt::zeros<double>({20, 6})); });
  expect("expected at least one that is finite, got 3 of 20 rows, all with NaN or infinity",
         [&] { svd.compute_map(xt::zeros<double>({20, 3}) + not_a_number); });
  expect("expected rows and samples, got the shape (20, 0)",
         [&] { svd.compute_map(xt::xarray<double>::from_shape({20, 0})); });
  expect("fields: expected one named u", [&] { svd.compute_map(Fields{{"v", waves(6, 10)}}); });
  expect("states: expected a shape ending in (20,), got (19,)",
         [&] { svd.compress(xt::xarray<double>::from_shape({19})); });
  expect("latent: expected a shape ending in (2,), got (3, 4)",
         [&] { svd.reconstruct(xt::xarray<double>::from_shape({3, 4})); });
  expect("a multiple of 2, got 19", [&] { SVD({.fields = {"u", "v"}}).compute_map(waves(19, 6)); });
  expect("energy_tol", [] { SVD({}, {.rule = {.energy_tol = 2.0}}); });
}

BOOST_AUTO_TEST_CASE(many_rows_do_not_lower_the_rank_in_single_precision) {
  // A threshold of a rounding unit times the number of rows would exceed the second singular value.
  constexpr std::size_t dof = 2'000'000;
  xt::xarray<float> snapshots = xt::zeros<float>({dof, std::size_t{2}});
  for (std::size_t i = 0; i < dof; ++i) {
    snapshots(i, 0) = 1.0F;
    snapshots(i, 1) = i % 2 == 0 ? 1.01F : 0.99F;
  }
  fieldfold::BasicSVD<float> svd;
  svd.compute_map(snapshots, {.reconstruction_tol = 1e-4});
  BOOST_TEST(svd.rank() == 2U);
}

BOOST_AUTO_TEST_CASE(the_smallest_numbers_are_learned_or_said_to_have_lost_digits) {
  const auto matrix = matrix_named("decaying", 60, 8);
  for (const bool is_wide : {false, true}) {
    const auto given = is_wide ? xt::xarray<double>(xt::transpose(matrix)) : matrix;
    SVD expected({}, {.rule = {.rank = 2}});
    expected.compute_map(given);
    SVD svd({}, {.rule = {.rank = 2}});
    svd.compute_map(given * 1e-300);
    BOOST_TEST(std::abs(svd.energy() - expected.energy()) < 1e-12);
    BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-10);
    BOOST_TEST(error_of([&] { svd.compute_map(given * 1e-312); }).starts_with("the snapshots are too small"));
  }
}

BOOST_AUTO_TEST_CASE(snapshots_with_overflowing_squares_are_an_error) {
  SVD svd;
  BOOST_CHECK_THROW(svd.compute_map(1e308 * xt::ones<double>({40, 6})), fieldfold::NumericalError);
  BOOST_TEST(!svd.map_exists());
}

BOOST_AUTO_TEST_CASE(compute_map_accepts_another_number_of_points) {
  SVD svd;
  svd.compute_map(Fields{{"field", waves(3, 12)}}, {.rank = 1});
  svd.compute_map(Fields{{"field", waves(3, 15)}}, {.rank = 1});
  BOOST_TEST(svd.dof() == 15U);
}

BOOST_AUTO_TEST_CASE(members_that_need_a_map_throw_without_one) {
  const SVD svd({.coords = waves(10, 3)});
  BOOST_TEST(!svd.map_exists());
  BOOST_TEST(svd.dof() == 10U);
  BOOST_CHECK_THROW(svd.compress(waves(1, 10)), fieldfold::NotReady);
  BOOST_CHECK_THROW(svd.reconstruct(waves(1, 2)), fieldfold::NotReady);
  BOOST_CHECK_THROW(svd.rank(), fieldfold::NotReady);
  BOOST_CHECK_THROW(svd.energy(), fieldfold::NotReady);
  BOOST_CHECK_THROW(svd.estimate_latent_ranges(), fieldfold::NotReady);
}

BOOST_AUTO_TEST_CASE(errors_equal_those_of_reconstructed_and_held_out_snapshots) {
  const auto snapshots = waves(40, 12);
  SVD svd({.fields = {"p", "T"}}, {.rule = {.rank = 4}, .validate_every = 3});
  svd.compute_map(snapshots);
  BOOST_TEST((svd.num_samples() == 8U && svd.num_dropped() == 0U));
  const xt::xarray<double> states = xt::transpose(snapshots);
  const xt::xarray<double> residual = states - svd.reconstruct(svd.compress(states));
  std::size_t seen = 0;
  std::size_t held_out = 0;
  double largest = 0.0;
  for (std::size_t j = 0; j < 12; ++j) {
    const double error = norm(xt::view(residual, j)) / norm(xt::view(states, j));
    const bool is_held_out = j % 3 == 2;
    BOOST_TEST(std::abs((is_held_out ? svd.validation_errors().snapshots(held_out++) : svd.errors().snapshots(seen++)) -
                        error) < 1e-13);
    if (is_held_out) continue;
    largest = std::max(largest, error);
    double field_error = 0.0;
    double field_square = 0.0;
    for (std::size_t i = 1; i < 40; i += 2) {
      field_error += residual(j, i) * residual(j, i);
      field_square += states(j, i) * states(j, i);
    }
    BOOST_TEST(std::abs(svd.errors().snapshot_fields(seen - 1, 1) - std::sqrt(field_error / field_square)) < 1e-13);
  }
  BOOST_TEST(std::abs(svd.errors().largest_of_snapshots() - largest) < 1e-13);
  BOOST_CHECK_THROW(learned(snapshots, {}).validation_errors(), fieldfold::NotReady);
  BOOST_TEST(error_of([] { SVD({}, {.validate_every = 1}); }) == "validate_every: expected 0, or 2 or more, got 1");
}

BOOST_AUTO_TEST_CASE(results_are_written_to_memory_of_the_caller) {
  const SVD svd = learned(waves(30, 6), {.rank = 3});
  const auto states = waves(5, 30);
  std::vector<double> latent(15, not_a_number);
  svd.compress(states, latent);
  BOOST_TEST(relative_difference(latent, svd.compress(states)) < 1e-15);
  std::vector<double> reconstructed(150, not_a_number);
  svd.reconstruct(svd.compress(states), reconstructed);
  BOOST_TEST(relative_difference(reconstructed, svd.reconstruct(svd.compress(states))) < 1e-15);
  BOOST_TEST(error_of([&] { svd.compress(states, std::span(latent).first(14)); }) ==
             "latent: expected memory for 5 x 3 numbers, got 14");
  BOOST_TEST(error_of([&] { svd.reconstruct(svd.compress(states), latent); }) ==
             "states: expected memory for 5 x 30 numbers, got 15");
}

BOOST_AUTO_TEST_CASE(single_precision_is_near_optimal_on_many_rows) {
  // By Gram matrix, by sketch, and by double precision in place of both.
  auto snapshots = matrix_named("mean_dominated", 40000, 60);
  const xt::xarray<float> rounded = xt::cast<float>(snapshots);
  for (const fieldfold::RankRule& rule : {fieldfold::RankRule{.rank = 1}, fieldfold::RankRule{.rank = 30},
                                          fieldfold::RankRule{.reconstruction_tol = 1e-4}}) {
    fieldfold::BasicSVD<float> single;
    single.compute_map(rounded, rule);
    const SVD reference = learned(snapshots, rule);
    BOOST_TEST(single.rank() == reference.rank());
    BOOST_TEST(single.reconstruction_error() <= 1.01 * reference.reconstruction_error() + 1e-6);
    BOOST_TEST(std::abs(single.errors().fields(0) - reference.errors().fields(0)) <=
               0.01 * reference.errors().fields(0) + 1e-6);
    // In double precision, because rounding errors of sums of so many products exceed those of the basis.
    const xt::xarray<double> basis = xt::cast<double>(single.projection_matrix());
    const auto gram = fieldfold::gram(fieldfold::as_matrix(basis));
    for (std::size_t i = 0; i < single.rank(); ++i)
      for (std::size_t j = 0; j < single.rank(); ++j) BOOST_TEST(std::abs(gram(i, j) - (i == j ? 1.0 : 0.0)) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(interpolating_modes_equals_interpolating_samples) {
  auto coords = xt::xarray<double>::from_shape({60, 2});
  for (std::size_t p = 0; p < 60; ++p) {
    coords(p, 0) = std::fmod(std::sqrt(2.0) * static_cast<double>(p + 1), 1.0);
    coords(p, 1) = std::fmod(std::sqrt(3.0) * static_cast<double>(p + 1), 1.0);
  }
  const xt::xarray<double> elsewhere = 0.9 * xt::view(coords, xt::range(0, 17), xt::all()) + 0.02;
  SVD svd({.fields = {"a", "b"}, .coords = coords, .interpolate_opts = {.neighbors = 15}});
  svd.compute_map(matrix_named("decaying", 120, 10), {.rank = 3});
  // Fewer samples than modes, more samples than modes, and other loop shapes.
  for (const auto& shape : std::vector<std::vector<std::size_t>>{{2, 3}, {7, 3}, {4, 5, 3}, {3}, {0, 3}}) {
    auto latent = xt::xarray<double>::from_shape(shape);
    for (std::size_t i = 0; i < latent.size(); ++i) latent.flat(i) = std::cos(static_cast<double>(i));
    const auto expected = svd.interpolate_from_grid(svd.reconstruct(latent), elsewhere);
    for (const auto& found :
         {svd.reconstruct_at(latent, elsewhere), fieldfold::reconstruct_fields(svd, latent, elsewhere)})
      for (const auto& [name, values] : expected) {
        BOOST_TEST((found.at(name).shape() == values.shape()));
        BOOST_TEST(relative_difference(found.at(name), values) < 1e-13);
      }
  }
}

BOOST_AUTO_TEST_CASE(a_single_row_that_is_not_zero_is_learned_wherever_it_is) {
  // The copies of a row in a random sketch must not cancel.
  constexpr std::size_t samples = 20;
  fieldfold::SVDOptions options{.rule = {.rank = 1}};
  options.method = fieldfold::DecompositionMethod::sketch;
  for (std::size_t row = 0; row < 700; ++row) {
    xt::xarray<double> snapshots = fieldfold::zeros<double>({std::size_t{700}, samples});
    double squares = 0.0;
    for (std::size_t j = 0; j < samples; ++j) {
      snapshots(row, j) = 1.0 + static_cast<double>(j);
      squares += std::pow(snapshots(row, j), 2);
    }
    SVD svd({}, options);
    svd.compute_map(snapshots);
    BOOST_TEST_REQUIRE(std::abs(svd.singular_values()(0) - std::sqrt(squares)) <= 1e-13 * std::sqrt(squares));
    BOOST_TEST_REQUIRE(std::abs(svd.projection_matrix()(row, 0) - 1.0) <= 1e-13);
  }
}
