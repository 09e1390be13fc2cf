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

using fieldfold::Kernel;

namespace {

/// The formulas of the documentation, in terms of the standard library.
double formula(Kernel kernel, double r) {
  const double t = std::max(0.0, 1.0 - r);
  switch (kernel) {
    case Kernel::linear:
      return -r;
    case Kernel::thin_plate_spline:
      return r == 0.0 ? 0.0 : r * r * std::log(r);
    case Kernel::cubic:
      return std::pow(r, 3);
    case Kernel::quintic:
      return -std::pow(r, 5);
    case Kernel::multiquadric:
      return -std::hypot(1.0, r);
    case Kernel::inverse_multiquadric:
      return 1.0 / std::hypot(1.0, r);
    case Kernel::inverse_quadratic:
      return 1.0 / (1.0 + r * r);
    case Kernel::gaussian:
      return std::exp(-r * r);
    case Kernel::matern1_2:
      return std::exp(-r);
    case Kernel::matern3_2:
      return (1.0 + std::sqrt(3.0) * r) * std::exp(-std::sqrt(3.0) * r);
    case Kernel::matern5_2:
      return (1.0 + std::sqrt(5.0) * r + 5.0 * r * r / 3.0) * std::exp(-std::sqrt(5.0) * r);
    case Kernel::wendland_c0:
      return std::pow(t, 2);
    case Kernel::wendland_c2:
      return std::pow(t, 4) * (4.0 * r + 1.0);
    case Kernel::wendland_c4:
      return std::pow(t, 6) * (35.0 * r * r + 18.0 * r + 3.0) / 3.0;
    case Kernel::wendland_c6:
      return std::pow(t, 8) * (32.0 * std::pow(r, 3) + 25.0 * r * r + 8.0 * r + 1.0);
    case Kernel::wendland_c8:
      return std::pow(t, 10) * (429.0 * std::pow(r, 4) + 450.0 * std::pow(r, 3) + 210.0 * r * r + 50.0 * r + 5.0) / 5.0;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

BOOST_AUTO_TEST_CASE(kernel_values_match_their_formulas_on_every_instruction_set) {
  // Seven numbers do not fill the vector registers of any set.
  const std::vector<double> distances{0.0, 1e-160, 1e-8, 0.3, 0.999, 1.0, 1.7, 5.0, 26.0, 1e3, 1e30};
  for (const auto set : fieldfold::instruction_sets())
    for (const auto& kernel : fieldfold::kernels())
      for (const double r : distances) {
        std::vector<double> numbers(7, r * r);
        fieldfold::kernel_loops(set).kernel_values(kernel.kernel, numbers.data(), numbers.size());
        // r^2 has an error of half a rounding unit, which r^5 multiplies by 2.5 and exp(-r^2) by r^2.
        const double expected = formula(kernel.kernel, std::sqrt(r * r));
        // Near 1 the absolute error of the logarithm is a rounding unit.
        const double size = std::abs(expected) + (kernel.kernel == Kernel::thin_plate_spline ? r * r : 0.0);
        const double tolerance = 1e-15 * (10.0 + std::min(r * r, 700.0)) * size + 1e-300;
        for (const double number : numbers)
          BOOST_TEST(std::abs(number - expected) <= tolerance,
                     fieldfold::kernel_loops(set).name << " " << kernel.name << " at " << r);
      }
}

BOOST_AUTO_TEST_CASE(kernel_slopes_are_derivatives_in_the_squared_distance) {
  for (const auto set : fieldfold::instruction_sets())
    for (const auto& kernel : fieldfold::kernels()) {
      if (!kernel.differentiable) continue;
      for (const double q : {0.04, 0.3, 0.9, 2.5}) {
        double slope = q;
        fieldfold::kernel_loops(set).kernel_slopes(kernel.kernel, &slope, 1);
        const double h = 1e-4;
        const auto at = [&](double square) { return formula(kernel.kernel, std::sqrt(square)); };
        // The error of this difference is h^4 / 30 times the fifth derivative.
        const double difference = (8.0 * (at(q + h) - at(q - h)) - (at(q + 2.0 * h) - at(q - 2.0 * h))) / (12.0 * h);
        BOOST_TEST(std::abs(slope - difference) < 1e-8,
                   fieldfold::kernel_loops(set).name << " " << kernel.name << " at " << q);
      }
    }
}

BOOST_AUTO_TEST_CASE(thin_plate_splines_match_extended_precision) {
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
      // Two units in the last place of the logarithm, plus the rounding of the product.
      const double unit = std::max(std::abs(expected) * 2.3e-16, std::numeric_limits<double>::denorm_min());
      BOOST_TEST((values[i] == expected || std::abs(values[i] - expected) <= 2.5 * unit),
                 std::string(loops.name) << " of " << squares[i] << ": " << values[i]);
    }
    std::vector<double> special{0.0, infinity, std::numeric_limits<double>::quiet_NaN()};
    std::vector<double> slopes = special;
    loops.kernel_values(fieldfold::Kernel::thin_plate_spline, special.data(), special.size());
    BOOST_TEST(special[0] == 0.0);
    BOOST_TEST(special[1] == infinity);
    BOOST_TEST(std::isnan(special[2]));
    loops.kernel_slopes(fieldfold::Kernel::thin_plate_spline, slopes.data(), slopes.size());
    BOOST_TEST(slopes[0] == 0.0);
    BOOST_TEST(!std::isfinite(slopes[1]));
    BOOST_TEST(std::isnan(slopes[2]));
  }
}
