#pragma once

// Comparison of arrays.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>

/// The largest difference between two ranges of the same length, relative to the largest magnitude of the second.
template <class Found, class Expected>
double relative_difference(const Found& found, const Expected& expected) {
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  double difference = 0.0;
  double scale = 0.0;
  auto other = found.begin();
  for (const auto value : expected) {
    const double deviation = std::abs(static_cast<double>(*other++) - static_cast<double>(value));
    difference = std::isfinite(deviation) ? std::max(difference, deviation) : deviation;
    if (!std::isfinite(deviation)) return deviation;
    scale = std::max(scale, std::abs(static_cast<double>(value)));
  }
  return scale > 0.0 ? difference / scale : difference;
}
