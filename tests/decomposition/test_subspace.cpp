#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.truncated_svd;
import fieldfold.linalg.dense;
import fieldfold.rows.source;
import fieldfold.rows.store;

#include "support/data/cosines.hpp"
#include "support/data/planted_spectra.hpp"

using fieldfold::DecompositionMethod;

BOOST_AUTO_TEST_CASE(randomized_method_is_near_optimal_and_rejects_nearly_full_rank) {
  constexpr std::size_t n = 120;
  for (const auto& [name, s] : spectra(n)) {
    const auto matrix = planted(500, s);
    for (const std::size_t rank : {1U, 8U}) {
      const auto found = decomposed(matrix, rank, DecompositionMethod::randomized);
      double optimal = 0.0;
      for (std::size_t i = rank; i < n; ++i) optimal += s[i] * s[i];
      BOOST_TEST(error_of(found, matrix) <= 1.01 * std::sqrt(optimal) + 1e-14 * s[0] * std::sqrt(n), name);
      BOOST_TEST(off_identity(found.u) < 1e-12, name);
      for (std::size_t i = 0; i < rank; ++i)
        BOOST_TEST(std::abs(found.s(i) - s[i]) <= std::max(1e-13, 2.0 * found.report.singular_value_error) * s[0],
                   name);
      double all = found.unresolved_squares;
      for (const double value : found.s) all += value * value;
      double planted_squares = 0.0;
      for (const double value : s) planted_squares += value * value;
      BOOST_TEST(std::abs(all / planted_squares - 1.0) < 1e-12, name);
    }
  }
  const auto dominated = planted(500, spectra(n)[4].values);
  BOOST_TEST(
      (decomposed(dominated, 1, DecompositionMethod::randomized).report.method == DecompositionMethod::randomized));
  BOOST_CHECK_THROW(decomposed(dominated, 115, DecompositionMethod::randomized), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(sampling_of_rows_does_not_miss_localized_columns) {
  // Half of the columns vanish outside a few rows, and dominate the others.
  constexpr std::size_t m = 20000;
  constexpr std::size_t n = 400;
  auto matrix = xt::xarray<double>::from_shape({m, n});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const bool is_inside = i >= 700 && i < 2300;
      const double x = static_cast<double>(i);
      const double wave = std::cos(0.01 * x * (1.0 + static_cast<double>(j % 5)));
      matrix(i, j) = (j < n / 2) == is_inside ? (is_inside ? 10.0 : 0.1) * wave : 0.0;
    }
  const auto found = decomposed(matrix, 5, DecompositionMethod::randomized);
  const auto exact = decomposed(matrix, 5, DecompositionMethod::sketch);
  BOOST_TEST(error_of(found, matrix) <= 1.01 * error_of(exact, matrix) + 1e-9);
}
