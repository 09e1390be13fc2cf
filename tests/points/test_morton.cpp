#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

import fieldfold.base.arrays;
import fieldfold.points.morton;

BOOST_AUTO_TEST_CASE(spatial_order_is_a_permutation_with_short_steps) {
  constexpr std::size_t count = 4096;
  auto points = xt::xarray<double>::from_shape({count, std::size_t{2}});
  for (std::size_t i = 0; i < count; ++i) {
    points(i, 0) = std::fmod(static_cast<double>(i) * std::sqrt(2.0), 1.0);
    points(i, 1) = std::fmod(static_cast<double>(i) * std::sqrt(3.0), 1.0);
  }
  const auto order = fieldfold::spatial_order(fieldfold::as_matrix(std::as_const(points)));
  double steps = 0.0;
  for (std::size_t i = 1; i < count; ++i)
    steps += std::hypot(points(order[i], 0) - points(order[i - 1], 0), points(order[i], 1) - points(order[i - 1], 1));
  // Points are 1/64 apart; on average, the steps along the Morton curve are not much longer.
  BOOST_TEST(steps / (count - 1) < 3.0 / 64.0);
  auto sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < count; ++i) BOOST_TEST(sorted[i] == i);
}

BOOST_AUTO_TEST_CASE(spatial_order_holds_for_the_largest_and_the_smallest_distances) {
  // In order on a line, at both ends of the range of numbers.
  for (const double unit : {1e-320, 1e-300, 1.0, 1e300, 8e307}) {
    auto points = xt::xarray<double>::from_shape({5, 1});
    for (std::size_t i = 0; i < 5; ++i) points(i, 0) = (static_cast<double>(4 - i) - 2.0) * unit;
    const auto order = fieldfold::spatial_order(fieldfold::as_matrix(std::as_const(points)));
    for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(order[i] == 4 - i);
  }
}
