#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

import fieldfold.rbf.kernel;
import fieldfold.linalg.vector;

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

BOOST_AUTO_TEST_CASE(thin_plate_splines_are_those_of_logarithms_in_more_digits) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> squares;
  for (int i = -1074; i < 1024; ++i)
    for (const double factor : {1.0, 1.2, 1.4142135623730949, 1.4142135623730951, 1.9})
      squares.push_back(std::ldexp(factor, i));
  for (int i = 1; i < 53; ++i) {
    squares.push_back(1.0 + std::ldexp(1.0, -i));
    squares.push_back(1.0 - std::ldexp(1.0, -i));
  }
  for (const auto* set : fieldfold::instruction_sets()) {
    std::vector<double> values = squares;
    set->kernel_values(fieldfold::Kernel::thin_plate_spline, values.data(), values.size());
    for (std::size_t i = 0; i < squares.size(); ++i) {
      const long double q = squares[i];
      const auto expected = static_cast<double>(q * std::log(q) / 2);
      // Two units in the last place of the logarithm, and the product rounds.
      const double unit = std::max(std::abs(expected) * 2.3e-16, std::numeric_limits<double>::denorm_min());
      BOOST_TEST((values[i] == expected || std::abs(values[i] - expected) <= 2.5 * unit),
                 std::string(set->name) << " of " << squares[i] << ": " << values[i]);
    }
    std::vector<double> odd{0.0, infinity, std::numeric_limits<double>::quiet_NaN()};
    std::vector<double> slopes = odd;
    set->kernel_values(fieldfold::Kernel::thin_plate_spline, odd.data(), odd.size());
    BOOST_TEST(odd[0] == 0.0);
    BOOST_TEST(odd[1] == infinity);
    BOOST_TEST(std::isnan(odd[2]));
    set->kernel_slopes(fieldfold::Kernel::thin_plate_spline, slopes.data(), slopes.size());
    BOOST_TEST(slopes[0] == 0.0);
    BOOST_TEST(!std::isfinite(slopes[1]));
    BOOST_TEST(std::isnan(slopes[2]));
  }
}
