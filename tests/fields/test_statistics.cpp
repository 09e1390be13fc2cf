#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/two_fields.hpp"

using fieldfold::FieldOptions;
using fieldfold::Fields;
using fieldfold::NormalizationMethod;
using fieldfold::SVD;

BOOST_AUTO_TEST_CASE(the_mean_is_taken_away_and_put_back) {
  const auto fields = two_fields();
  const auto svd = learned(fields, {.center = true}, {.rank = 4});
  const auto states = states_of(svd, fields);
  BOOST_TEST(svd.is_centered());
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
    BOOST_TEST(std::abs(svd.latent_mean()(i)) < 1e-9);
    for (std::size_t k = 0; k < 4; ++k) {
      const double expected = i == k ? std::pow(svd.singular_values()(i), 2) / samples : 0.0;
      BOOST_TEST(std::abs(svd.latent_covariance()(i, k) - expected) < 1e-8 * std::pow(svd.singular_values()(0), 2));
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

BOOST_AUTO_TEST_CASE(snapshots_that_are_left_out_may_be_anything) {
  auto fields = two_fields();
  const FieldOptions options{.normalize = {.method = NormalizationMethod::log10, .offset = 10.0}};
  fields.at("u")(3, 5) = missing;
  fields.at("u")(3, 6) = -50.0;
  BOOST_TEST(learned(fields, options).num_dropped() == 1);
  // But not one that is to be a test.
  fields.at("u")(3, 5) = 1.0;
  SVD svd({.fields = {"p", "u"}, .field_opts = options, .validate_every = 4});
  BOOST_TEST(fails([&] { svd.compute_map(fields, {.rank = 2}); }, "field u: expected numbers above -10"));
}

BOOST_AUTO_TEST_CASE(statistics_that_overflow_do_not_spoil_a_map) {
  const auto values = field(1e159, 1e160, 0.3);
  const auto svd = learned({{"u", values}}, {});
  BOOST_TEST(fails([&] { svd.latent_mean(); }, "unknown"));
  BOOST_TEST(SVD(svd.options(), svd.map()).rank() == 3);
  BOOST_TEST(fails([&] { learned({{"u", values}}, {.normalize = {.method = NormalizationMethod::zscore}}); },
                   "field u: expected numbers whose squares"));
}

BOOST_AUTO_TEST_CASE(gappy_snapshots_are_dropped_from_all_that_is_learned) {
  auto fields = two_fields();
  const FieldOptions options{.normalize = {.method = NormalizationMethod::minmax},
                             .center = true,
                             .sample_weights = xt::linspace<double>(1.0, 2.0, samples)};
  Fields complete;
  auto fewer = options;
  fewer.sample_weights = xt::xarray<double>(xt::view(*options.sample_weights, xt::range(1, samples)));
  for (auto& [name, values] : fields) complete.emplace(name, xt::view(values, xt::range(1, samples), xt::all()));
  // A number that would spoil means and ranges.
  fields.at("p")(0, 3) = 1e9;
  fields.at("u")(0, 40) = missing;
  const auto svd = learned(fields, options);
  const auto expected = learned(complete, fewer);
  BOOST_TEST(svd.num_dropped() == 1);
  BOOST_TEST(relative_difference(svd.mean(), expected.mean()) < 1e-14);
  BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-10);
}

BOOST_AUTO_TEST_CASE(validation_snapshots_teach_no_mean) {
  auto fields = two_fields();
  SVD svd({.fields = {"p", "u"}, .field_opts = {.center = true}, .validate_every = 4});
  svd.compute_map(fields, {.rank = 2});
  Fields kept;
  for (const auto& [name, values] : fields) {
    auto rest = xt::xarray<double>::from_shape({samples - 3, points});
    std::size_t place = 0;
    for (std::size_t j = 0; j < samples; ++j)
      if (j % 4 != 3) {
        for (std::size_t p = 0; p < points; ++p) rest(place, p) = values(j, p);
        ++place;
      }
    kept.emplace(name, rest);
  }
  BOOST_TEST(relative_difference(svd.mean(), learned(kept, {.center = true}, {.rank = 2}).mean()) < 1e-14);
  BOOST_TEST(svd.validation_errors().snapshots.size() == 3);
}

BOOST_AUTO_TEST_CASE(single_precision_does_not_lose_the_waves_to_the_mean) {
  // 30 beside 1e5: to float, the waves have four digits.
  const auto fields = two_fields();
  fieldfold::BasicFields<float> floats;
  for (const auto& [name, values] : fields) floats.emplace(name, xt::cast<float>(values));
  fieldfold::BasicSVD<float> svd(
      {.fields = {"p", "u"}, .field_opts = {.normalize = {.method = NormalizationMethod::zscore}, .center = true}});
  svd.compute_map(floats, {.rank = 4});
  const auto expected =
      learned(fields, {.normalize = {.method = NormalizationMethod::zscore}, .center = true}, {.rank = 4});
  for (std::size_t k = 0; k < 4; ++k)
    BOOST_TEST(std::abs(static_cast<double>(svd.singular_values()(k)) / expected.singular_values()(k) - 1.0) < 1e-4);
  const auto states = svd.join_fields(floats);
  const auto again = svd.reconstruct(svd.compress(states));
  BOOST_TEST(relative_difference(again, states) < 1e-6);
}
