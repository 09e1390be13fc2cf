#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.rank_rule;
import fieldfold.pod.svd;

#include "support/data/cosines.hpp"

namespace {

using fieldfold::SVD;

/// A matrix with planted singular values, plus white noise.
xt::xarray<double> noisy(std::size_t m, std::size_t n, const std::vector<double>& s, double deviation) {
  const auto u = cosines(m, n);
  const auto v = cosines(n, n);
  std::mt19937_64 generator(7);
  std::normal_distribution<double> normal(0.0, 1.0);
  auto matrix = xt::xarray<double>::from_shape({m, n});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      matrix(i, j) = deviation * normal(generator);
      for (std::size_t mode = 0; mode < s.size(); ++mode) matrix(i, j) += s[mode] * u(i, mode) * v(j, mode);
    }
  return matrix;
}

}  // namespace

BOOST_AUTO_TEST_CASE(thresholds_equal_those_of_gavish_and_donoho) {
  // Gavish and Donoho 2014: 4 / sqrt(3) and 2.858 for square matrices, and their polynomial fit to the second, which is
  // accurate to 0.02.
  BOOST_TEST(std::abs(fieldfold::threshold_of_known_noise(1.0) - 4.0 / std::numbers::sqrt3) < 1e-15);
  BOOST_TEST(std::abs(fieldfold::threshold_of_median(1.0) - 2.858) < 5e-4);
  for (const double ratio : {0.05, 0.1, 0.3, 0.5, 0.8, 0.95}) {
    const double fit = 0.56 * std::pow(ratio, 3) - 0.95 * ratio * ratio + 1.82 * ratio + 1.43;
    BOOST_TEST(std::abs(fieldfold::threshold_of_median(ratio) - fit) < 0.02);
  }
}

BOOST_AUTO_TEST_CASE(thresholds_truncate_white_noise) {
  // Noise of standard deviation 0.01 has singular values up to 0.01 (sqrt(600) + sqrt(80)) = 0.33; the threshold is
  // 0.39.
  for (const auto& [m, n] : {std::pair<std::size_t, std::size_t>{600, 80}, {80, 600}}) {
    const xt::xarray<double> tall = noisy(600, 80, {9.0, 5.0, 2.0, 0.8, 0.2}, 0.01);
    const xt::xarray<double> matrix = m > n ? tall : xt::xarray<double>(xt::transpose(tall));
    SVD svd;
    svd.compute_map(matrix, {.noise = 0.01});
    BOOST_TEST(svd.rank() == 4U);
    svd.compute_map(matrix, {.optimal_threshold = true});
    BOOST_TEST(svd.rank() == 4U);
  }
  std::string warning;
  const auto before = fieldfold::set_warning_handler([&](std::string_view sentence) { warning = sentence; });
  SVD svd;
  svd.compute_map(noisy(300, 50, {}, 1.0), {.optimal_threshold = true});
  fieldfold::set_warning_handler(before);
  BOOST_TEST(svd.rank() == 1U);
  BOOST_TEST(warning.find("look like noise") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(sample_tol_gives_the_smallest_sufficient_rank) {
  // The norms of the snapshots span three orders of magnitude, so that the worst snapshot decides and not their sum.
  auto matrix = noisy(400, 30, {5.0, 1.0, 0.5, 0.1, 0.05, 0.01, 0.001}, 1e-7);
  for (std::size_t j = 0; j < 30; ++j)
    for (std::size_t i = 0; i < 400; ++i) matrix(i, j) *= std::pow(10.0, -static_cast<double>(j % 4));
  for (const double tolerance : {0.5, 0.1, 0.01, 1e-3, 1e-5}) {
    SVD svd;
    svd.compute_map(matrix, {.sample_tol = tolerance});
    BOOST_TEST(svd.errors().largest_of_snapshots() <= tolerance * (1.0 + 1e-6));
    const std::size_t rank = svd.rank();
    if (rank == 1) continue;
    svd.compute_map(matrix, {.rank = rank - 1});
    BOOST_TEST(svd.errors().largest_of_snapshots() > tolerance);
  }
}

BOOST_AUTO_TEST_CASE(rank_rules_have_an_order_of_precedence_and_name_invalid_values) {
  const auto matrix = noisy(100, 20, {5.0, 1.0, 0.5, 0.1}, 1e-4);
  const auto rank_of = [&](const fieldfold::RankRule& rule) {
    SVD svd;
    svd.compute_map(matrix, rule);
    return svd.rank();
  };
  BOOST_TEST(rank_of({.rank = 7, .sample_tol = 0.5}) == 7U);
  BOOST_TEST(rank_of({.reconstruction_tol = 0.9, .sample_tol = 1e-2}) == rank_of({.sample_tol = 1e-2}));
  BOOST_TEST(rank_of({.reconstruction_tol = 0.05, .noise = 1e-4}) == rank_of({.reconstruction_tol = 0.05}));
  BOOST_TEST(rank_of({.energy_tol = 0.5, .noise = 1e-4}) == 4U);
  BOOST_TEST(rank_of({.energy_tol = 0.5, .optimal_threshold = true}) == 4U);
  BOOST_TEST(error_of([&] { rank_of({.sample_tol = -1.0}); }) ==
             "sample_tol: expected a relative error of 0 or more, got -1");
  BOOST_TEST(error_of([&] { rank_of({.noise = 0.0}); }) ==
             "noise: expected a finite standard deviation above 0, got 0");
}
