#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/data/two_fields.hpp"
#include "support/warnings_of.hpp"

using fieldfold::FieldOptions;
using fieldfold::Fields;
using fieldfold::NormalizationMethod;
using fieldfold::SVD;

BOOST_AUTO_TEST_CASE(dropped_snapshots_may_be_invalid_but_held_out_ones_may_not) {
  auto fields = two_fields();
  const FieldOptions options{.normalize = {.method = NormalizationMethod::log10, .offset = 10.0}};
  fields.at("u")(3, 5) = missing;
  fields.at("u")(3, 6) = -50.0;
  BOOST_TEST(learned(fields, options).num_dropped() == 1);
  // A held-out snapshot must be valid.
  fields.at("u")(3, 5) = 1.0;
  SVD svd({.fields = {"p", "u"}}, {.field_opts = options, .validate_every = 4});
  BOOST_TEST(fails([&] { svd.compute_map(fields, {.rank = 2}); }, "field u: expected numbers above -10"));
}

BOOST_AUTO_TEST_CASE(dropped_snapshots_do_not_affect_statistics_or_basis) {
  auto fields = two_fields();
  const FieldOptions options{.normalize = {.method = NormalizationMethod::minmax},
                             .center = true,
                             .sample_weights = xt::linspace<double>(1.0, 2.0, samples)};
  Fields complete;
  auto fewer = options;
  fewer.sample_weights = xt::xarray<double>(xt::view(*options.sample_weights, xt::range(1, samples)));
  for (auto& [name, values] : fields) complete.emplace(name, xt::view(values, xt::range(1, samples), xt::all()));
  // A number that would distort means and ranges.
  fields.at("p")(0, 3) = 1e9;
  fields.at("u")(0, 40) = missing;
  const auto svd = learned(fields, options);
  const auto expected = learned(complete, fewer);
  BOOST_TEST(svd.num_dropped() == 1);
  BOOST_TEST(relative_difference(svd.mean(), expected.mean()) < 1e-14);
  BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-10);
}

BOOST_AUTO_TEST_CASE(snapshots_of_negligible_weight_do_not_affect_the_others) {
  const auto complete = two_fields();
  for (const std::size_t broken : {std::size_t{0}, std::size_t{5}, samples - 1}) {
    Fields fields = complete;
    Fields others;
    for (auto& [name, values] : fields) {
      for (std::size_t p = 0; p < points; ++p) values(broken, p) = 1e20;
      auto kept = xt::xarray<double>::from_shape({samples - 1, points});
      for (std::size_t j = 0; j < samples - 1; ++j)
        for (std::size_t p = 0; p < points; ++p) kept(j, p) = values(j < broken ? j : j + 1, p);
      others.emplace(name, std::move(kept));
    }
    for (const double weight : {1e-60, 0.0}) {
      xt::xarray<double> weights = xt::ones<double>({samples});
      weights(broken) = weight;
      const auto svd = learned(fields, {.center = true, .sample_weights = weights}, {.rank = 3});
      const auto expected = learned(others, {.center = true}, {.rank = 3});
      BOOST_TEST(relative_difference(svd.mean(), expected.mean()) < 1e-14);
      BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-9);
      if (weight == 0.0) BOOST_TEST(svd.num_samples() == samples - 1);
    }
  }
  BOOST_TEST(fails([&] { learned(complete, {.sample_weights = xt::zeros<double>({samples})}); }, "got only zeros"));
}

BOOST_AUTO_TEST_CASE(numbers_present_in_few_snapshots_can_be_masked) {
  // Land at point 7, with a stray number in one snapshot.
  auto fields = two_fields();
  for (std::size_t j = 0; j < samples; ++j)
    for (auto& [name, values] : fields)
      if (j != 4) values(j, 7) = missing;
  const auto strict = learned(fields, {.mask = fieldfold::Mask::automatic}, {.rank = 1});
  BOOST_TEST(strict.num_dropped() == samples - 1);
  // The weight of a masked point does not count.
  xt::xarray<double> weights = xt::ones<double>({points});
  weights(7) = missing;
  const auto svd = learned(fields, {.point_weights = weights, .mask = fieldfold::Mask::automatic, .mask_share = 0.5});
  BOOST_TEST(svd.num_dropped() == 0);
  BOOST_TEST(svd.map().space->num_masked() == 2);
  weights(8) = 0.0;
  BOOST_TEST(
      fails([&] { learned(fields, {.point_weights = weights, .mask = fieldfold::Mask::automatic, .mask_share = 0.5}); },
            "point_weights: expected finite numbers above 0 at points that are not masked, got 0 at index 8"));
}

BOOST_AUTO_TEST_CASE(values_that_stand_for_missing_ones_are_missing) {
  auto fields = two_fields();
  auto marked = fields;
  for (std::size_t j = 0; j < samples; ++j) {
    fields.at("u")(j, 3) = missing;
    marked.at("u")(j, 3) = j % 3 == 0 ? -9999.0 : 1e20;
  }
  fields.at("p")(2, 5) = missing;
  marked.at("p")(2, 5) = static_cast<double>(1e20F);
  const FieldOptions options{.center = true, .mask = fieldfold::Mask::automatic};
  FieldOptions with_values = options;
  with_values.missing_values = {1e20, -9999.0};
  const auto expected = learned(fields, options);
  const auto svd = learned(marked, with_values);
  BOOST_TEST((svd.projection_matrix() == expected.projection_matrix()));
  BOOST_TEST(svd.num_dropped() == 1);
  auto state = xt::xarray<double>(xt::view(states_of(svd, marked), 2));
  BOOST_TEST(std::isnan(svd.compress(state)(0)));
  // Three digits suffice for values beyond any measurement; a value that does not occur is warned of.
  with_values.missing_values = {1.0004e20, -9999.0, -888.0};
  const auto unused = warnings_of(
      [&] { BOOST_TEST((learned(marked, with_values).projection_matrix() == expected.projection_matrix())); });
  BOOST_TEST_REQUIRE(unused.size() == 1U);
  BOOST_TEST(unused[0].find("equals -888") != std::string::npos);
  // Without the option, a warning names each number.
  const auto heard = warnings_of([&] { learned(marked, {}, {.rank = 1}); });
  BOOST_TEST_REQUIRE(heard.size() == 1U);
  BOOST_TEST(heard[0].find("field u: 1e+20 occurs often") != std::string::npos);
  BOOST_TEST(warnings_of([&] { learned(two_fields(), {}); }).empty());
}

BOOST_AUTO_TEST_CASE(held_out_snapshots_do_not_affect_the_mean) {
  auto fields = two_fields();
  SVD svd({.fields = {"p", "u"}}, {.field_opts = {.center = true}, .validate_every = 4});
  svd.compute_map(fields, {.rank = 2});
  Fields kept;
  for (const auto& [name, values] : fields) {
    auto remaining = xt::xarray<double>::from_shape({samples - 3, points});
    std::size_t place = 0;
    for (std::size_t j = 0; j < samples; ++j)
      if (j % 4 != 3) {
        for (std::size_t p = 0; p < points; ++p) remaining(place, p) = values(j, p);
        ++place;
      }
    kept.emplace(name, remaining);
  }
  BOOST_TEST(relative_difference(svd.mean(), learned(kept, {.center = true}, {.rank = 2}).mean()) < 1e-14);
  BOOST_TEST(svd.validation_errors().snapshots.size() == 3);
}

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_the_number_of_threads) {
  constexpr std::size_t many = 30000;
  xt::xarray<double> snapshots = xt::zeros<double>({many, std::size_t{60}});
  for (std::size_t i = 0; i < many; ++i)
    for (std::size_t j = 0; j < 60; ++j)
      snapshots(i, j) = 100.0 + std::cos(0.001 * static_cast<double>(i * (1 + j % 7))) +
                        (i % 3 == 0 ? 50.0 : 0.01 * std::sin(static_cast<double>(i + j * j)));
  xt::xarray<double> weights = xt::linspace<double>(0.5, 2.0, many / 3);
  const auto with = [&](std::size_t threads) {
    SVD svd(
        {.fields = {"a", "b", "c"}},
        {.field_opts = {.normalize = {.method = NormalizationMethod::zscore}, .center = true, .point_weights = weights},
         .threads = threads});
    svd.compute_map(snapshots, {.rank = 5});
    return svd;
  };
  const auto one = with(1);
  const auto two = with(2);
  BOOST_TEST(one.report().threads == 1);
  BOOST_TEST(two.report().threads == 2);
  BOOST_TEST(relative_difference(two.projection_matrix(), one.projection_matrix()) < 1e-10);
  BOOST_TEST(relative_difference(two.mean(), one.mean()) < 1e-14);
}
