#pragma once

// Comparing arrays in tests.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>

/// The largest difference between two ranges of the same length, over the largest magnitude of the second.
template <class Found, class Expected>
double relative_difference(const Found& found, const Expected& expected) {
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  double difference = 0.0;
  double scale = 0.0;
  auto other = found.begin();
  for (const auto value : expected) {
    const double gap = std::abs(static_cast<double>(*other++) - static_cast<double>(value));
    difference = std::isfinite(gap) ? std::max(difference, gap) : gap;
    if (!std::isfinite(gap)) return gap;
    scale = std::max(scale, std::abs(static_cast<double>(value)));
  }
  return scale > 0.0 ? difference / scale : difference;
}
