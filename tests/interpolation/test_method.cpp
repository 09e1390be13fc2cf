#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <string>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.interpolation.method;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

namespace {

/// The minimum that the concept requires.
struct FirstValue {
  xt::xarray<double> values;
  FirstValue(const fieldfold::ArrayRef<double>&, const fieldfold::ArrayRef<double>& given, const fieldfold::RBFOptions&)
      : values(given.copy()) {}
  xt::xarray<double> operator()(const fieldfold::ArrayRef<double>& queries) const {
    return xt::xarray<double>(xt::zeros<double>({queries.shape()[0]})) + values(0);
  }
};

static_assert(fieldfold::Interpolator<FirstValue>);
static_assert(fieldfold::Interpolator<fieldfold::RBFInterpolator>);
static_assert(!fieldfold::Interpolator<xt::xarray<double>>);

}  // namespace

BOOST_AUTO_TEST_CASE(method_rbf_equals_the_rbf_interpolator) {
  auto points = xt::xarray<double>::from_shape({20, 1});
  auto values = xt::xarray<double>::from_shape({20});
  for (std::size_t i = 0; i < 20; ++i) {
    points(i, 0) = 0.1 * static_cast<double>(i);
    values(i) = std::sin(points(i, 0));
  }
  const xt::xarray<double> queries = xt::view(points, xt::range(0, 19)) + 0.03;
  const fieldfold::RBFOptions options{.kernel = fieldfold::Kernel::cubic};
  const fieldfold::Interpolation interpolation{"rbf", options};
  const xt::xarray<double> direct = fieldfold::RBFInterpolator(points, values, options)(queries);
  BOOST_TEST(relative_difference(interpolation(points, values, queries), direct) == 0.0);
}

BOOST_AUTO_TEST_CASE(the_error_for_an_unknown_method_lists_the_known_ones) {
  const fieldfold::Interpolation interpolation{.method = "kriging"};
  try {
    interpolation.validate();
    BOOST_TEST(false, "no error");
  } catch (const fieldfold::InvalidArgument& error) {
    BOOST_TEST(std::string(error.what()) == "interpolate_method: expected one of " +
                                                fieldfold::listing(fieldfold::interpolation_methods()) +
                                                "; got kriging");
  }
}
