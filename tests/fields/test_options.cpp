#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <numeric>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/data/two_fields.hpp"

using fieldfold::FieldOptions;
using fieldfold::NormalizationMethod;
using fieldfold::SVD;

BOOST_AUTO_TEST_CASE(default_options_leave_states_untransformed) {
  const auto fields = two_fields();
  SVD plain({.fields = {"p", "u"}});
  plain.compute_map(fields, {.rank = 3});
  const auto same = learned(fields, {});
  BOOST_TEST((same.projection_matrix() == plain.projection_matrix()));
  BOOST_TEST(!same.map().space.has_value());
  BOOST_TEST(!same.map().is_centered());
  BOOST_TEST(fails([&] { same.mean(); }, "the field option center is off"));
}

BOOST_AUTO_TEST_CASE(unit_weights_change_nothing) {
  const auto fields = two_fields();
  const auto plain = learned(fields, {});
  std::vector<double> ones_rows(points);
  std::iota(ones_rows.begin(), ones_rows.end(), 0.0);
  const xt::xarray<double> diagonal = xt::adapt(ones_rows, fieldfold::Shape{points});
  const std::vector<FieldOptions> units{
      {.point_weights = xt::ones<double>({points})},
      {.field_weights = {{"p", 1.0}, {"u", 1.0}}},
      {.sample_weights = xt::ones<double>({samples})},
      {.mass = fieldfold::MassMatrix(points, diagonal, diagonal, xt::ones<double>({points}))},
      {.normalize = {.method = NormalizationMethod::linear}},
      {.mask = fieldfold::Mask::automatic}};
  for (const auto& options : units) {
    const auto same = learned(fields, options);
    BOOST_TEST(relative_difference(same.projection_matrix(), plain.projection_matrix()) < 1e-14);
    BOOST_TEST(relative_difference(same.singular_values(), plain.singular_values()) < 1e-14);
    const auto states = states_of(plain, fields);
    BOOST_TEST(relative_difference(same.compress(states), plain.compress(states)) < 1e-14);
    BOOST_TEST(relative_difference(same.reconstruct(same.compress(states)), plain.reconstruct(plain.compress(states))) <
               1e-14);
  }
}

BOOST_AUTO_TEST_CASE(shape_of_point_weights_is_immaterial) {
  const auto fields = two_fields();
  xt::xarray<double> weights = xt::linspace<double>(1.0, 9.0, points);
  const auto expected =
      learned(fields, {.normalize = {.method = NormalizationMethod::zscore}, .point_weights = weights});
  for (const fieldfold::Shape& shape : {fieldfold::Shape{points, 1}, {1, points}, {6, 10}}) {
    weights.reshape(shape);
    const auto svd = learned(fields, {.normalize = {.method = NormalizationMethod::zscore}, .point_weights = weights});
    BOOST_TEST((svd.projection_matrix() == expected.projection_matrix()));
  }
}
