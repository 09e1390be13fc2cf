#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

import fieldfold.linalg.vector;
import fieldfold.rbf.kernel;
import fieldfold.rbf.lanes;

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
  for (const auto set : fieldfold::instruction_sets()) {
    const auto& loops = fieldfold::kernel_loops(set);
    std::vector<double> values = squares;
    loops.kernel_values(fieldfold::Kernel::thin_plate_spline, values.data(), values.size());
    for (std::size_t i = 0; i < squares.size(); ++i) {
      const long double q = squares[i];
      const auto expected = static_cast<double>(q * std::log(q) / 2);
      // Two units in the last place of the logarithm, and the product rounds.
      const double unit = std::max(std::abs(expected) * 2.3e-16, std::numeric_limits<double>::denorm_min());
      BOOST_TEST((values[i] == expected || std::abs(values[i] - expected) <= 2.5 * unit),
                 std::string(loops.name) << " of " << squares[i] << ": " << values[i]);
    }
    std::vector<double> odd{0.0, infinity, std::numeric_limits<double>::quiet_NaN()};
    std::vector<double> slopes = odd;
    loops.kernel_values(fieldfold::Kernel::thin_plate_spline, odd.data(), odd.size());
    BOOST_TEST(odd[0] == 0.0);
    BOOST_TEST(odd[1] == infinity);
    BOOST_TEST(std::isnan(odd[2]));
    loops.kernel_slopes(fieldfold::Kernel::thin_plate_spline, slopes.data(), slopes.size());
    BOOST_TEST(slopes[0] == 0.0);
    BOOST_TEST(!std::isfinite(slopes[1]));
    BOOST_TEST(std::isnan(slopes[2]));
  }
}
