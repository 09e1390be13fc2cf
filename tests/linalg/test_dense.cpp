#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;

#include "support/data/cosines.hpp"

namespace {

using fieldfold::as_matrix;

template <class T>
xt::xarray<T> product(const xt::xarray<T>& a, const xt::xarray<T>& b) {
  xt::xarray<T> c = xt::zeros<T>({a.shape(0), b.shape(1)});
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t k = 0; k < a.shape(1); ++k)
      for (std::size_t j = 0; j < b.shape(1); ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

template <class T>
xt::xarray<T> diagonal(const xt::xarray<T>& entries) {
  xt::xarray<T> matrix = xt::zeros<T>({entries.size(), entries.size()});
  for (std::size_t i = 0; i < entries.size(); ++i) matrix(i, i) = entries(i);
  return matrix;
}

template <class T = double>
xt::xarray<T> waves(std::size_t m, std::size_t n) {
  auto matrix = xt::xarray<T>::from_shape({m, n});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      matrix(i, j) = static_cast<T>(std::cos(0.37 * static_cast<double>((i + 1) * (j + 1))));
  return matrix;
}

template <class T>
double off_identity(const xt::xarray<T>& columns) {
  const xt::xarray<T> gram = product<T>(xt::transpose(columns), columns);
  double largest = 0.0;
  for (std::size_t i = 0; i < gram.shape(0); ++i)
    for (std::size_t j = 0; j < gram.shape(1); ++j)
      largest = std::max(largest, std::abs(static_cast<double>(gram(i, j)) - (i == j ? 1.0 : 0.0)));
  return largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(products_equal_their_definition) {
  const auto a = waves(7, 5);
  const auto b = waves(5, 3);
  const auto expected = product(a, b);
  auto c = xt::xarray<double>::from_shape({7, 3});
  fieldfold::multiply(as_matrix(a, 7, 5), as_matrix(b, 5, 3), as_matrix(c, 7, 3));
  BOOST_TEST(relative_difference(c, expected) < 1e-15);
  const xt::xarray<double> b_transposed = xt::transpose(b);
  fieldfold::multiply_transposed(as_matrix(a, 7, 5), as_matrix(b_transposed, 3, 5), as_matrix(c, 7, 3));
  BOOST_TEST(relative_difference(c, expected) < 1e-15);
}

BOOST_AUTO_TEST_CASE(thin_svd_reproduces_matrices_of_every_shape) {
  for (const auto& [m, n] :
       std::vector<std::pair<std::size_t, std::size_t>>{{40, 6}, {6, 40}, {9, 9}, {1, 5}, {5, 1}, {1, 1}, {300, 20}}) {
    const auto a = waves(m, n);
    const auto svd = fieldfold::thin_svd(xt::xarray<double>(a));
    BOOST_TEST(svd.u.shape(1) == std::min(m, n));
    const xt::xarray<double> reconstructed = product<double>(product(svd.u, diagonal(svd.s)), xt::transpose(svd.v));
    BOOST_TEST(relative_difference(reconstructed, a) < 1e-13);
    BOOST_TEST(off_identity(svd.u) < 1e-13);
    BOOST_TEST(off_identity(svd.v) < 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(thin_svd_recovers_planted_singular_values_and_vectors) {
  const auto u = cosines(50, 5);
  const auto v = cosines(8, 5);
  const xt::xarray<double> planted{3.142, 2.718, 1.0, 1e-5, 1e-10};
  const auto svd = fieldfold::thin_svd(product<double>(product(u, diagonal(planted)), xt::transpose(v)));
  for (std::size_t j = 0; j < 8; ++j) BOOST_TEST(std::abs(svd.s(j) - (j < 5 ? planted(j) : 0.0)) < 1e-14);
  for (std::size_t j = 0; j < 3; ++j) {
    double cosine = 0.0;
    for (std::size_t i = 0; i < 50; ++i) cosine += svd.u(i, j) * u(i, j);
    BOOST_TEST(std::abs(std::abs(cosine) - 1.0) < 1e-13);
  }
  BOOST_TEST(fieldfold::numerical_rank(svd.s) == 5U);
}

BOOST_AUTO_TEST_CASE(singular_values_equal_those_in_the_tests_of_librom) {
  xt::xarray<double> samples{{0.5377, -1.3077, -1.3499},
                             {1.8339, -0.4336, 3.0349},
                             {-2.2588, 0.3426, 0.7254},
                             {0.8622, 3.5784, -0.0631},
                             {0.3188, 2.7694, 0.7147}};
  const xt::xarray<double> expected{4.844863750652194, 3.667199763987773, 2.691146253666718};
  const xt::xarray<double> transposed = xt::transpose(samples);
  BOOST_TEST(relative_difference(fieldfold::thin_svd(std::move(samples)).s, expected) < 1e-14);
  BOOST_TEST(relative_difference(fieldfold::thin_svd(xt::xarray<double>(transposed)).s, expected) < 1e-14);
}

BOOST_AUTO_TEST_CASE(sum_of_squared_singular_values_equals_squared_frobenius_norm) {
  const auto a = waves(60, 11);
  const auto s = fieldfold::thin_svd(xt::xarray<double>(a)).s;
  double squares = 0.0;
  for (const double x : a) squares += x * x;
  double values = 0.0;
  for (const double x : s) values += x * x;
  BOOST_TEST(std::abs(values / squares - 1.0) < 1e-14);
}

BOOST_AUTO_TEST_CASE(largest_entry_of_each_left_singular_vector_is_positive) {
  for (const double sign : {1.0, -1.0}) {
    const xt::xarray<double> a = sign * waves(30, 7);
    const auto svd = fieldfold::thin_svd(xt::xarray<double>(a));
    for (std::size_t j = 0; j < 7; ++j) {
      double extreme = 0.0;
      for (std::size_t i = 0; i < 30; ++i)
        if (std::abs(svd.u(i, j)) > std::abs(extreme)) extreme = svd.u(i, j);
      BOOST_TEST(extreme > 0.0);
    }
  }
}

BOOST_AUTO_TEST_CASE(single_precision_is_accurate_to_its_rounding_unit) {
  const auto a = waves<float>(80, 9);
  const auto svd = fieldfold::thin_svd(xt::xarray<float>(a));
  BOOST_TEST(off_identity(svd.u) < 1e-5);
  const auto exact = fieldfold::thin_svd(xt::xarray<double>(waves(80, 9)));
  BOOST_TEST(relative_difference(svd.s, exact.s) < 1e-5);
}

BOOST_AUTO_TEST_CASE(empty_matrices_are_rejected) {
  BOOST_CHECK_THROW(fieldfold::thin_svd(xt::xarray<double>::from_shape({0, 3})), fieldfold::InvalidArgument);
  BOOST_CHECK_THROW(fieldfold::thin_svd(xt::xarray<double>::from_shape({3, 0})), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(solution_norm_and_condition_match_a_known_inverse) {
  // (I + e e^T)^-1 = I - e e^T / (n + 1)
  constexpr std::size_t n = 12;
  const xt::xarray<double> matrix = xt::eye<double>(n) + xt::ones<double>({n, n});
  const fieldfold::SymmetricSystem system{xt::xarray<double>(matrix)};
  xt::xarray<double> rhs = waves(3, n);
  xt::xarray<double> expected = rhs;
  for (std::size_t k = 0; k < 3; ++k) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += rhs(k, i);
    for (std::size_t i = 0; i < n; ++i) expected(k, i) -= sum / (n + 1.0);
  }
  system.solve(as_matrix(rhs, 3, n));
  BOOST_TEST(relative_difference(rhs, expected) < 1e-14);
  BOOST_TEST(system.norm() == n + 1.0);
  // The 1-norm of the inverse is 1 - 1/(n+1) + (n-1)/(n+1) = (2n-1)/(n+1).
  BOOST_TEST(std::abs(system.reciprocal_condition() - 1.0 / (2.0 * n - 1.0)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(indefinite_systems_with_a_zero_diagonal_are_solved) {
  const fieldfold::SymmetricSystem system{xt::xarray<double>{{0.0, 2.0}, {2.0, 0.0}}};
  xt::xarray<double> rhs{{4.0, 6.0}};
  system.solve(as_matrix(rhs, 1, 2));
  BOOST_TEST(rhs(0, 0) == 3.0);
  BOOST_TEST(rhs(0, 1) == 2.0);
}

BOOST_AUTO_TEST_CASE(nan_in_a_right_hand_side_does_not_affect_the_others) {
  constexpr std::size_t n = 40;
  const xt::xarray<double> matrix = 50.0 * xt::eye<double>(n) + xt::ones<double>({n, n});
  const fieldfold::SymmetricSystem system{xt::xarray<double>(matrix)};
  xt::xarray<double> rhs = waves(9, n);
  const auto clean = rhs;
  rhs(4, 17) = std::numeric_limits<double>::quiet_NaN();
  auto expected = clean;
  system.solve(as_matrix(expected, 9, n));
  system.solve(as_matrix(rhs, 9, n));
  for (std::size_t k = 0; k < 9; ++k)
    for (std::size_t i = 0; i < n; ++i) {
      if (k == 4)
        BOOST_TEST(std::isnan(rhs(k, i)));
      else
        BOOST_TEST(std::abs(rhs(k, i) - expected(k, i)) < 1e-15);
    }
}

BOOST_AUTO_TEST_CASE(singular_systems_are_detected) {
  const fieldfold::SymmetricSystem system{xt::xarray<double>{{1.0, 1.0}, {1.0, 1.0}}};
  BOOST_TEST(system.is_singular());
  BOOST_TEST(system.reciprocal_condition() == 0.0);
}

BOOST_AUTO_TEST_CASE(scales_are_powers_of_two_near_the_reciprocal) {
  for (const double largest : {1e-300, 0.3, 1.0, 3.0, 1e300}) {
    const double scale = fieldfold::power_of_two_scale(largest);
    int exponent = 0;
    BOOST_TEST(std::frexp(scale, &exponent) == 0.5);
    BOOST_TEST((1.0 <= scale * largest && scale * largest < 2.0));
  }
  BOOST_TEST(fieldfold::power_of_two_scale(0.0) == 1.0);
  BOOST_TEST(fieldfold::power_of_two_scale(std::numeric_limits<double>::quiet_NaN()) == 1.0);
  BOOST_TEST(fieldfold::power_of_two_scale(std::numeric_limits<double>::denorm_min()) == std::ldexp(1.0, 1000));
  BOOST_TEST(fieldfold::power_of_two_scale(std::numeric_limits<double>::infinity()) == std::ldexp(1.0, -1000));
}
