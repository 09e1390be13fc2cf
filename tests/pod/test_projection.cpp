#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.options;
import fieldfold.pod.svd;
import fieldfold.rows.source;

#include "support/data/three_waves.hpp"
#include "support/warnings_of.hpp"

using fieldfold::GappyStates;

BOOST_AUTO_TEST_CASE(distance_is_the_norm_of_the_component_outside_the_span) {
  const auto matrix = waves(20.0);
  const auto svd = learned(matrix, {.center = true}, 3);
  xt::xarray<double> states = xt::transpose(matrix);
  const auto mean = svd.mean();
  // A component of norm 3 that is orthogonal to all modes, added to a state in their span.
  xt::xarray<double> other = xt::zeros<double>({points});
  for (std::size_t i = 0; i < points; ++i) other(i) = mean(i) + std::cos(40.0 * static_cast<double>(i));
  const xt::xarray<double> residual = other - svd.reconstruct(svd.compress(other));
  double length = 0.0;
  for (const double x : residual) length += x * x;
  for (std::size_t i = 0; i < points; ++i) states(7, i) += 3.0 / std::sqrt(length) * residual(i);
  const auto found = svd.assess(states);
  double norm = 0.0;
  for (std::size_t i = 0; i < points; ++i) norm += std::pow(states(7, i) - mean(i), 2);
  for (std::size_t j = 0; j < samples; ++j) {
    if (j != 7) BOOST_TEST(found.distance(j) < 1e-12);
  }
  BOOST_TEST(std::abs(found.distance(7) / 3.0 - 1.0) < 1e-12);
  BOOST_TEST(std::abs(found.relative_distance(7) / (3.0 / std::sqrt(norm)) - 1.0) < 1e-12);
  // A single state has an empty loop shape.
  BOOST_TEST((svd.assess(mean).distance.dimension() == 0));
  BOOST_TEST(svd.assess(mean).relative_distance() < 1.0);
}

BOOST_AUTO_TEST_CASE(relative_distances_do_not_depend_on_units) {
  const auto svd = learned(waves(1.0), {}, 2);
  const xt::xarray<double> states = xt::transpose(waves(1.0));
  const auto expected = svd.assess(states).relative_distance;
  for (const double unit : {1e-170, 1e-12, 1e160})
    BOOST_TEST(relative_difference(svd.assess(states * unit).relative_distance, expected) < 1e-12);
  const auto weighted = learned(waves(1.0), {.point_weights = xt::linspace<double>(1.0, 2.0, points)}, 2);
  const auto of_weighted = weighted.assess(states).relative_distance;
  BOOST_TEST(relative_difference(weighted.assess(states * 1e-170).relative_distance, of_weighted) < 1e-12);
}

BOOST_AUTO_TEST_CASE(states_read_by_blocks_equal_states_in_memory) {
  // Two states make a block.
  constexpr std::size_t dof = std::size_t{1} << 20;
  auto states = xt::xarray<double>::from_shape({5, dof});
  for (std::size_t i = 0; i < dof; ++i)
    for (std::size_t j = 0; j < 5; ++j)
      states(j, i) = std::cos(1e-4 * static_cast<double>(i * (j + 1))) + static_cast<double>(j);
  const fieldfold::TransposedRows<double> columns(fieldfold::as_matrix(std::as_const(states)));
  fieldfold::SVD svd({}, {.rule = {.rank = 2}});
  svd.compute_map(xt::xarray<double>(xt::transpose(states)));
  BOOST_TEST(relative_difference(svd.compress(columns, GappyStates::nan), svd.compress(states)) < 1e-14);
  const auto found = svd.assess(columns);
  const auto expected = svd.assess(states);
  BOOST_TEST(relative_difference(found.latent, expected.latent) < 1e-14);
  BOOST_TEST(relative_difference(found.relative_distance, expected.relative_distance) < 1e-12);

  for (const std::size_t j : {1U, 2U, 4U}) states(j, 7) = std::numeric_limits<double>::quiet_NaN();
  const auto warnings = warnings_of([&] { svd.compress(columns, GappyStates::nan); });
  BOOST_TEST(warnings.size() == 1U);
  BOOST_TEST(warnings.front().starts_with("states: 3 of 5 with missing numbers"));
  states(1, 7) = 0.0;
  states(2, 7) = 0.0;
  BOOST_TEST(error_of([&] { svd.compress(columns, GappyStates::error); }).find("state 4, entry 7") !=
             std::string::npos);
  const auto transposed = xt::xarray<double>(xt::transpose(states));
  BOOST_TEST(error_of([&] {
               svd.compress(fieldfold::TransposedRows<double>(fieldfold::as_matrix(transposed)), GappyStates::nan);
             }) == "states: expected a length of 1048576, got 5");
}
