#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.linalg.vector;

#include "support/data/scattered_points.hpp"

BOOST_AUTO_TEST_CASE(decimal_logarithms_match_the_standard_library) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const auto set : fieldfold::instruction_sets())
    for (const std::size_t count : {1U, 7U, 64U, 1001U}) {
      std::vector<double> numbers(count);
      for (std::size_t i = 0; i < count; ++i)
        numbers[i] = std::pow(10.0, -300.0 + 600.0 * static_cast<double>(i) / static_cast<double>(count));
      std::vector<double> found = numbers;
      fieldfold::vector_loops(set).decimal_logarithms(found.data(), count);
      for (std::size_t i = 0; i < count; ++i) {
        const double expected = std::log10(numbers[i]);
        // Two units in the last place.
        BOOST_TEST(std::abs(found[i] - expected) <= 5e-16 * std::abs(expected) + 1e-17,
                   std::string(fieldfold::vector_loops(set).name) << " of " << numbers[i]);
      }
      std::vector<double> special{0.0, -1.0, infinity, std::numeric_limits<double>::quiet_NaN()};
      fieldfold::vector_loops(set).decimal_logarithms(special.data(), special.size());
      BOOST_TEST(special[0] == -infinity);
      BOOST_TEST(std::isnan(special[1]));
      BOOST_TEST(special[2] == infinity);
      BOOST_TEST(std::isnan(special[3]));
    }
}

BOOST_AUTO_TEST_CASE(weighted_sums_of_rows_are_exact_for_integers) {
  // Sums of integers are exact in any order.
  for (const auto set : fieldfold::instruction_sets())
    for (const std::size_t length : {1U, 31U, 32U, 200U}) {
      std::vector<std::vector<double>> rows(5, std::vector<double>(length));
      std::vector<const double*> pointers;
      const std::vector<double> weights{1.0, -2.0, 3.0, 4.0, -5.0};
      for (std::size_t e = 0; e < rows.size(); ++e) {
        for (std::size_t c = 0; c < length; ++c) rows[e][c] = static_cast<double>((e + 1) * (c % 17));
        pointers.push_back(rows[e].data());
      }
      std::vector<double> sums(length, 7.0);
      fieldfold::vector_loops(set).sum_rows(pointers.data(), weights.data(), rows.size(), length, sums.data());
      // 1 - 4 + 9 + 16 - 25
      for (std::size_t c = 0; c < length; ++c) BOOST_TEST(sums[c] == -3.0 * static_cast<double>(c % 17));
    }
}

BOOST_AUTO_TEST_CASE(products_match_their_definition_on_every_instruction_set) {
  // Neither dimension nor the length of the sums is a multiple of a register.
  constexpr std::size_t rows = 11;
  constexpr std::size_t cols = 7;
  constexpr std::size_t count = 1031;
  const auto a = scattered(rows * count, 1);
  const auto b = scattered(cols * count, 1, 0.1);
  for (const auto set : fieldfold::instruction_sets()) {
    std::vector<double> product(rows * cols, std::numeric_limits<double>::quiet_NaN());
    fieldfold::vector_loops(set).multiply_transposed(a.data(), count, rows, b.data(), count, cols, count,
                                                     product.data(), cols);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) {
        double sum = 0.0;
        for (std::size_t k = 0; k < count; ++k) sum += a(i * count + k, 0) * b(j * count + k, 0);
        BOOST_TEST(std::abs(product[i * cols + j] - sum) < 1e-12 * sum);
      }
  }
}
