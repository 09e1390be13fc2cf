#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/data/three_waves.hpp"

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
