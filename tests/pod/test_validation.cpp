#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>

#include "support/error_of.hpp"

import fieldfold;

#include "support/data/waves.hpp"

namespace {

fieldfold::MatrixRows<double> rows_of(const xt::xarray<double>& matrix) {
  return fieldfold::MatrixRows<double>(fieldfold::as_matrix(matrix));
}

/// A matrix of one column.
xt::xarray<double> column(double x, double y, double z) {
  auto result = xt::xarray<double>::from_shape({std::size_t{3}, std::size_t{1}});
  result(0, 0) = x;
  result(1, 0) = y;
  result(2, 0) = z;
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(errors_on_the_training_snapshots_are_those_of_learning) {
  const xt::xarray<double> matrix = 2.0 + waves(60, 12);
  for (const bool is_weighted : {false, true}) {
    fieldfold::FieldOptions field_opts{.center = true};
    if (is_weighted) {
      field_opts.point_weights = xt::linspace<double>(1.0, 3.0, 30);
      field_opts.normalize_field["q"] = {.method = fieldfold::NormalizationMethod::zscore};
    }
    fieldfold::SVD svd({.fields = {"p", "q"}}, {.field_opts = field_opts});
    svd.compute_map(matrix, {.rank = 2});
    const auto errors = fieldfold::projection_errors(svd, rows_of(matrix));
    for (std::size_t j = 0; j < 12; ++j) {
      BOOST_TEST(std::abs(errors.snapshots(j) - svd.errors().snapshots(j)) < 1e-9);
      for (std::size_t field = 0; field < 2; ++field)
        BOOST_TEST(std::abs(errors.snapshot_fields(j, field) - svd.errors().snapshot_fields(j, field)) < 1e-8);
    }
    for (std::size_t field = 0; field < 2; ++field)
      BOOST_TEST(std::abs(errors.fields(field) - svd.errors().fields(field)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(the_error_is_the_sine_of_the_angle_to_the_mode) {
  // One mode along the first axis; a snapshot at the angle a has the relative error sin a.
  fieldfold::SVD svd({}, {});
  svd.compute_map(column(2.0, 0.0, 0.0), {.rank = 1});
  auto snapshots = xt::xarray<double>::from_shape({std::size_t{3}, std::size_t{4}});
  const double angles[] = {0.0, 0.3, 1.2, std::numbers::pi / 2.0};
  for (std::size_t j = 0; j < 4; ++j) {
    snapshots(0, j) = 5.0 * std::cos(angles[j]);
    snapshots(1, j) = 5.0 * std::sin(angles[j]);
    snapshots(2, j) = 0.0;
  }
  const auto errors = fieldfold::projection_errors(svd, rows_of(snapshots));
  for (std::size_t j = 0; j < 4; ++j) BOOST_TEST(std::abs(errors.snapshots(j) - std::sin(angles[j])) < 1e-15);
  snapshots(1, 2) = std::numeric_limits<double>::quiet_NaN();
  const auto gappy = fieldfold::projection_errors(svd, rows_of(snapshots));
  BOOST_TEST(std::isnan(gappy.snapshots(2)));
  BOOST_TEST(std::abs(gappy.snapshots(1) - std::sin(0.3)) < 1e-15);
  // sqrt((sin^2 0 + sin^2 0.3 + 1) / 3)
  BOOST_TEST(std::abs(gappy.fields(0) - std::sqrt((std::pow(std::sin(0.3), 2) + 1.0) / 3.0)) < 1e-15);
  BOOST_TEST(error_of([&] { fieldfold::projection_errors(svd, rows_of(waves(4, 2))); }) ==
             "snapshots: expected 3 rows and at least one column, got 4 and 2");
}

BOOST_AUTO_TEST_CASE(angles_between_planes_are_those_of_geometry) {
  // The planes of the axes 1, 2 and of the axes 1 and cos(a) 2 + sin(a) 3: angles 0 and a, also a tiny one.
  for (const double angle : {1e-9, 0.4, std::numbers::pi / 2.0}) {
    fieldfold::SVD a({}, {});
    fieldfold::SVD b({}, {});
    a.compute_map(xt::xarray<double>{{3.0, 0.0}, {0.0, 2.0}, {0.0, 0.0}}, {.rank = 2});
    b.compute_map(xt::xarray<double>{{3.0, 0.0}, {0.0, 2.0 * std::cos(angle)}, {0.0, 2.0 * std::sin(angle)}},
                  {.rank = 2});
    const auto angles = fieldfold::principal_angles(a, b);
    BOOST_TEST(angles(0) < 1e-15);
    BOOST_TEST(std::abs(angles(1) - angle) < 1e-15);
  }
  // A line and a plane have one angle; in a weighted inner product it is another one.
  fieldfold::SVD plane({}, {.field_opts = {.point_weights = xt::xarray<double>{1.0, 1.0, 4.0}}});
  fieldfold::SVD line({}, {});
  plane.compute_map(xt::xarray<double>{{1.0, 0.0}, {0.0, 1.0}, {0.0, 0.0}}, {.rank = 2});
  line.compute_map(column(0.0, 1.0, 1.0), {.rank = 1});
  BOOST_TEST(std::abs(fieldfold::principal_angles(plane, line)(0) - std::atan(2.0)) < 1e-14);
}
