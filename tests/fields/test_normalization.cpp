#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/data/two_fields.hpp"
#include "support/warnings_of.hpp"

using fieldfold::FieldOptions;
using fieldfold::Fields;
using fieldfold::Normalization;
using fieldfold::NormalizationMethod;
using fieldfold::SVD;

BOOST_AUTO_TEST_CASE(each_normalization_equals_its_formula) {
  const auto fields = two_fields();
  const auto& p = fields.at("p");
  double mean = 0.0;
  for (const double x : p) mean += x / static_cast<double>(p.size());
  double variance = 0.0;
  for (const double x : p) variance += (x - mean) * (x - mean) / static_cast<double>(p.size());
  const auto [low, high] = std::ranges::minmax(p);
  const std::vector<std::pair<Normalization, std::function<double(double)>>> cases{
      {{.method = NormalizationMethod::none}, [](double x) { return x; }},
      {{.method = NormalizationMethod::linear, .slope = -0.5, .offset = 3.0}, [](double x) { return 3.0 - 0.5 * x; }},
      {{.method = NormalizationMethod::minmax}, [=](double x) { return (x - low) / (high - low); }},
      {{.method = NormalizationMethod::zscore}, [=](double x) { return (x - mean) / std::sqrt(variance); }},
      {{.method = NormalizationMethod::log10, .offset = -1e4}, [](double x) { return std::log10(x - 1e4); }}};
  for (const auto& [normalization, formula] : cases) {
    const auto svd = learned(fields, {.normalize_field = {{"p", normalization}}}, {.rank = 5});
    // The same by hand, before learning.
    Fields by_hand = fields;
    for (double& x : by_hand.at("p")) x = formula(x);
    const auto expected = learned(by_hand, {}, {.rank = 5});
    const std::string name(fieldfold::normalization_methods()[static_cast<std::size_t>(normalization.method)]);
    BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-12, name);
    // Numbers lose digits to their mean: 1e5 over a spread of 1e3.
    const auto states = states_of(svd, fields);
    BOOST_TEST(relative_difference(svd.compress(states), expected.compress(states_of(expected, by_hand))) < 1e-11,
               name);
    const auto reconstructed = svd.split_fields(svd.reconstruct(svd.compress(states)));
    BOOST_TEST(relative_difference(reconstructed.at("p"), p) < 1e-4, name);
    const auto by_hand_reconstructed =
        expected.split_fields(expected.reconstruct(expected.compress(states_of(expected, by_hand))));
    xt::xarray<double> forward = reconstructed.at("p");
    for (double& x : forward) x = formula(x);
    BOOST_TEST(relative_difference(forward, by_hand_reconstructed.at("p")) < 1e-10, name);
  }
}

BOOST_AUTO_TEST_CASE(errors_name_the_field_or_weights_that_cannot_be_used) {
  auto fields = two_fields();
  const auto with = [](NormalizationMethod method, double offset = 0.0) {
    return FieldOptions{.normalize = {.method = method, .offset = offset}};
  };
  fields.at("u") = xt::ones<double>({samples, points}) * 0.1;
  fields.at("u")(3, 7) = -2.0;
  BOOST_TEST(fails([&] { learned(fields, with(NormalizationMethod::log10)); },
                   "field u: expected numbers above 0 for log10 with the offset 0, got -2"));
  const auto svd = learned(fields, with(NormalizationMethod::log10, 3.0));
  auto states = states_of(svd, fields);
  states(0, 1) = -4.0;
  BOOST_TEST(fails([&] { svd.compress(states); }, "field u: expected numbers above -3"));
  BOOST_TEST(fails([&] { learned(fields, {.normalize_field = {{"v", {}}}}); },
                   "normalize_field: expected names among p, u; got v"));
  BOOST_TEST(
      fails([&] { learned(fields, {.normalize = {.method = NormalizationMethod::linear, .slope = 0.0}}); }, "slope"));
  BOOST_TEST(fails([&] { learned(fields, {.point_weights = xt::ones<double>({points + 1})}); },
                   "point_weights: expected one for each of the 60 points, got (61,)"));
  BOOST_TEST(fails([&] { learned(fields, {.point_weights = xt::zeros<double>({points})}); },
                   "point_weights: expected finite numbers above 0"));
  BOOST_TEST(fails([&] { learned(fields, {.sample_weights = xt::ones<double>({3})}); },
                   "sample_weights: expected one for each of the 12 snapshots, got (3,)"));
  BOOST_TEST(fails([&] { learned(fields, {.field_weights = {{"u", -1.0}}}); }, "field_weights of u"));
  BOOST_TEST(fails([&] { learned({{"p", xt::ones<double>({samples, points})}}, {.center = true}); },
                   "expected some that differ"));
}

BOOST_AUTO_TEST_CASE(noise_at_rounding_level_is_no_signal) {
  const auto clean = two_fields();
  for (const auto method : {NormalizationMethod::zscore, NormalizationMethod::minmax}) {
    const FieldOptions options{.normalize = {.method = method}, .center = true};
    const auto expected = learned({{"p", clean.at("p")}}, options, {.rank = 3});
    // A constant with rounding errors of 5e-16, and a field without any.
    for (const double noise : {0.0, 5e-16}) {
      auto fields = clean;
      for (std::size_t j = 0; j < samples; ++j)
        for (std::size_t i = 0; i < points; ++i)
          fields.at("u")(j, i) = 0.1 + noise * std::sin(static_cast<double>(17 * j * j + 13 * i));
      SVD svd({.fields = {"p", "u"}}, {.field_opts = options});
      const auto heard = warnings_of([&] { svd.compute_map(fields, {.rank = 3}); });
      BOOST_TEST_REQUIRE(heard.size() == 1U);
      BOOST_TEST(heard[0].find("field u: taken as constant") != std::string::npos);
      // Noise of 5e-15 of the field, in 60 points and 12 samples.
      BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-11);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_field_without_any_number_does_not_affect_the_others) {
  auto fields = two_fields();
  fields.at("u").fill(std::numeric_limits<double>::quiet_NaN());
  for (const auto method : {NormalizationMethod::zscore, NormalizationMethod::minmax}) {
    const FieldOptions options{.normalize = {.method = method}, .mask = fieldfold::Mask::automatic};
    const auto expected = learned({{"p", fields.at("p")}}, options, {.rank = 3});
    SVD svd({.fields = {"p", "u"}}, {.field_opts = options});
    svd.compute_map(fields, {.rank = 3});
    BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-13);
    BOOST_TEST(svd.map().space->num_masked() == points);
  }
}

BOOST_AUTO_TEST_CASE(numbers_at_rounding_level_of_their_field_are_not_standardized) {
  // 40 numbers of two modes, and 20 of noise of 1e-16.
  auto snapshots = xt::xarray<double>::from_shape({60, 30});
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t j = 0; j < 30; ++j) {
      const double t = 0.2 * static_cast<double>(j);
      const double x = 0.1 * static_cast<double>(i);
      snapshots(i, j) = i < 40 ? std::sin(t) * std::cos(x) + 0.5 * std::cos(2.0 * t) * std::sin(3.0 * x)
                               : 1e-16 * std::sin(static_cast<double>(17 * j * j + 13 * i));
    }
  fieldfold::SVD svd({.fields = {"a"}}, {.field_opts = {.standardize = true}, .rule = {.energy_tol = 0.9999}});
  const auto warnings = warnings_of([&] { svd.compute_map(snapshots); });
  BOOST_TEST(svd.rank() == 2U);
  BOOST_TEST_REQUIRE(warnings.size() == 1U);
  BOOST_TEST(warnings.front().starts_with("field a: 20 of 60 numbers taken as constant"));
}

BOOST_AUTO_TEST_CASE(zscore_is_invariant_to_units) {
  // Numbers scaled by 1e-6 round differently: by 1e-16 of a mean that is 3000 times the spread.
  const FieldOptions options{.normalize = {.method = NormalizationMethod::zscore}, .center = true};
  const auto in_pascal = learned(two_fields(), options);
  const auto in_megapascal = learned(two_fields(1e-6), options);
  BOOST_TEST(relative_difference(in_megapascal.projection_matrix(), in_pascal.projection_matrix()) < 1e-11);
  BOOST_TEST(relative_difference(in_megapascal.singular_values(), in_pascal.singular_values()) < 1e-11);
  BOOST_TEST(relative_difference(in_megapascal.compress(states_of(in_megapascal, two_fields(1e-6))),
                                 in_pascal.compress(states_of(in_pascal, two_fields()))) < 1e-11);
}

BOOST_AUTO_TEST_CASE(interpolated_fields_have_their_units) {
  // Interpolation on a line by radial basis functions, exact for linear functions.
  xt::xarray<double> coords = xt::linspace<double>(0.0, 1.0, points);
  const auto fields = two_fields();
  for (const auto method : {NormalizationMethod::zscore, NormalizationMethod::log10}) {
    SVD svd({.fields = {"p", "u"}, .coords = coords},
            {.field_opts = {.normalize_field = {{"p", {.method = method}}}, .center = true}});
    svd.compute_map(fields, {.rank = 4});
    const auto latent = svd.compress(states_of(svd, fields));
    const xt::xarray<double> there = xt::linspace<double>(0.01, 0.97, 23);
    // With more samples than modes, modes are interpolated instead where this is equivalent; results are the same.
    const auto found = fieldfold::reconstruct_fields(svd, latent, there);
    const auto expected = svd.interpolate_from_grid(svd.reconstruct(latent), there);
    for (const auto& [name, values] : expected) BOOST_TEST(relative_difference(found.at(name), values) < 1e-11);
  }
}
