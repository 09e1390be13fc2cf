#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/data/two_fields.hpp"

using fieldfold::NormalizationMethod;

BOOST_AUTO_TEST_CASE(the_mean_is_taken_away_and_put_back) {
  const auto fields = two_fields();
  const auto svd = learned(fields, {.center = true}, {.rank = 4});
  const auto states = states_of(svd, fields);
  BOOST_TEST(svd.map().is_centered());
  xt::xarray<double> mean = xt::zeros<double>({svd.dof()});
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < svd.dof(); ++i) mean(i) += states(j, i) / samples;
  BOOST_TEST(relative_difference(svd.mean(), mean) < 1e-14);
  // Four modes, two of each of two waves: exact but for rounding of the mean, and energy counts the waves alone.
  BOOST_TEST(largest_of(xt::xarray<double>(svd.reconstruct(svd.compress(states)) - states)) < 1e-9);
  BOOST_TEST(largest_of(svd.compress(mean)) < 1e-9);
  const auto one = learned(fields, {.center = true}, {.rank = 1});
  double all = 0.0;
  double rest = 0.0;
  const xt::xarray<double> gap = one.reconstruct(one.compress(states)) - states;
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < svd.dof(); ++i) {
      all += std::pow(states(j, i) - mean(i), 2);
      rest += std::pow(gap(j, i), 2);
    }
  BOOST_TEST(std::abs(one.reconstruction_error() / std::sqrt(rest / all) - 1.0) < 1e-7);
  BOOST_TEST(std::abs(one.energy() - (1.0 - rest / all)) < 1e-7);
  // Coefficients of deviations have the mean 0 and the covariance of the singular values.
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(std::abs(svd.map().latent_mean(i)) < 1e-9);
    for (std::size_t k = 0; k < 4; ++k) {
      const double expected = i == k ? std::pow(svd.singular_values()(i), 2) / samples : 0.0;
      BOOST_TEST(std::abs(svd.map().latent_covariance(i, k) - expected) < 1e-8 * std::pow(svd.singular_values()(0), 2));
    }
  }
}

BOOST_AUTO_TEST_CASE(standardized_numbers_have_the_deviation_one) {
  auto fields = two_fields();
  // A wall: the same number in all snapshots.
  for (std::size_t j = 0; j < samples; ++j) fields.at("u")(j, 5) = 0.1;
  const auto svd = learned(fields, {.standardize = true}, {.rank = 6});
  double squares = svd.map().unresolved_squares;
  for (const double s : svd.singular_values()) squares += s * s;
  // One for each number that changes, in each snapshot.
  BOOST_TEST(std::abs(squares / static_cast<double>(samples * (2 * points - 1)) - 1.0) < 1e-10);
  const auto again = svd.reconstruct(svd.compress(states_of(svd, fields)));
  for (std::size_t j = 0; j < samples; ++j) BOOST_TEST(std::abs(again(j, 2 * 5 + 1) - 0.1) < 1e-15);
  BOOST_TEST(relative_difference(again, states_of(svd, fields)) < 1e-10);
}

BOOST_AUTO_TEST_CASE(single_precision_does_not_lose_the_waves_to_the_mean) {
  // 30 beside 1e5: to float, the waves have four digits.
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
  const auto again = svd.reconstruct(svd.compress(states));
  BOOST_TEST(relative_difference(again, states) < 1e-6);
}
