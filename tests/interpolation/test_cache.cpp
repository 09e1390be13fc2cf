#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <thread>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.interpolation.cache;
import fieldfold.interpolation.delaunay;
import fieldfold.interpolation.method;
import fieldfold.linalg.sparse_cholesky;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/interpolation_kinds.hpp"
#include "support/data/scattered_points.hpp"

using fieldfold::CachedInterpolation;
using fieldfold::Interpolation;
using fieldfold::RBFMethod;

BOOST_AUTO_TEST_CASE(cached_interpolation_equals_uncached_interpolation) {
  const auto points = scattered(400, 2);
  const auto queries = scattered(90, 2, 0.2);
  const auto others = scattered(90, 2, 0.7);
  const auto first = values_at(points, franke);
  const auto second = values_at(points, [](const double* x) { return x[0] * x[1]; });
  for (const auto& kind : kinds()) {
    const CachedInterpolation cached(kind, std::size_t{1} << 30);
    BOOST_TEST(cached.bytes() == 0U);
    // A partition of unity computes its weights at the second use of the same coordinates.
    for (int time = 0; time < 3; ++time) {
      BOOST_TEST(relative_difference(cached(points, first, queries), kind(points, first, queries)) < 1e-10);
      BOOST_TEST(relative_difference(cached(points, second, queries), kind(points, second, queries)) < 1e-10);
      BOOST_TEST(relative_difference(cached(points, second, others), kind(points, second, others)) < 1e-10);
    }
    BOOST_TEST(cached.bytes() > 0U);
    const CachedInterpolation copy = cached;
    copy.clear();
    BOOST_TEST(cached.bytes() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(cache_stays_within_its_memory_bound) {
  const auto points = scattered(400, 2);
  const auto values = values_at(points, franke);
  const Interpolation kind{"rbf", {.neighbors = 20}};
  // One operator has 90 rows of 20 entries of 12 bytes, 91 offsets, and the order of the rows.
  constexpr std::size_t one = 90 * 20 * 12 + 91 * 8 + 90 * 4;
  const CachedInterpolation cached(kind, 2 * one);
  const CachedInterpolation uncached(kind, 0);
  for (int turn = 0; turn < 5; ++turn) {
    const auto queries = scattered(90, 2, 0.1 * turn);
    const auto expected = kind(points, values, queries);
    BOOST_TEST(relative_difference(cached(points, values, queries), expected) < 1e-13);
    BOOST_TEST(relative_difference(uncached(points, values, queries), expected) < 1e-13);
    BOOST_TEST(cached.bytes() == (turn == 0 ? one : 2 * one));
    BOOST_TEST(uncached.bytes() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(sparse_factorizations_count_less_memory_than_dense_ones) {
  if (!fieldfold::sparse_cholesky_is_built()) return;
  const auto points = scattered(5000, 2);
  const auto queries = scattered(50, 2, 0.2);
  const Interpolation kind{"rbf", {.kernel = fieldfold::Kernel::wendland_c2, .epsilon = 30.0}};
  // A dense factorization takes 200 MB.
  constexpr std::size_t bound = 50'000'000;
  const CachedInterpolation cached(kind, bound);
  for (const double power : {1.0, 2.0}) {
    const auto values = values_at(points, [&](const double* x) { return std::pow(x[0], power) + x[1]; });
    BOOST_TEST(relative_difference(cached(points, values, queries), kind(points, values, queries)) < 1e-10);
    BOOST_TEST(cached.bytes() > 0U);
    BOOST_TEST(cached.bytes() < bound);
  }
}

BOOST_AUTO_TEST_CASE(threads_may_share_a_cache) {
  const auto points = scattered(300, 2);
  const auto values = values_at(points, franke);
  const Interpolation kind{"rbf", {.neighbors = 15, .threads = 1}};
  const CachedInterpolation cached(kind, std::size_t{1} << 16);
  std::vector<double> differences(8, 1.0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        double worst = 0.0;
        for (std::size_t turn = 0; turn < 20; ++turn) {
          const auto queries = scattered(60, 2, 0.1 * static_cast<double>((t + turn) % 5));
          const auto found = cached(points, values, queries);
          const auto expected = kind(points, values, queries);
          for (std::size_t q = 0; q < 60; ++q) worst = std::max(worst, std::abs(found(q) - expected(q)));
        }
        differences[t] = worst;
      });
  }
  for (const double difference : differences) BOOST_TEST(difference < 1e-13);
}

BOOST_AUTO_TEST_CASE(huge_clusters_and_neighborhoods_interpolate) {
  const auto points = scattered(40, 2);
  const auto values = values_at(points, franke);
  const std::size_t huge = std::size_t{1} << 63;
  for (const Interpolation& kind :
       {Interpolation{"rbf", {.method = RBFMethod::partition_of_unity, .cluster_size = huge}},
        Interpolation{"rbf", {.neighbors = huge}}}) {
    const CachedInterpolation cached(kind, std::size_t{1} << 20);
    BOOST_TEST(relative_difference(cached(points, values, points), values) < 1e-10);
  }
}
