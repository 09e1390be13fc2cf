#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <utility>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;
import fieldfold.rows.source;
import fieldfold.rows.store;

#include "support/data/two_fields.hpp"

using fieldfold::FieldOptions;
using fieldfold::Fields;
using fieldfold::NormalizationMethod;

BOOST_AUTO_TEST_CASE(mean_is_subtracted_and_restored) {
  const auto fields = two_fields();
  const auto svd = learned(fields, {.center = true}, {.rank = 4});
  const auto states = states_of(svd, fields);
  BOOST_TEST(svd.map().is_centered());
  xt::xarray<double> mean = xt::zeros<double>({svd.dof()});
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < svd.dof(); ++i) mean(i) += states(j, i) / samples;
  BOOST_TEST(relative_difference(svd.mean(), mean) < 1e-14);
  // Four modes, two for each of two waves: exact up to rounding errors of the mean. The energy counts the waves alone.
  BOOST_TEST(largest_of(xt::xarray<double>(svd.reconstruct(svd.compress(states)) - states)) < 1e-9);
  BOOST_TEST(largest_of(svd.compress(mean)) < 1e-9);
  const auto one = learned(fields, {.center = true}, {.rank = 1});
  double squares = 0.0;
  double error_squares = 0.0;
  const xt::xarray<double> difference = one.reconstruct(one.compress(states)) - states;
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < svd.dof(); ++i) {
      squares += std::pow(states(j, i) - mean(i), 2);
      error_squares += std::pow(difference(j, i), 2);
    }
  BOOST_TEST(std::abs(one.reconstruction_error() / std::sqrt(error_squares / squares) - 1.0) < 1e-7);
  BOOST_TEST(std::abs(one.energy() - (1.0 - error_squares / squares)) < 1e-7);
  // Coefficients of deviations have mean 0, and the squared singular values over the number of samples as covariance.
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(std::abs(svd.map().latent_mean(i)) < 1e-9);
    for (std::size_t k = 0; k < 4; ++k) {
      const double expected = i == k ? std::pow(svd.singular_values()(i), 2) / samples : 0.0;
      BOOST_TEST(std::abs(svd.map().latent_covariance(i, k) - expected) < 1e-8 * std::pow(svd.singular_values()(0), 2));
    }
  }
}

BOOST_AUTO_TEST_CASE(standardized_numbers_have_unit_variance) {
  auto fields = two_fields();
  // A wall, where a field has the same value in all snapshots.
  for (std::size_t j = 0; j < samples; ++j) fields.at("u")(j, 5) = 0.1;
  const auto svd = learned(fields, {.standardize = true}, {.rank = 6});
  double squares = svd.map().unresolved_squares;
  for (const double s : svd.singular_values()) squares += s * s;
  // Each number that varies contributes one in each snapshot.
  BOOST_TEST(std::abs(squares / static_cast<double>(samples * (2 * points - 1)) - 1.0) < 1e-10);
  const auto reconstructed = svd.reconstruct(svd.compress(states_of(svd, fields)));
  for (std::size_t j = 0; j < samples; ++j) BOOST_TEST(std::abs(reconstructed(j, 2 * 5 + 1) - 0.1) < 1e-15);
  BOOST_TEST(relative_difference(reconstructed, states_of(svd, fields)) < 1e-10);
}

BOOST_AUTO_TEST_CASE(single_precision_rounds_deviations_not_numbers) {
  // Waves of 1e-3 on 101325, whose spacing in single precision is 8e-3.
  auto numbers = two_fields().at("u");
  for (double& x : numbers) x = 101325.0 + 1e-3 * x;
  const FieldOptions options{.center = true};
  const auto expected = learned(Fields{{"u", numbers}}, options, {.rank = 3});
  const fieldfold::BasicSVD<float> single({}, {.field_opts = options, .rule = {.rank = 3}});
  const xt::xarray<double> matrix = xt::transpose(numbers);
  const fieldfold::MatrixRows<double> rows(fieldfold::as_matrix(matrix));
  fieldfold::ArrayStore<float> basis;
  auto map = single.learn(rows, basis).first;
  map.projection_matrix = std::move(basis.array());
  const fieldfold::BasicSVD<float> learned_single({}, {.field_opts = options}, std::move(map));
  // A few rounding units of single precision.
  BOOST_TEST(relative_difference(learned_single.singular_values(), expected.singular_values()) < 1e-5);
  BOOST_TEST(relative_difference(learned_single.compress(numbers), expected.compress(numbers)) < 1e-5);
}

BOOST_AUTO_TEST_CASE(single_precision_resolves_small_waves_on_a_large_mean) {
  // Waves of amplitude 30 on a mean of 1e5 have four digits in single precision.
  const auto fields = two_fields();
  fieldfold::BasicFields<float> floats;
  for (const auto& [name, values] : fields) floats.emplace(name, xt::cast<float>(values));
  fieldfold::BasicSVD<float> svd(
      {.fields = {"p", "u"}}, {.field_opts = {.normalize = {.method = NormalizationMethod::zscore}, .center = true}});
  svd.compute_map(floats, {.rank = 4});
  const auto expected =
      learned(fields, {.normalize = {.method = NormalizationMethod::zscore}, .center = true}, {.rank = 4});
  for (std::size_t k = 0; k < 4; ++k)
    BOOST_TEST(std::abs(static_cast<double>(svd.singular_values()(k)) / expected.singular_values()(k) - 1.0) < 1e-4);
  const auto states = svd.join_fields(floats);
  const auto reconstructed = svd.reconstruct(svd.compress(states));
  BOOST_TEST(relative_difference(reconstructed, states) < 1e-6);
}
