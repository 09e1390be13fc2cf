#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.inner_product;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.mass_matrix;
import fieldfold.linalg.dense;
import fieldfold.rows.source;
import fieldfold.rows.store;

#include "support/data/cosines.hpp"

namespace {

using fieldfold::as_matrix;
using fieldfold::DecompositionMethod;
using fieldfold::MassMatrix;

/// The consistent mass matrix of equal linear elements on a line: `1/6, 4/6, 1/6` in each row, for points numbered in
/// order or at random. Its eigenvectors are sines, with the eigenvalues `(4 + 2 cos(k pi / (m + 1))) / 6`.
struct Line {
  explicit Line(std::size_t m, bool shuffled) : number(m) {
    std::iota(number.begin(), number.end(), std::size_t{0});
    if (shuffled) std::ranges::shuffle(number, std::mt19937_64(7));
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = i == 0 ? 0 : i - 1; j <= std::min(i + 1, m - 1); ++j) {
        rows.push_back(static_cast<double>(number[i]));
        columns.push_back(static_cast<double>(number[j]));
        values.push_back(i == j ? 4.0 / 6.0 : 1.0 / 6.0);
      }
  }

  MassMatrix mass() const {
    return {number.size(), xt::adapt(rows, fieldfold::Shape{rows.size()}),
            xt::adapt(columns, fieldfold::Shape{columns.size()}), xt::adapt(values, fieldfold::Shape{values.size()})};
  }

  /// Entry i of the k-th eigenvector, normalized in the inner product.
  double sine(std::size_t i, std::size_t k) const {
    const double m = static_cast<double>(number.size()) + 1.0;
    const double angle = std::numbers::pi * static_cast<double>(k + 1) / m;
    return std::sqrt(2.0 / m) * std::sin(angle * static_cast<double>(i + 1)) /
           std::sqrt((4.0 + 2.0 * std::cos(angle)) / 6.0);
  }

  std::vector<std::size_t> number;
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
};

/// A matrix of two fields at each point, with modes that are orthonormal in the inner product: even modes in the first
/// field, odd modes in the second. \param s  the singular values
template <class T>
xt::xarray<T> planted(const Line& line, const std::vector<double>& s) {
  const std::size_t m = line.number.size();
  const auto v = cosines(s.size(), s.size());
  xt::xarray<T> matrix = xt::zeros<T>({2 * m, s.size()});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t k = 0; k < s.size(); ++k)
      for (std::size_t j = 0; j < s.size(); ++j)
        matrix(2 * line.number[i] + k % 2, j) += static_cast<T>(line.sine(i, k) * s[k] * v(j, k));
  return matrix;
}

template <class T>
double off_identity(const MassMatrix& mass, const xt::xarray<T>& u, std::size_t groups) {
  const std::size_t rank = u.shape(1);
  const xt::xarray<double> columns = xt::cast<double>(u);
  auto product = xt::xarray<double>::from_shape(columns.shape());
  // One row for each point, with all its groups.
  const std::size_t points = u.shape(0) / groups;
  mass.multiply(as_matrix(columns, points, groups * rank), as_matrix(product, points, groups * rank));
  xt::xarray<double> gram = xt::zeros<double>({rank, rank});
  fieldfold::add_product_transposed(as_matrix(columns), as_matrix(std::as_const(product)), as_matrix(gram));
  return relative_difference(gram, xt::xarray<double>(xt::eye<double>(rank)));
}

template <class T>
void check_decomposition(const Line& line, const fieldfold::InnerProduct<T>& inner_product, double tolerance) {
  // The singular values span ten orders of magnitude in double precision, and four in single precision.
  const double least = sizeof(T) == 8 ? 1e-10 : 1e-4;
  std::vector<double> s(24);
  for (std::size_t k = 0; k < s.size(); ++k) s[k] = std::pow(least, static_cast<double>(k) / 23.0);
  const auto matrix = planted<T>(line, s);
  const std::size_t rank = 10;
  for (const auto method : {DecompositionMethod::automatic, DecompositionMethod::gram, DecompositionMethod::sketch}) {
    for (const std::size_t threads : {1U, 2U}) {
      fieldfold::ArrayStore<T> basis;
      const auto found = fieldfold::decompose<T>(
          fieldfold::MatrixRows<T>(as_matrix(matrix)),
          {.choose_rank = [](const fieldfold::Spectrum<T>&) { return fieldfold::RankChoice{rank, 1.0}; },
           .known_rank = rank,
           .method = method,
           .inner_product = &inner_product,
           .threads = threads,
           .groups = 2},
          basis);
      BOOST_TEST(found.rank == rank);
      for (std::size_t k = 0; k < s.size(); ++k)
        BOOST_TEST(std::abs(found.s(k) - s[k]) <= std::max(tolerance, found.report.singular_value_error));
      BOOST_TEST(off_identity(line.mass(), basis.array(), 2) < tolerance);
      double tail = 0.0;
      for (std::size_t k = rank; k < s.size(); ++k) tail += s[k] * s[k];
      // The error over all snapshots is the tail of the singular values; that of a snapshot is its part in the
      // truncated modes.
      double squares = 0.0;
      const auto v = cosines(s.size(), s.size());
      for (std::size_t j = 0; j < s.size(); ++j) {
        double of_snapshot = 0.0;
        double truncated = 0.0;
        for (std::size_t k = 0; k < s.size(); ++k) {
          of_snapshot += std::pow(s[k] * v(j, k), 2);
          if (k >= rank) truncated += std::pow(s[k] * v(j, k), 2);
        }
        squares += std::pow(found.errors.columns(j), 2) * of_snapshot;
        BOOST_TEST(std::abs(found.errors.columns(j) / std::sqrt(truncated / of_snapshot) - 1.0) < 1e6 * tolerance);
      }
      BOOST_TEST(std::abs(std::sqrt(squares / tail) - 1.0) < 1e6 * tolerance);
      double odd = 0.0;
      double odd_tail = 0.0;
      for (std::size_t k = 1; k < s.size(); k += 2) {
        odd += s[k] * s[k];
        if (k >= rank) odd_tail += s[k] * s[k];
      }
      BOOST_TEST(std::abs(found.errors.groups(1) / std::sqrt(odd_tail / odd) - 1.0) < 1e6 * tolerance);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(decomposition_recovers_the_svd_in_the_inner_product) {
  // Rounding errors of 600 numbers over ten orders of magnitude; errors are accurate to six digits.
  for (const bool shuffled : {false, true}) {
    const Line line(300, shuffled);
    const double root = std::sqrt(4.0 / 6.0);
    // The diagonal of M is constant, and scaling divides M by it.
    const fieldfold::SparseInnerProduct<double> inner_product(*line.mass().sparse(), 2);
    check_decomposition(line, inner_product, 1e-12);
    BOOST_TEST(std::abs(line.mass().scales()[5] - root) < 1e-15);
    check_decomposition(line,
                        fieldfold::OperatorInnerProduct<double>(
                            [&](std::span<const double> x, std::span<double> y) {
                              line.mass().multiply({x.data(), x.size(), 1}, {y.data(), y.size(), 1});
                            },
                            2),
                        1e-12);
  }
}

BOOST_AUTO_TEST_CASE(single_precision_has_half_the_digits) {
  const Line line(300, true);
  check_decomposition(line, fieldfold::SparseInnerProduct<float>(*line.mass().sparse(), 2), 1e-5);
}

BOOST_AUTO_TEST_CASE(wide_matrices_are_decomposed_in_the_inner_product) {
  const Line line(8, false);
  std::vector<double> s(40, 0.0);
  for (std::size_t k = 0; k < 8; ++k) s[k] = 1.0 / static_cast<double>(k + 1);
  const auto matrix = planted<double>(line, s);
  const fieldfold::SparseInnerProduct<double> inner_product(*line.mass().sparse(), 2);
  fieldfold::ArrayStore<double> basis;
  const auto found = fieldfold::decompose<double>(
      fieldfold::MatrixRows<double>(as_matrix(matrix)),
      {.choose_rank = [](const fieldfold::Spectrum<double>&) { return fieldfold::RankChoice{8, 1.0}; },
       .inner_product = &inner_product},
      basis);
  for (std::size_t k = 0; k < 8; ++k) BOOST_TEST(std::abs(found.s(k) - s[k]) < 1e-13);
  BOOST_TEST(off_identity(line.mass(), basis.array(), 2) < 1e-13);
}
