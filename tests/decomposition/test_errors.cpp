#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.truncated_svd;
import fieldfold.linalg.dense;
import fieldfold.rows.source;
import fieldfold.rows.store;

#include "support/data/cosines.hpp"
#include "support/data/planted_spectra.hpp"

using fieldfold::as_matrix;
using fieldfold::DecompositionMethod;
using fieldfold::RankChoice;
using fieldfold::Spectrum;

BOOST_AUTO_TEST_CASE(errors_equal_relative_projection_errors) {
  // Three groups of rows, with units that span ten orders of magnitude.
  constexpr std::size_t m = 600;
  constexpr std::size_t n = 40;
  for (const auto& [name, s] : spectra(n)) {
    auto matrix = planted(m, s);
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) matrix(i, j) *= i % 3 == 0 ? 1.0 : i % 3 == 1 ? 1e5 : 1e-5;
    for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch})
      for (const std::size_t rank : {2U, 12U}) {
        const auto found =
            decomposed<double>(fieldfold::MatrixRows<double>(as_matrix(std::as_const(matrix))),
                               {.choose_rank = [=](const Spectrum<double>&) { return RankChoice{rank, 1.0}; },
                                .method = method,
                                .groups = 3,
                                .leave_out_every = 5});
        BOOST_TEST(found.kept.size() == 32U);
        BOOST_TEST(found.left_out.size() == 8U);
        const auto compare = [&](double reported, double expected) {
          // The relative accuracy of the errors, plus the rounding error of a column of norm 1.
          BOOST_TEST(std::abs(reported - expected) <= 1e-5 * expected + 1e-13, name << ", rank " << rank);
        };
        for (std::size_t k = 0; k < 32; ++k) {
          compare(found.errors.columns(k), relative_error(found.u, matrix, found.kept[k]));
          compare(found.errors.column_groups(k, 1), relative_error(found.u, matrix, found.kept[k], 1, 3));
        }
        for (std::size_t k = 0; k < 8; ++k) {
          BOOST_TEST(found.left_out[k] == 5 * k + 4);
          compare(found.left_out_errors.columns(k), relative_error(found.u, matrix, found.left_out[k]));
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(errors_of_a_small_group_are_relative_to_its_own_norm) {
  // The basis hardly represents a group of rows 1e-9 times the size of the others; its relative error is of order 1,
  // and must be accurate.
  auto matrix = planted(400, spectra(30)[1].values);
  for (std::size_t i = 0; i < 400; i += 2)
    for (std::size_t j = 0; j < 30; ++j)
      matrix(i, j) = 1e-9 * std::cos(static_cast<double>(i * j + j * j)) / static_cast<double>(1 + j);
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto found = decomposed<double>(
        fieldfold::MatrixRows<double>(as_matrix(std::as_const(matrix))),
        {.choose_rank = [=](const Spectrum<double>&) { return RankChoice{3, 1.0}; }, .method = method, .groups = 2});
    double errors = 0.0;
    double squares = 0.0;
    for (std::size_t j = 0; j < 30; ++j) {
      const double error = relative_error(found.u, matrix, j, 0, 2);
      BOOST_TEST(std::abs(found.errors.column_groups(j, 0) / error - 1.0) < 1e-5);
      double square = 0.0;
      for (std::size_t i = 0; i < 400; i += 2) square += matrix(i, j) * matrix(i, j);
      errors += error * error * square;
      squares += square;
    }
    BOOST_TEST(std::abs(found.errors.groups(0) / std::sqrt(errors / squares) - 1.0) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(a_zero_column_has_zero_error_and_does_not_affect_the_others) {
  auto matrix = planted(400, spectra(30)[4].values);
  auto without = xt::xarray<double>::from_shape({400, 29});
  for (std::size_t i = 0; i < 400; ++i) {
    matrix(i, 11) = 0.0;
    for (std::size_t j = 0; j < 29; ++j) without(i, j) = matrix(i, j < 11 ? j : j + 1);
  }
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto found = decomposed(matrix, 4, method);
    BOOST_TEST(found.kept.size() == 30U);
    BOOST_TEST(found.errors.columns(11) == 0.0);
    const auto expected = decomposed(without, 4, method);
    BOOST_TEST(relative_difference(found.u, expected.u) < 1e-9);
    for (std::size_t j = 12; j < 30; ++j)
      BOOST_TEST(std::abs(found.errors.columns(j) / expected.errors.columns(j - 1) - 1.0) < 1e-6);
  }
}
