#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.fields.options;
import fieldfold.pod.sensors;
import fieldfold.pod.svd;

#include "support/data/three_waves.hpp"

using fieldfold::GappyStates;

BOOST_AUTO_TEST_CASE(sensors_are_the_pivots_of_a_pivoted_qr_factorization) {
  const auto svd = learned(waves(3.0), {}, 4);
  const auto& u = svd.projection_matrix();
  // The definition: the row of largest norm, after the previous pivots are projected out.
  std::vector<std::size_t> expected;
  xt::xarray<double> residual = u;
  for (std::size_t step = 0; step < 4; ++step) {
    std::size_t longest = 0;
    double largest = -1.0;
    for (std::size_t i = 0; i < points; ++i) {
      double square = 0.0;
      for (std::size_t k = 0; k < 4; ++k) square += residual(i, k) * residual(i, k);
      if (square > largest * (1.0 + 1e-9)) {
        largest = square;
        longest = i;
      }
    }
    expected.push_back(longest);
    std::vector<double> direction(4);
    for (std::size_t k = 0; k < 4; ++k) direction[k] = residual(longest, k) / std::sqrt(largest);
    for (std::size_t i = 0; i < points; ++i) {
      double along = 0.0;
      for (std::size_t k = 0; k < 4; ++k) along += residual(i, k) * direction[k];
      for (std::size_t k = 0; k < 4; ++k) residual(i, k) -= along * direction[k];
    }
  }
  BOOST_TEST(fieldfold::sensors(u, 4) == expected, boost::test_tools::per_element());
  BOOST_TEST(fails([&] { fieldfold::sensors(u, 3); }, "count: expected at least 4 sensors"));
  // Four numbers determine a state in the span of the basis; the bound of QDEIM limits the amplification of errors.
  const xt::xarray<double> states = xt::transpose(waves(3.0));
  xt::xarray<double> measured = xt::ones<double>({samples, points}) * missing;
  for (std::size_t j = 0; j < samples; ++j)
    for (const std::size_t i : fieldfold::sensors(u, 4)) measured(j, i) = states(j, i);
  BOOST_TEST(relative_difference(svd.compress(measured, GappyStates::fill), svd.compress(states)) < 1e-11);
  // More sensors than modes are distinct.
  auto many = fieldfold::sensors(u, 11);
  for (std::size_t j = 0; j < samples; ++j)
    for (const std::size_t i : many) measured(j, i) = states(j, i);
  BOOST_TEST(svd.assess(measured).condition(0) > 1.0);
  std::ranges::sort(many);
  BOOST_TEST((std::ranges::adjacent_find(many) == many.end()));
  BOOST_TEST(fieldfold::sensors(u, points).size() == points);
  BOOST_TEST(fails([&] { fieldfold::sensors(u, 0); }, "count: expected at least 4 sensors"));
  BOOST_TEST(fails([&] { fieldfold::sensors(u, points + 1); }, "got 81"));
}

BOOST_AUTO_TEST_CASE(noise_is_amplified_by_the_norm_of_the_pseudo_inverse) {
  // Rows (2, 0) and (1, 1): the singular values are the roots of 3 +- sqrt(5).
  const xt::xarray<double> basis{{2.0, 0.0}, {5.0, 5.0}, {1.0, 1.0}};
  BOOST_TEST(std::abs(fieldfold::noise_amplification(basis, {0, 2}) - 1.0 / std::sqrt(3.0 - std::sqrt(5.0))) < 1e-14);
  BOOST_TEST(std::isinf(fieldfold::noise_amplification(basis, {1})));
  BOOST_TEST(fails([&] { fieldfold::noise_amplification(basis, {3}); }, "below 3, got 3"));
}

BOOST_AUTO_TEST_CASE(there_are_no_sensors_at_masked_points) {
  auto matrix = waves(3.0);
  for (std::size_t i = 0; i < points; i += 2)
    for (std::size_t j = 0; j < samples; ++j) matrix(i, j) = missing;
  const auto svd = learned(matrix, {.mask = fieldfold::Mask::automatic}, 4);
  for (const std::size_t i : fieldfold::sensors(svd.projection_matrix(), points / 2)) BOOST_TEST(i % 2 == 1);
  BOOST_TEST(fails([&] { fieldfold::sensors(svd.projection_matrix(), points / 2 + 1); }, "at most 40"));
}
