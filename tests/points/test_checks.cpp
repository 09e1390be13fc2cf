#include <boost/test/unit_test.hpp>

#include <limits>
#include <vector>

#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.points.checks;

using fieldfold::checked_points;
using fieldfold::InvalidArgument;

BOOST_AUTO_TEST_CASE(checked_points_are_a_view_of_the_array) {
  const xt::xarray<double> points{{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}};
  for (const auto& rows : {checked_points(points, "queries"), checked_points(points, 2, "queries")}) {
    BOOST_TEST(rows.data == points.data());
    BOOST_TEST((rows.rows == 3U && rows.cols == 2U && rows(2, 1) == 6.0));
  }
  // An empty set of points is valid.
  BOOST_TEST(checked_points(xt::xarray<double>::from_shape({0, 2}), 2, "queries").rows == 0U);
}

BOOST_AUTO_TEST_CASE(arrays_that_are_not_points_are_rejected) {
  const auto error_for = [](const xt::xarray<double>& points) {
    BOOST_CHECK_THROW(checked_points(points, "queries"), InvalidArgument);
    // Such an array has no dimension to compare with the expected one.
    BOOST_CHECK_THROW(checked_points(points, 2, "queries"), InvalidArgument);
    const auto what = error_of([&] { checked_points(points, "queries"); });
    BOOST_TEST(error_of([&] { checked_points(points, 2, "queries"); }) == what);
    return what;
  };
  BOOST_TEST(error_for(xt::xarray<double>{1.0, 2.0}) ==
             "queries: expected a 2-D array (number, dimension), got the shape (2,)");
  BOOST_TEST(error_for(xt::xarray<double>::from_shape({2, 3, 4})) ==
             "queries: expected a 2-D array (number, dimension), got the shape (2, 3, 4)");
  BOOST_TEST(error_for(xt::xarray<double>::from_shape({3, 0})) ==
             "queries: expected a 2-D array (number, dimension), got the shape (3, 0)");
}

BOOST_AUTO_TEST_CASE(points_of_another_dimension_are_rejected) {
  const xt::xarray<double> points{{1.0, 2.0, 3.0}};
  BOOST_CHECK_THROW(checked_points(points, 2, "new_coords"), InvalidArgument);
  BOOST_TEST(error_of([&] { checked_points(points, 2, "new_coords"); }) ==
             "new_coords: expected points of dimension 2, got 3");
}

BOOST_AUTO_TEST_CASE(nonfinite_coordinates_are_rejected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  const auto error_for = [](double first, double second) {
    const std::vector<double> coordinates{0.0, first, second};
    return error_of([&] { fieldfold::expect_finite_coordinates(coordinates, "coords"); });
  };
  // The error names the first nonfinite coordinate.
  BOOST_TEST(error_for(not_a_number, infinity) == "coords: expected finite coordinates, got nan");
  BOOST_TEST(error_for(infinity, not_a_number) == "coords: expected finite coordinates, got inf");
  BOOST_TEST(error_for(1.0, -infinity) == "coords: expected finite coordinates, got -inf");
  BOOST_TEST(error_for(1.0, std::numeric_limits<double>::max()) == "no error");
  const std::vector<double> with_nan{not_a_number};
  BOOST_CHECK_THROW(fieldfold::expect_finite_coordinates(with_nan, "coords"), InvalidArgument);
  BOOST_CHECK_NO_THROW(fieldfold::expect_finite_coordinates({}, "coords"));
  const xt::xarray<double> points{{1.0, 2.0}, {not_a_number, 4.0}};
  BOOST_TEST(error_of([&] { checked_points(points, "points"); }) == "points: expected finite coordinates, got nan");
}
