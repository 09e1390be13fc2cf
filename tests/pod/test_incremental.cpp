#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.linalg.dense;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;

#include "support/data/cosines.hpp"

namespace {

using fieldfold::as_matrix;
using fieldfold::IncrementalSVD;

/// Snapshots `(samples, dof)` with planted singular values.
xt::xarray<double> planted(std::size_t dof, std::size_t samples, const std::vector<double>& s) {
  auto v = cosines(samples, s.size());
  const auto u = cosines(dof, s.size());
  for (std::size_t i = 0; i < samples; ++i)
    for (std::size_t mode = 0; mode < s.size(); ++mode) v(i, mode) *= s[mode];
  auto states = xt::xarray<double>::from_shape({samples, dof});
  fieldfold::multiply_transposed(as_matrix(std::as_const(v)), as_matrix(u), as_matrix(states));
  return states;
}

std::vector<double> powers(double base, std::size_t count) {
  std::vector<double> s(count);
  for (std::size_t i = 0; i < count; ++i) s[i] = std::pow(base, static_cast<double>(i));
  return s;
}

template <class T>
double off_identity(const xt::xarray<T>& columns) {
  const auto gram = fieldfold::gram(as_matrix(columns));
  double largest = 0.0;
  for (std::size_t i = 0; i < gram.shape(0); ++i)
    for (std::size_t j = 0; j < gram.shape(1); ++j)
      largest = std::max(largest, std::abs(static_cast<double>(gram(i, j)) - (i == j ? 1.0 : 0.0)));
  return largest;
}

/// `||A - U U^T A|| / ||A||` in the Frobenius norm, by definition.
template <class T>
double projection_error(const xt::xarray<T>& u, const xt::xarray<T>& states) {
  const std::size_t rank = u.shape(1);
  auto coefficients = xt::xarray<T>::from_shape({states.shape(0), rank});
  fieldfold::multiply(as_matrix(states), as_matrix(u), as_matrix(coefficients));
  auto residual = states;
  fieldfold::subtract_product_transposed(as_matrix(std::as_const(coefficients)), as_matrix(u), as_matrix(residual));
  double error = 0.0;
  double square = 0.0;
  for (std::size_t i = 0; i < states.size(); ++i) {
    error += std::pow(static_cast<double>(residual.flat(i)), 2);
    square += std::pow(static_cast<double>(states.flat(i)), 2);
  }
  return std::sqrt(error / square);
}

/// Two fields on 40 points, `(dof, samples)`; the second is above -3.
xt::xarray<double> field_snapshots() {
  auto snapshots = xt::xarray<double>::from_shape({80, 9});
  for (std::size_t i = 0; i < 80; ++i)
    for (std::size_t j = 0; j < 9; ++j) {
      const double angle = 0.1 * static_cast<double>(i / 2) * static_cast<double>(j + 1);
      snapshots(i, j) = i % 2 == 0 ? 1000.0 + 200.0 * std::sin(angle) : 2.0 * std::cos(angle);
    }
  return snapshots;
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_truncation_incremental_equals_batch_svd) {
  const auto s = powers(0.5, 20);
  const auto states = planted(300, 50, s);
  fieldfold::SVD all({}, {.rule = {.rank = 20}});
  all.compute_map(xt::xarray<double>(xt::transpose(states)));
  for (const std::size_t block : {1U, 7U, 16U, 64U}) {
    IncrementalSVD incremental({}, {.block = block}, {.keep_training_latents = true});
    for (std::size_t i = 0; i < 50; ++i) incremental.add(xt::view(states, i));
    const auto svd = incremental.finish();
    BOOST_TEST(incremental.num_samples() == 50U);
    // The smallest singular value is 2e-6 of the largest; vectors are accurate to rounding over this ratio.
    BOOST_TEST_REQUIRE(svd.rank() >= 20U);
    for (std::size_t i = 0; i < 20; ++i) BOOST_TEST(std::abs(svd.singular_values()(i) - s[i]) < 1e-13);
    const xt::xarray<double> leading = xt::view(svd.projection_matrix(), xt::all(), xt::range(0, 20));
    BOOST_TEST(relative_difference(leading, all.projection_matrix()) < 1e-9);
    const xt::xarray<double> latents = xt::view(svd.training_latents(), xt::all(), xt::range(0, 20));
    BOOST_TEST(relative_difference(latents, all.compress(states)) < 1e-12);
    BOOST_TEST(projection_error(svd.projection_matrix(), states) <= incremental.error_bound() + 1e-14);
    BOOST_TEST(incremental.error_bound() < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(projection_error_is_within_the_error_bound_and_the_tolerance) {
  const auto states = planted(400, 300, powers(0.7, 60));
  for (const double tolerance : {1e-1, 1e-2, 1e-4, 1e-7, 1e-10}) {
    IncrementalSVD incremental({}, {.tolerance = tolerance});
    incremental.add(states);
    incremental.update();
    const double error = projection_error(incremental.basis(), states);
    BOOST_TEST(error <= incremental.error_bound() + 1e-14);  // rounding errors of the projection
    BOOST_TEST(incremental.error_bound() <= tolerance);
    // The smallest sufficient rank has a tail of 0.7^rank; the half of the tolerance that is held back and the sum of
    // bounds cost some modes.
    const double fewest = std::log(tolerance) / std::log(0.7);
    BOOST_TEST(static_cast<double>(incremental.rank()) < fewest + 14.0);
  }
}

BOOST_AUTO_TEST_CASE(a_maximum_rank_is_near_optimal_and_within_the_error_bound) {
  const auto s = powers(0.6, 40);
  const auto states = planted(500, 200, s);
  IncrementalSVD incremental({}, {.max_rank = 10, .block = 8});
  incremental.add(states);
  incremental.update();
  BOOST_TEST(incremental.rank() == 10U);
  double tail = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < 40; ++i) (i < 10 ? all : tail) += s[i] * s[i];
  const double optimal = std::sqrt(tail / (all + tail));
  const double error = projection_error(incremental.basis(), states);
  BOOST_TEST(error >= optimal * (1.0 - 1e-10));
  BOOST_TEST(error < 1.5 * optimal);
  BOOST_TEST(error <= incremental.error_bound());
}

BOOST_AUTO_TEST_CASE(basis_stays_orthonormal_over_ten_thousand_updates) {
  constexpr std::size_t dof = 120;
  IncrementalSVD incremental({}, {.max_rank = 12, .block = 1});
  fieldfold::BasicIncrementalSVD<float> single({}, {.max_rank = 12, .block = 1});
  auto state = xt::xarray<double>::from_shape({dof});
  for (std::size_t step = 0; step < 10000; ++step) {
    for (std::size_t i = 0; i < dof; ++i) {
      const double x = static_cast<double>(i) / dof;
      const double t = static_cast<double>(step);
      state(i) = 100.0 + std::sin(8.0 * x - 0.01 * t) + 1e-4 * std::cos(50.0 * x + t) + 1e-9 * std::sin(t * (1.0 + x));
    }
    incremental.add(state);
    single.add(xt::cast<float>(state));
  }
  BOOST_TEST(incremental.num_samples() == 10000U);
  BOOST_TEST(off_identity(incremental.basis()) < 1e-12);
  BOOST_TEST(off_identity(single.basis()) < 1e-5);
}

BOOST_AUTO_TEST_CASE(merging_equals_the_svd_of_all_snapshots) {
  const auto states = planted(200, 60, powers(0.6, 15));
  IncrementalSVD early({}, {.block = 9}, {.keep_training_latents = true});
  IncrementalSVD late({}, {.block = 4}, {.keep_training_latents = true});
  early.add(xt::view(states, xt::range(0, 37)));
  late.add(xt::view(states, xt::range(37, 60)));
  early.merge(late);
  BOOST_TEST(early.num_samples() == 60U);
  fieldfold::SVD all({}, {.rule = {.rank = 15}});
  all.compute_map(xt::xarray<double>(xt::transpose(states)));
  const auto merged = early.finish();
  for (std::size_t i = 0; i < 15; ++i)
    BOOST_TEST(std::abs(merged.singular_values()(i) - all.singular_values()(i)) < 1e-13);
  const xt::xarray<double> latents = xt::view(merged.training_latents(), xt::all(), xt::range(0, 15));
  BOOST_TEST(relative_difference(latents, all.compress(states)) < 1e-11);
  BOOST_TEST(projection_error(merged.projection_matrix(), states) <= early.error_bound() + 1e-15);

  IncrementalSVD empty;
  empty.merge(late);
  BOOST_TEST(empty.num_samples() == 23U);
  IncrementalSVD zeros;
  zeros.add(xt::zeros<double>({3, 200}));
  empty.merge(zeros);
  zeros.merge(late);
  BOOST_TEST((empty.num_samples() == 26U && zeros.num_samples() == 26U));
  BOOST_TEST(std::abs(empty.singular_values()(0) / zeros.singular_values()(0) - 1.0) < 1e-14);
}

BOOST_AUTO_TEST_CASE(forgetting_weights_snapshots_by_their_age) {
  constexpr double forgetting = 0.9;
  const auto states = planted(150, 40, powers(0.8, 10));
  xt::xarray<double> weighted = xt::transpose(states);
  for (std::size_t i = 0; i < 150; ++i)
    for (std::size_t j = 0; j < 40; ++j) weighted(i, j) *= std::pow(forgetting, static_cast<double>(39 - j));
  fieldfold::SVD expected({}, {.rule = {.rank = 5}});
  expected.compute_map(weighted);
  for (const std::size_t block : {1U, 6U, 40U}) {
    IncrementalSVD incremental({}, {.forgetting = forgetting, .block = block}, {.rule = {.rank = 5}});
    incremental.add(states);
    const auto svd = incremental.finish();
    for (std::size_t i = 0; i < 5; ++i)
      BOOST_TEST(std::abs(svd.singular_values()(i) / expected.singular_values()(i) - 1.0) < 1e-12);
    BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-10);
    BOOST_TEST(std::abs(svd.energy() - expected.energy()) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(blocks_of_more_snapshots_than_numbers_equal_the_batch_svd) {
  std::mt19937_64 generator(9);
  std::normal_distribution<double> normal(0.0, 1.0);
  auto states = xt::xarray<double>::from_shape({700, 12});
  for (std::size_t i = 0; i < 700; ++i)
    for (std::size_t j = 0; j < 12; ++j) states(i, j) = 3.0 + std::pow(0.5, static_cast<double>(j)) * normal(generator);
  for (const bool center : {false, true}) {
    const fieldfold::SVDOptions options{
        .field_opts = {.center = center}, .rule = {.rank = 12}, .keep_training_latents = true};
    fieldfold::SVD all({}, options);
    all.compute_map(xt::xarray<double>(xt::transpose(states)));
    for (const std::optional<std::size_t> block : {std::optional<std::size_t>(12), std::optional<std::size_t>(64),
                                                   std::optional<std::size_t>(), std::optional<std::size_t>(5)}) {
      IncrementalSVD incremental({}, {.block = block}, options);
      for (std::size_t i = 0; i < 700; i += 100) incremental.add(xt::view(states, xt::range(i, i + 100)));
      const auto svd = incremental.finish();
      // Singular values between 1e2 and 1e-2: rounding of some hundred units times their ratio.
      for (std::size_t i = 0; i < 12; ++i)
        BOOST_TEST(std::abs(svd.singular_values()(i) / all.singular_values()(i) - 1.0) < 1e-10);
      BOOST_TEST(off_identity(svd.projection_matrix()) < 1e-13);
      BOOST_TEST(relative_difference(svd.projection_matrix(), all.projection_matrix()) < 1e-9);
      BOOST_TEST(relative_difference(svd.training_latents(), all.training_latents()) < 1e-11);
      BOOST_TEST(incremental.error_bound() < 1e-13);
    }
  }
}

BOOST_AUTO_TEST_CASE(coefficients_of_forgotten_snapshots_are_exact) {
  // The weight of the first snapshot of a block is 0.01^299, which underflows.
  const auto states = planted(500, 300, powers(0.5, 2));
  IncrementalSVD incremental({}, {.max_rank = 2, .forgetting = 0.01, .block = 300}, {.keep_training_latents = true});
  incremental.add(states);
  const auto svd = incremental.finish();
  // The weights of the two snapshots that span the modes differ by a hundred, and the modes' own sizes by two.
  BOOST_TEST(relative_difference(svd.training_latents(), svd.compress(states)) < 1e-10);
}

BOOST_AUTO_TEST_CASE(white_noise_reaches_the_maximum_rank) {
  std::mt19937_64 generator(5);
  std::normal_distribution<double> normal(0.0, 1.0);
  for (const std::size_t dof : {5U, 20U, 40U}) {
    auto states = xt::xarray<double>::from_shape({3 * dof, dof});
    for (double& x : states) x = normal(generator);
    for (const std::size_t max_rank : {dof, dof - 1, dof / 2}) {
      IncrementalSVD incremental({}, {.max_rank = max_rank});
      incremental.add(states);
      incremental.update();
      BOOST_TEST(incremental.rank() == max_rank);
      BOOST_TEST(off_identity(incremental.basis()) < 1e-12);
      BOOST_TEST(projection_error(incremental.basis(), states) <= incremental.error_bound() + 1e-14);
    }
  }
}

BOOST_AUTO_TEST_CASE(error_bound_holds_under_strong_forgetting) {
  // Each snapshot is a hundredth of the previous one, and has a hundred times its weight.
  auto states = planted(60, 16, powers(0.9, 16));
  xt::xarray<double> weighted = states;
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t j = 0; j < 60; ++j) {
      states(i, j) *= std::pow(0.01, static_cast<double>(i));
      weighted(i, j) *= std::pow(0.01, 15.0);
    }
  IncrementalSVD incremental({}, {.forgetting = 0.01});
  incremental.add(states);
  incremental.update();
  BOOST_TEST(projection_error(incremental.basis(), weighted) <= incremental.error_bound() + 1e-14);
}

BOOST_AUTO_TEST_CASE(zero_nonfinite_and_repeated_snapshots_add_no_mode) {
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  IncrementalSVD incremental({.fields = {"p", "T"}}, {.block = 3});
  const xt::xarray<double> zero = xt::zeros<double>({8});
  xt::xarray<double> one = zero;
  one(2) = 4.0;
  for (int repeat = 0; repeat < 4; ++repeat) incremental.add(zero);
  incremental.update();
  BOOST_TEST(incremental.rank() == 0U);
  BOOST_TEST(error_of([&] { incremental.finish(); }) == "snapshots: expected one that is not zero, got only zeros");
  incremental.add(fieldfold::Fields{{"p", xt::zeros<double>({2, 4})}, {"T", not_a_number * xt::ones<double>({2, 4})}});
  for (int repeat = 0; repeat < 5; ++repeat) incremental.add(one);  // repeated snapshots add no mode
  const auto svd = incremental.finish();
  BOOST_TEST((svd.rank() == 1U && svd.num_samples() == 9U && svd.num_dropped() == 2U));
  BOOST_TEST(std::abs(svd.singular_values()(0) - 4.0 * std::sqrt(5.0)) < 1e-14);
  BOOST_TEST(svd.projection_matrix()(2, 0) == 1.0);
  BOOST_TEST(
      (svd.estimate_latent_ranges()[0].first == 0.0 && std::abs(svd.estimate_latent_ranges()[0].second - 4.0) < 1e-14));
  BOOST_TEST(svd.reconstruction_error() < 1e-12);
}

BOOST_AUTO_TEST_CASE(errors_name_the_invalid_argument) {
  BOOST_TEST(error_of([] { IncrementalSVD({}, {.max_rank = 0}); }) == "max_rank: expected at least 1, got 0");
  BOOST_TEST(error_of([] { IncrementalSVD({}, {.tolerance = -1.0}); }) ==
             "tolerance: expected a relative error of 0 or more, got -1");
  BOOST_TEST(error_of([] { IncrementalSVD({}, {.forgetting = 0.0}); }) ==
             "forgetting: expected a factor in (0, 1], got 0");
  BOOST_TEST(error_of([] { IncrementalSVD({}, {.block = 0}); }) == "block: expected at least 1, got 0");
  BOOST_TEST(
      error_of([] { IncrementalSVD({}, {}, {.rule = {.sample_tol = 0.1}}); }).starts_with("rule: sample_tol and"));
  BOOST_TEST(error_of([] { IncrementalSVD({}, {}, {.validate_every = 3}); }).starts_with("validate_every: expected 0"));
  IncrementalSVD incremental({.fields = {"p", "T"}});
  BOOST_TEST(error_of([&] { incremental.finish(); }) == "snapshots: expected at least one that is finite, got none");
  BOOST_TEST(error_of([&] { incremental.add(xt::ones<double>({3})); }) ==
             "states: expected rows for 2 fields at each point, a multiple of 2, got 3");
  incremental.add(xt::ones<double>({4}));
  BOOST_TEST(error_of([&] { incremental.add(xt::ones<double>({6})); }) ==
             "states: expected a length of 4, as before, got 6");
  IncrementalSVD other({.fields = {"p", "T"}});
  other.add(xt::ones<double>({6}));
  BOOST_TEST(error_of([&] { incremental.merge(other); }) == "other: expected states of length 4, got 6");
}

BOOST_AUTO_TEST_CASE(centred_increments_equal_the_centred_batch_svd) {
  const auto snapshots = field_snapshots();
  const fieldfold::FieldOptions options{
      .normalize_field = {{"p", {.method = fieldfold::NormalizationMethod::linear, .slope = 1e-3, .offset = 0.5}}},
      .center = true,
      .point_weights = xt::linspace<double>(1.0, 5.0, 40)};
  fieldfold::SVD expected({.fields = {"p", "u"}}, {.field_opts = options});
  expected.compute_map(snapshots, {.rank = 3});
  const xt::xarray<double> states = xt::transpose(snapshots);
  const std::size_t count = states.shape(0);
  const auto check = [&](IncrementalSVD& incremental) {
    const auto svd = incremental.finish();
    BOOST_TEST(svd.map().is_centered());
    BOOST_TEST(relative_difference(svd.mean(), expected.mean()) < 1e-12);
    for (std::size_t k = 0; k < 3; ++k)
      BOOST_TEST(std::abs(svd.singular_values()(k) / expected.singular_values()(k) - 1.0) < 1e-11);
    BOOST_TEST(relative_difference(svd.compress(states), expected.compress(states)) < 1e-9);
    BOOST_TEST(relative_difference(svd.training_latents(), expected.compress(states)) < 1e-9);
    BOOST_TEST(std::abs(svd.energy() - expected.energy()) < 1e-12);
  };
  const fieldfold::SVDOptions svd_options{.field_opts = options, .rule = {.rank = 3}, .keep_training_latents = true};
  for (const std::size_t block : {1U, 4U, 100U}) {
    IncrementalSVD incremental({.fields = {"p", "u"}}, {.block = block}, svd_options);
    for (std::size_t j = 0; j < count; ++j) incremental.add(xt::view(states, j, xt::all()));
    check(incremental);
  }
  IncrementalSVD first({.fields = {"p", "u"}}, {.block = 4}, svd_options);
  auto second = first;
  auto merged = first;
  for (std::size_t j = 0; j < count; ++j) (j < 5 ? first : second).add(xt::view(states, j, xt::all()));
  merged.merge(first);
  merged.merge(second);
  check(merged);
  // Merging without the mean is an error that says so.
  auto uncentred = svd_options;
  uncentred.field_opts.center = false;
  IncrementalSVD other({.fields = {"p", "u"}}, {.block = 4}, uncentred);
  BOOST_TEST(error_of([&] { merged.merge(other); }).find("center") != std::string::npos);
  BOOST_TEST(error_of([&] {
               merged.merge(IncrementalSVD({.fields = {"p", "u"}}, {.forgetting = 0.9}, svd_options));
             }).find("forgetting") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(forgetting_weights_the_running_mean) {
  const xt::xarray<double> states{{1.0, 0.0, 2.0}, {3.0, 1.0, -1.0}, {0.0, 5.0, 1.0}, {2.0, 2.0, 2.0}, {7.0, 1.0, 0.0}};
  const double factor = 0.8;
  IncrementalSVD incremental({}, {.forgetting = factor, .block = 2}, {.field_opts = {.center = true}});
  incremental.add(states);
  const auto svd = incremental.finish();
  double weight = 0.0;
  xt::xarray<double> mean = xt::zeros<double>({3});
  for (std::size_t j = 0; j < 5; ++j) {
    const double own = std::pow(factor, 2.0 * static_cast<double>(4 - j));
    weight += own;
    for (std::size_t i = 0; i < 3; ++i) mean(i) += own * states(j, i);
  }
  BOOST_TEST(relative_difference(svd.mean(), xt::xarray<double>(mean / weight)) < 1e-14);
}

BOOST_AUTO_TEST_CASE(ranks_above_that_of_the_snapshots_are_as_in_the_batch_svd) {
  // Three modes: the others are orthonormal, with singular values of 0.
  const auto snapshots = field_snapshots();
  xt::xarray<double> states = xt::zeros<double>({std::size_t{9}, snapshots.shape(0)});
  for (std::size_t j = 0; j < 9; ++j)
    for (std::size_t i = 0; i < snapshots.shape(0); ++i) states(j, i) = snapshots(i, j % 3);
  IncrementalSVD incremental({}, {}, {.rule = {.rank = 6}});
  incremental.add(states);
  const auto svd = incremental.finish();
  BOOST_TEST(svd.rank() == 6U);
  BOOST_TEST(svd.singular_values()(5) == 0.0);
  BOOST_TEST(relative_difference(svd.reconstruct(svd.compress(states)), states) < 1e-12);
  IncrementalSVD too_many({}, {}, {.rule = {.rank = 10}});
  too_many.add(states);
  BOOST_TEST(error_of([&] { too_many.finish(); }).starts_with("rank: expected 1 to min(dof, samples) = min("));
  IncrementalSVD truncated({}, {.max_rank = 2}, {.rule = {.rank = 3}});
  truncated.add(states);
  BOOST_TEST(error_of([&] { truncated.finish(); }) ==
             "rank: expected 1 to 2, the number of modes kept by max_rank and tolerance, got 3");
}

BOOST_AUTO_TEST_CASE(incremental_equals_batch_svd_with_fixed_field_options) {
  const auto snapshots = field_snapshots();
  const fieldfold::FieldOptions options{
      .normalize_field = {{"u", {.method = fieldfold::NormalizationMethod::log10, .offset = 3.0}},
                          {"p", {.method = fieldfold::NormalizationMethod::linear, .slope = 1e-3, .offset = 0.5}}},
      .point_weights = xt::linspace<double>(1.0, 5.0, 40),
      .field_weights = {{"u", 3.0}},
      .gappy_states = fieldfold::GappyStates::fill};
  fieldfold::SVD expected({.fields = {"p", "u"}}, {.field_opts = options});
  expected.compute_map(snapshots, {.rank = 3});
  fieldfold::IncrementalSVD incremental({.fields = {"p", "u"}}, {}, {.field_opts = options, .rule = {.rank = 3}});
  const xt::xarray<double> states = xt::transpose(snapshots);
  for (std::size_t j = 0; j < states.shape(0); ++j) incremental.add(xt::view(states, j, xt::all()));
  const auto svd = incremental.finish();
  BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-12);
  BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-9);
  BOOST_TEST(relative_difference(svd.compress(states), expected.compress(states)) < 1e-9);
  BOOST_TEST(relative_difference(svd.reconstruct(svd.compress(states)),
                                 expected.reconstruct(expected.compress(states))) < 1e-10);
  BOOST_TEST(relative_difference(svd.map().latent_covariance, expected.map().latent_covariance) < 1e-9);
  // Merging without these options, with other weights, or with another order of fields is an error.
  const auto expect_rejected = [&](const fieldfold::FieldOptions& others, std::vector<std::string> names) {
    fieldfold::IncrementalSVD other({.fields = std::move(names)}, {}, {.field_opts = others});
    other.add(states);
    BOOST_CHECK_THROW(other.merge(incremental), fieldfold::InvalidArgument);
    BOOST_CHECK_THROW(incremental.merge(other), fieldfold::InvalidArgument);
  };
  auto heavier = options;
  heavier.field_weights["u"] = 4.0;
  expect_rejected({}, {"p", "u"});
  expect_rejected(heavier, {"p", "u"});
  expect_rejected(options, {"u", "p"});
  // Merging two parts into an empty decomposition gives the same.
  const fieldfold::IncrementalSVD empty({.fields = {"p", "u"}}, {}, {.field_opts = options, .rule = {.rank = 3}});
  auto first = empty;
  auto second = empty;
  const std::size_t half = states.shape(0) / 2;
  for (std::size_t j = 0; j < states.shape(0); ++j) (j < half ? first : second).add(xt::view(states, j, xt::all()));
  auto merged = empty;
  merged.merge(first);
  merged.merge(second);
  const auto whole = merged.finish();
  BOOST_TEST(relative_difference(whole.singular_values(), expected.singular_values()) < 1e-12);
  BOOST_TEST(relative_difference(whole.compress(states), expected.compress(states)) < 1e-9);
  for (const fieldfold::FieldOptions& learning :
       {fieldfold::FieldOptions{.standardize = true},
        fieldfold::FieldOptions{.normalize = {.method = fieldfold::NormalizationMethod::zscore}},
        fieldfold::FieldOptions{.mask = fieldfold::Mask::automatic}})
    BOOST_CHECK_THROW(fieldfold::IncrementalSVD({.fields = {"p", "u"}}, {}, {.field_opts = learning}),
                      fieldfold::InvalidArgument);
  fieldfold::IncrementalSVD other({.fields = {"p", "u"}}, {}, {.field_opts = options});
  BOOST_CHECK_THROW(other.add(xt::xarray<double>(xt::ones<double>({10}))), fieldfold::InvalidArgument);
}
