#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

import fieldfold.simd;

BOOST_AUTO_TEST_CASE(logarithms_are_those_of_the_standard_library) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const auto* set : fieldfold::instruction_sets())
    for (const std::size_t count : {1U, 7U, 64U, 1001U}) {
      std::vector<double> numbers(count);
      for (std::size_t i = 0; i < count; ++i)
        numbers[i] = std::pow(10.0, -300.0 + 600.0 * static_cast<double>(i) / static_cast<double>(count));
      std::vector<double> found = numbers;
      set->decimal_logarithms(found.data(), count);
      for (std::size_t i = 0; i < count; ++i) {
        const double expected = std::log10(numbers[i]);
        // Two units in the last place.
        BOOST_TEST(std::abs(found[i] - expected) <= 5e-16 * std::abs(expected) + 1e-17, std::string(set->name)
                                                                                            << " of " << numbers[i]);
      }
      std::vector<double> odd{0.0, -1.0, infinity, std::numeric_limits<double>::quiet_NaN()};
      set->decimal_logarithms(odd.data(), odd.size());
      BOOST_TEST(odd[0] == -infinity);
      BOOST_TEST(std::isnan(odd[1]));
      BOOST_TEST(odd[2] == infinity);
      BOOST_TEST(std::isnan(odd[3]));
    }
}

BOOST_AUTO_TEST_CASE(sums_of_rows_are_those_of_whole_numbers) {
  // Whole numbers, whose sums are exact in any order.
  for (const auto* set : fieldfold::instruction_sets())
    for (const std::size_t length : {1U, 31U, 32U, 200U}) {
      std::vector<std::vector<double>> rows(5, std::vector<double>(length));
      std::vector<const double*> places;
      const std::vector<double> weights{1.0, -2.0, 3.0, 4.0, -5.0};
      for (std::size_t e = 0; e < rows.size(); ++e) {
        for (std::size_t c = 0; c < length; ++c) rows[e][c] = static_cast<double>((e + 1) * (c % 17));
        places.push_back(rows[e].data());
      }
      std::vector<double> sums(length, 7.0);
      set->sum_rows(places.data(), weights.data(), rows.size(), length, sums.data());
      // 1 - 4 + 9 + 16 - 25
      for (std::size_t c = 0; c < length; ++c) BOOST_TEST(sums[c] == -3.0 * static_cast<double>(c % 17));
    }
}
