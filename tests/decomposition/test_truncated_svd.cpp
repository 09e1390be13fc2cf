#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

BOOST_AUTO_TEST_CASE(every_method_is_near_optimal_on_every_spectrum) {
  constexpr std::size_t m = 700;
  constexpr std::size_t n = 60;
  for (const auto& [name, s] : spectra(n)) {
    const auto matrix = planted(m, s);
    for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch})
      for (const std::size_t rank : {1U, 7U, 20U, 29U}) {
        const auto found = decomposed(matrix, rank, method);
        double optimal = 0.0;
        for (std::size_t i = rank; i < n; ++i) optimal += s[i] * s[i];
        const std::string what =
            name + ", " + std::string(fieldfold::name_of(found.report.method)) + ", rank " + std::to_string(rank);
        // Rounding errors of the matrix itself: 1e-16 of the largest singular value, in each of n columns.
        BOOST_TEST(error_of(found, matrix) <= 1.01 * std::sqrt(optimal) + 1e-14 * s[0] * std::sqrt(n), what);
        BOOST_TEST(off_identity(found.u) < 1e-12, what);
        for (std::size_t i = 0; i < n; ++i)
          BOOST_TEST(std::abs(found.s(i) - s[i]) <= std::max(1e-13, found.report.singular_value_error) * s[0], what);
        if (found.report.method != DecompositionMethod::gram)
          for (std::size_t i = 0; i < n; ++i) BOOST_TEST(std::abs(found.s(i) - s[i]) <= 1e-13 * s[0], what);
      }
  }
}

BOOST_AUTO_TEST_CASE(gram_method_falls_back_to_a_sketch_where_it_is_inaccurate) {
  const auto matrix = planted(500, spectra(40)[1].values);  // consecutive values have the ratio 10^-0.4
  BOOST_TEST((decomposed(matrix, 3, DecompositionMethod::gram).report.method == DecompositionMethod::gram));
  BOOST_TEST((decomposed(matrix, 20, DecompositionMethod::gram).report.method == DecompositionMethod::sketch));
  const auto deficient = planted(500, spectra(40)[5].values);
  BOOST_TEST(off_identity(decomposed(deficient, 30).u) < 1e-12);
}

BOOST_AUTO_TEST_CASE(automatic_method_depends_on_the_shape) {
  BOOST_TEST((decomposed(planted(200, spectra(20)[4].values), 2).report.method == DecompositionMethod::sketch));
  BOOST_TEST((decomposed(planted(20, spectra(20)[4].values), 2).report.method == DecompositionMethod::sketch));
  BOOST_TEST(
      (decomposed(transposed(planted(50, spectra(20)[4].values)), 2).report.method == DecompositionMethod::transpose));
  BOOST_TEST((decomposed(planted(60000, spectra(130)[4].values), 2).report.method == DecompositionMethod::gram));
}

BOOST_AUTO_TEST_CASE(results_agree_to_rounding_for_any_number_of_threads) {
  // Rows of increasing weight, so that the largest entry of each singular vector, which fixes its sign, is unique.
  auto matrix = planted(40000, spectra(60)[4].values);
  for (std::size_t i = 0; i < 40000; ++i)
    for (std::size_t j = 0; j < 60; ++j) matrix(i, j) *= 0.5 + static_cast<double>(i) / 40000.0;
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto one = decomposed(matrix, 5, method, 1);
    for (const std::size_t threads : {2U, 5U}) {
      const auto many = decomposed(matrix, 5, method, threads);
      BOOST_TEST(many.report.threads == threads);
      BOOST_TEST(relative_difference(many.s, one.s) < std::max(1e-13, many.report.singular_value_error));
      // Singular vectors rotate by the rounding error of the Gram matrix, 1e-16 * 600^2, over twice the gap of their
      // singular values, about 0.008.
      BOOST_TEST(relative_difference(many.u, one.u) < 1e-7);
    }
  }
}

BOOST_AUTO_TEST_CASE(coefficients_equal_projections_of_the_columns) {
  const auto matrix = planted(300, spectra(20)[4].values);
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto found = decomposed(matrix, 6, method);
    auto expected = xt::xarray<double>::from_shape({20, 6});
    expected.fill(0.0);
    fieldfold::add_product_transposed(as_matrix(matrix, 300, 20), as_matrix(found.u, 300, 6),
                                      as_matrix(expected, 20, 6));
    // Rounding errors of 300 products, in three computations.
    BOOST_TEST(relative_difference(found.coefficients, expected) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(nonfinite_columns_are_dropped) {
  auto matrix = planted(300, spectra(20)[4].values);
  auto clean = xt::xarray<double>::from_shape({300, 18});
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 18; ++j) clean(i, j) = matrix(i, j < 4 ? j : j < 16 ? j + 1 : j + 2);
  matrix(299, 4) = std::numeric_limits<double>::quiet_NaN();
  matrix(0, 17) = -std::numeric_limits<double>::infinity();
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto found = decomposed(matrix, 3, method);
    BOOST_TEST(found.kept.size() == 18U);
    BOOST_TEST((std::ranges::find(found.kept, 4U) == found.kept.end()));
    const auto expected = decomposed(clean, 3, method);
    BOOST_TEST(relative_difference(found.s, expected.s) < 1e-13);
    // Singular vectors rotate by the rounding error of the Gram matrix, 1e-16 * 600^2, over twice the gap of their
    // singular values, 0.025.
    BOOST_TEST(relative_difference(found.u, expected.u) < (method == DecompositionMethod::gram ? 1e-9 : 1e-10));
  }
}

BOOST_AUTO_TEST_CASE(matrices_with_overflowing_or_vanishing_squares_are_decomposed_accurately) {
  const auto matrix = planted(300, spectra(20)[4].values);
  const auto expected = decomposed(matrix, 3, DecompositionMethod::sketch);
  for (const double scale : {1e-200, 1e200}) {
    const auto found = decomposed(xt::xarray<double>(scale * matrix), 3, DecompositionMethod::gram);
    BOOST_TEST((found.report.method == DecompositionMethod::sketch));
    BOOST_TEST(relative_difference(xt::xarray<double>(found.s / scale), expected.s) < 1e-13);
    BOOST_TEST(relative_difference(found.u, expected.u) < 1e-10);
  }
}

BOOST_AUTO_TEST_CASE(single_precision_basis_and_leading_value_are_accurate) {
  const xt::xarray<float> matrix = xt::cast<float>(planted(5000, spectra(50)[0].values));
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto found = decomposed(matrix, 10, method);
    BOOST_TEST(off_identity(found.u) < 1e-5);
    BOOST_TEST(std::abs(found.s(0) - 1.0F) < 1e-5F);
  }
}

BOOST_AUTO_TEST_CASE(zero_matrices_have_rank_zero_and_nan_matrices_no_columns) {
  const xt::xarray<double> zeros = xt::zeros<double>({30, 4});
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    BOOST_TEST(decomposed(zeros, 1, method).kept.size() == 4U);
    BOOST_TEST(decomposed(zeros, 1, method).rank == 0U);
    const xt::xarray<double> bad = zeros + std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(decomposed(bad, 1, method).kept.empty());
  }
}

BOOST_AUTO_TEST_CASE(exceptions_of_a_source_propagate_from_threads) {
  class Broken final : public fieldfold::RowSource<double> {
   public:
    std::size_t rows() const override { return 1000000; }
    std::size_t cols() const override { return 30; }
    fieldfold::MatrixView<const double> read(std::size_t, std::size_t, std::vector<double>&) const override {
      throw std::runtime_error("the disk is gone");
    }
  };
  const Broken source;
  BOOST_CHECK_THROW(decomposed<double>(source, {.choose_rank = [](const auto&) { return RankChoice{}; }, .threads = 3}),
                    std::runtime_error);
}

BOOST_AUTO_TEST_CASE(wide_matrices_are_decomposed_near_optimally) {
  for (const auto& [name, s] : spectra(25)) {
    auto matrix = transposed(planted(90, s));
    const auto found = decomposed(matrix, 7);
    BOOST_TEST((found.report.method == DecompositionMethod::transpose));
    double optimal = 0.0;
    for (std::size_t i = 7; i < 25; ++i) optimal += s[i] * s[i];
    BOOST_TEST(error_of(found, matrix) <= 1.01 * std::sqrt(optimal) + 1e-14 * s[0] * 5.0, name);
    BOOST_TEST(off_identity(found.u) < 1e-12, name);
    for (std::size_t i = 0; i < 25; ++i) BOOST_TEST(std::abs(found.s(i) - s[i]) <= 1e-13 * s[0], name);
    BOOST_TEST(std::abs(found.errors.columns(3) - relative_error(found.u, matrix, 3)) < 1e-12);
    matrix(0, 5) = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(decomposed(matrix, 25).kept.size() == 89U);
    BOOST_TEST(off_identity(decomposed(matrix, 25).u) < 1e-12, name);
  }
}

BOOST_AUTO_TEST_CASE(many_columns_are_decomposed_to_rounding_where_their_tail_is_small) {
  // Singular values from 1 to 1e-14: a Gram matrix resolves those above 1e-8.
  std::vector<double> s(60);
  for (std::size_t i = 0; i < 60; ++i) s[i] = std::pow(10.0, -14.0 * static_cast<double>(i) / 59.0);
  const auto matrix = transposed(planted(30000, s));
  const auto found = decomposed(matrix, 45);
  BOOST_TEST((found.report.method == DecompositionMethod::transpose));
  BOOST_TEST(found.report.singular_value_error < 1e-14);
  for (std::size_t i = 0; i < 60; ++i) BOOST_TEST(std::abs(found.s(i) - s[i]) < 1e-14);
  BOOST_TEST(off_identity(found.u) < 1e-13);
  double optimal = 0.0;
  for (std::size_t i = 45; i < 60; ++i) optimal += s[i] * s[i];
  BOOST_TEST(error_of(found, matrix) <= 1.01 * std::sqrt(optimal) + 1e-14);
}

BOOST_AUTO_TEST_CASE(many_columns_are_decomposed_by_the_gram_matrix_of_the_rows) {
  // 60 rows, of which two are masked, and 30000 columns, of which one is not finite.
  const auto s = spectra(60)[4].values;
  auto matrix = transposed(planted(30000, s));
  for (std::size_t j = 0; j < 30000; ++j) matrix(3, j) = matrix(41, j) = 0.0;
  std::vector<std::uint8_t> masked(60, 0);
  masked[3] = masked[41] = 1;
  // The optimum from the eigenvalues of A A^T.
  auto gram = xt::xarray<double>::from_shape({60, 60});
  fieldfold::multiply_transposed(as_matrix(std::as_const(matrix)), as_matrix(std::as_const(matrix)), as_matrix(gram));
  const auto eigen = fieldfold::symmetric_eigen(std::move(gram));
  double optimal = 0.0;
  for (std::size_t k = 0; k < 55; ++k) optimal += std::max(0.0, eigen.values(k));
  auto broken = matrix;
  broken(7, 11) = std::numeric_limits<double>::quiet_NaN();
  for (const std::size_t threads : {1U, 3U}) {
    const auto found = decomposed<double>(fieldfold::MatrixRows<double>(as_matrix(std::as_const(broken))),
                                          {.choose_rank = [](const auto&) { return RankChoice{5, 1.0}; },
                                           .needs_coefficients = false,
                                           .masked_rows = masked,
                                           .threads = threads,
                                           .groups = 2,
                                           .leave_out_every = 1000});
    BOOST_TEST((found.report.method == DecompositionMethod::transpose));
    BOOST_TEST(found.kept.size() == 30000U - 30U - 1U);
    BOOST_TEST(found.left_out.size() == 30U);
    BOOST_TEST(off_identity(found.u) < 1e-13);
    BOOST_TEST((found.u(3, 0) == 0.0 && found.u(41, 4) == 0.0));
    // One column in a thousand is left out of the optimum.
    BOOST_TEST(std::abs(found.s(0) / std::sqrt(eigen.values(59)) - 1.0) < 1e-2);
    double squares = 0.0;
    for (std::size_t j = 0; j < found.kept.size(); j += 997) {
      const std::size_t column = found.kept[j];
      BOOST_TEST(std::abs(found.errors.columns(j) - relative_error(found.u, matrix, column)) < 1e-12);
      BOOST_TEST(std::abs(found.errors.column_groups(j, 1) - relative_error(found.u, matrix, column, 1, 2)) < 1e-12);
      for (std::size_t mode = 0; mode < 5; ++mode) {
        double coefficient = 0.0;
        for (std::size_t i = 0; i < 60; ++i) coefficient += found.u(i, mode) * matrix(i, column);
        BOOST_TEST(std::abs(found.coefficients(j, mode) - coefficient) < 1e-12 * found.s(0));
      }
    }
    for (std::size_t j = 0; j < 30000; ++j)
      for (std::size_t i = 0; i < 60; ++i) squares += matrix(i, j) * matrix(i, j);
    double kept = 0.0;
    for (std::size_t j = 0; j < found.kept.size(); ++j)
      for (std::size_t mode = 0; mode < 5; ++mode) kept += std::pow(found.coefficients(j, mode), 2);
    for (const std::size_t column : found.left_out)
      for (std::size_t mode = 0; mode < 5; ++mode) {
        double coefficient = 0.0;
        for (std::size_t i = 0; i < 60; ++i) coefficient += found.u(i, mode) * matrix(i, column);
        kept += coefficient * coefficient;
      }
    BOOST_TEST(squares - kept <= 1.02 * optimal + 1e-3 * squares);
    BOOST_TEST(std::abs(found.left_out_errors.columns(2) - relative_error(found.u, matrix, found.left_out[2])) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(tiny_matrices_are_decomposed_to_rounding) {
  for (const auto& [m, n] : {std::pair<std::size_t, std::size_t>{1, 1}, {1, 5}, {5, 1}, {4, 4}, {3, 2}}) {
    auto matrix = xt::xarray<double>::from_shape({m, n});
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j) matrix(i, j) = std::cos(1.0 + static_cast<double>(3 * i + 7 * j * j));
    const std::size_t rank = std::min(m, n);
    const auto found = decomposed(matrix, rank);
    // Twenty rounding units times the root of n times the norm, which is at most 4.
    BOOST_TEST(error_of(found, matrix) < 4e-14);
    BOOST_TEST(off_identity(found.u) < 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(low_rank_matrices_are_reproduced_and_errors_of_graded_columns_are_relative) {
  std::mt19937_64 generator(3);
  std::normal_distribution<double> normal(0.0, 1.0);
  const auto random = [&](std::size_t m, std::size_t n) {
    auto matrix = xt::xarray<double>::from_shape({m, n});
    for (double& x : matrix) x = normal(generator);
    return matrix;
  };
  for (int repeat = 0; repeat < 40; ++repeat) {
    const auto matrix = fieldfold::product(random(90, 3), random(3, 80));
    const auto found = decomposed(matrix, 3, DecompositionMethod::sketch);
    double norm = 0.0;
    for (const double x : matrix) norm += x * x;
    // The rounding error of the product of the two factors is a few units of its norm.
    BOOST_TEST(error_of(found, matrix) < 1e-13 * std::sqrt(norm));
    // More modes than the rank of the matrix: the additional ones complete an orthonormal basis.
    const auto more = decomposed(matrix, 9, DecompositionMethod::sketch);
    BOOST_TEST(off_identity(more.u) < 1e-12);
    BOOST_TEST(std::ranges::is_sorted(more.s, std::greater<>{}));
  }
  // Each column is a thousandth of the previous one; its error is relative to its own norm.
  auto graded = random(300, 12);
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 12; ++j) graded(i, j) *= std::pow(1e-3, static_cast<double>(j));
  const auto found = decomposed(graded, 4, DecompositionMethod::sketch);
  for (std::size_t j = 4; j < 12; ++j)
    BOOST_TEST(std::abs(found.errors.columns(j) / relative_error(found.u, graded, j) - 1.0) < 1e-6);
}

BOOST_AUTO_TEST_CASE(held_out_columns_do_not_affect_the_basis) {
  auto matrix = planted(300, spectra(20)[4].values);
  auto without = xt::xarray<double>::from_shape({300, 16});
  for (std::size_t i = 0; i < 300; ++i) {
    for (std::size_t j = 0; j < 16; ++j) without(i, j) = matrix(i, j + j / 4);
    for (std::size_t j = 4; j < 20; j += 5) matrix(i, j) *= 1e25;
  }
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch}) {
    const auto found = decomposed<double>(fieldfold::MatrixRows<double>(as_matrix(std::as_const(matrix))),
                                          {.choose_rank = [](const Spectrum<double>&) { return RankChoice{4, 1.0}; },
                                           .method = method,
                                           .leave_out_every = 5});
    BOOST_TEST(relative_difference(found.u, decomposed(without, 4, method).u) < 1e-9);
    BOOST_TEST(std::abs(found.left_out_errors.columns(2) / relative_error(found.u, matrix, 14) - 1.0) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(progress_reports_each_phase_and_its_exceptions_abort) {
  const auto matrix = planted(5000, spectra(40)[4].values);
  const fieldfold::MatrixRows<double> rows(as_matrix(matrix));
  fieldfold::DecompositionRequest<double> request{
      .choose_rank = [](const Spectrum<double>&) { return RankChoice{3, 1.0}; }, .method = DecompositionMethod::gram};
  double last = 0.0;
  std::string phases;
  request.progress = [&](std::string_view phase, double share) {
    if (!phases.ends_with(phase)) phases += phase;
    last = share;
  };
  decomposed<double>(rows, request);
  BOOST_TEST(phases == "summarybasis");
  BOOST_TEST(last <= 1.0);
  request.progress = [](std::string_view phase, double) {
    if (phase == "basis") throw std::runtime_error("enough");
  };
  BOOST_CHECK_THROW(decomposed<double>(rows, request), std::runtime_error);
}
