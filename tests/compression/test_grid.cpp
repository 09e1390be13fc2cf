#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/linear_fields.hpp"

namespace {

using fieldfold::Compression;
using fieldfold::Fields;
using fieldfold::InvalidArgument;
using fieldfold::Shape;

Compression two_fields(const xt::xarray<double>& coords) {
  return Compression({.fields = {"u", "v"}, .coords = coords});
}

}  // namespace

BOOST_AUTO_TEST_CASE(sizes_follow_from_fields_and_coords) {
  const auto compression = two_fields(grid(4));
  BOOST_TEST(compression.dim() == 2U);
  BOOST_TEST(compression.num_pts() == 16U);
  BOOST_TEST(compression.num_qoi() == 2U);
  BOOST_TEST(compression.dof() == 32U);
  const Compression line({.coords = xt::xarray<double>{0.0, 1.0, 2.0}});
  BOOST_TEST(line.dim() == 1U);
  BOOST_TEST(line.num_pts() == 3U);
  BOOST_TEST(line.num_qoi() == 1U);
  BOOST_TEST(shape_of(line.coords()) == (Shape{3, 1}));
}

BOOST_AUTO_TEST_CASE(without_coords_fields_are_joined_but_not_interpolated) {
  const Compression compression({.fields = {"u", "v"}});
  BOOST_CHECK_THROW(compression.dim(), fieldfold::NotReady);
  BOOST_CHECK_THROW(compression.dof(), fieldfold::NotReady);
  const Fields fields{{"u", {{1.0, 2.0, 3.0}}}, {"v", {{4.0, 5.0, 6.0}}}};
  BOOST_TEST((compression.join_fields(fields) == xt::xarray<double>{{1.0, 4.0, 2.0, 5.0, 3.0, 6.0}}));
  BOOST_TEST(error_of([&] { compression.interpolate_to_grid(grid(3), fields); }).find("coords are missing") == 0U);
}

BOOST_AUTO_TEST_CASE(split_and_join_are_inverse_for_every_loop_shape) {
  const auto compression = two_fields(grid(3));
  for (const Shape& loop_shape : std::vector<Shape>{{}, {1}, {4}, {2, 3}, {0}, {2, 0, 3}}) {
    auto states = xt::xarray<double>::from_shape(fieldfold::joined(loop_shape, {18}));
    double next = 0.0;
    for (double& value : states) value = next++;
    const auto fields = compression.split_fields(states);
    BOOST_TEST(shape_of(fields.at("v")) == fieldfold::joined(loop_shape, {9}));
    BOOST_TEST((compression.join_fields(fields) == states));
  }
}

BOOST_AUTO_TEST_CASE(fields_of_a_point_are_adjacent_in_a_state) {
  const Compression compression({.fields = {"b", "a"}, .coords = xt::xarray<double>{0.0, 1.0}});
  const Fields fields{{"a", {10.0, 11.0}}, {"b", {20.0, 21.0}}, {"unknown", {0.0}}};
  BOOST_TEST((compression.join_fields(fields) == xt::xarray<double>{20.0, 10.0, 21.0, 11.0}));
}

BOOST_AUTO_TEST_CASE(linear_fields_are_interpolated_exactly_between_grids) {
  const auto compression = two_fields(grid(5));
  const auto elsewhere = grid(7);
  const auto there = linear_fields(elsewhere, 3);
  const auto states = compression.interpolate_to_grid(elsewhere, there);
  BOOST_TEST(relative_difference(states, compression.join_fields(linear_fields(grid(5), 3))) < 1e-13);
  const auto back = compression.interpolate_from_grid(states, elsewhere);
  for (const auto& name : {"u", "v"}) BOOST_TEST(relative_difference(back.at(name), there.at(name)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(coordinate_shapes_are_kept) {
  const auto compression = two_fields(grid(4));
  const auto states = compression.join_fields(linear_fields(grid(4), 6));
  xt::xarray<double> stacked = states;
  stacked.reshape({2, 3, 32});
  xt::xarray<double> coords = 0.5 * grid(6);
  coords.reshape({4, 9, 2});
  const auto fields = compression.interpolate_from_grid(stacked, coords);
  BOOST_TEST(shape_of(fields.at("u")) == (Shape{2, 3, 4, 9}));
  BOOST_TEST(shape_of(compression.interpolate_to_grid(coords, fields)) == (Shape{2, 3, 32}));
  const auto single = compression.interpolate_from_grid(xt::view(states, 0), coords);
  BOOST_TEST(shape_of(single.at("u")) == (Shape{4, 9}));
  const auto none = compression.interpolate_from_grid(xt::view(states, xt::range(0, 0)), coords);
  BOOST_TEST(shape_of(none.at("u")) == (Shape{0, 4, 9}));
}

BOOST_AUTO_TEST_CASE(a_flat_coordinate_array_is_points_on_a_line_or_one_point) {
  const Compression line({.fields = {"f"}, .coords = xt::xarray<double>{0.0, 1.0, 2.0}});
  const auto on_line = line.interpolate_from_grid(xt::xarray<double>{1.0, 3.0, 5.0}, xt::xarray<double>{0.25, 1.5});
  BOOST_TEST(shape_of(on_line.at("f")) == Shape{2});
  BOOST_TEST(relative_difference(on_line.at("f"), xt::xarray<double>{1.5, 4.0}) < 1e-14);
  const auto plane = two_fields(grid(3));
  const auto states = plane.join_fields(linear_fields(grid(3), 4));
  const auto at_point = plane.interpolate_from_grid(states, xt::xarray<double>{0.3, 0.4});
  BOOST_TEST(shape_of(at_point.at("u")) == (Shape{4, 1}));
  BOOST_TEST(std::abs(at_point.at("u")(0, 0) - (1.0 + 0.3 - 0.8)) < 1e-13);
}

BOOST_AUTO_TEST_CASE(coordinates_of_the_grid_bypass_interpolation) {
  // Smoothing would change the values, so unchanged values show that nothing was interpolated.
  const xt::xarray<double> coords = grid(4);
  const Compression compression({.fields = {"u", "v"}, .coords = coords, .interpolate_opts = {.smoothing = 1.0}});
  auto fields = linear_fields(coords, 2);
  for (double& value : fields.at("u")) value = std::sin(100.0 * value);
  const auto states = compression.interpolate_to_grid(coords, fields);
  BOOST_TEST((states == compression.join_fields(fields)));
  BOOST_TEST((compression.interpolate_from_grid(states, coords).at("u") == fields.at("u")));

  const auto is_bypassed = [&](const xt::xarray<double>& given) {
    const bool in = compression.interpolate_to_grid(given, fields) == states;
    const bool out = compression.interpolate_from_grid(states, given).at("u") == fields.at("u");
    BOOST_TEST(in == out);
    return in;
  };
  // The spacing is 1/3: a move by 1e-5 of it is ignored, in both directions.
  BOOST_TEST(is_bypassed(coords + 1e-6));
  BOOST_TEST(!is_bypassed(coords + 1e-5));
  BOOST_TEST(is_bypassed(xt::xarray<double>(xt::cast<double>(xt::xarray<float>(xt::cast<float>(coords))))));
}

BOOST_AUTO_TEST_CASE(a_move_counts_relative_to_the_spacing_of_the_grid_not_to_its_coordinates) {
  // Eastings and northings in meters, seconds since 1970, and nanometres: {origin, spacing, move} of both axes.
  struct Case {
    double origin[2];
    double spacing[2];
    double move[2];
  };
  for (const auto& [origin, spacing, move] :
       {Case{{5e5, 4.6e6}, {10.0, 10.0}, {4.0, 0.0}}, Case{{5e5, 4.6e6}, {10.0, 10.0}, {0.0, 40.0}},
        Case{{1.7e9, 0.0}, {10.0, 1.0}, {4.0, 0.0}}, Case{{0.0, 0.0}, {1e-9, 1e-9}, {4e-10, 0.0}}}) {
    auto coords = grid(5);
    auto moved = coords;
    for (std::size_t p = 0; p < 25; ++p)
      for (std::size_t axis = 0; axis < 2; ++axis) {
        coords(p, axis) = origin[axis] + 4.0 * spacing[axis] * coords(p, axis);
        moved(p, axis) = coords(p, axis) + move[axis];
      }
    const auto plane = [&](const xt::xarray<double>& points) {
      auto values = xt::xarray<double>::from_shape({std::size_t{25}});
      for (std::size_t p = 0; p < 25; ++p)
        values(p) = 1.0 + (points(p, 0) - origin[0]) / spacing[0] - (points(p, 1) - origin[1]) / spacing[1];
      return values;
    };
    const Compression compression({.fields = {"u"}, .coords = coords});
    // Coordinates of 5e6 at a spacing of 10 have rounding errors of 1e-10 of it.
    const auto found = compression.interpolate_from_grid(plane(coords), moved).at("u");
    BOOST_TEST(relative_difference(found, plane(moved)) < 1e-8);
    BOOST_TEST(relative_difference(compression.interpolate_to_grid(moved, {{"u", plane(moved)}}), plane(coords)) <
               1e-8);
  }
}

BOOST_AUTO_TEST_CASE(fields_have_the_shape_of_the_grid) {
  const auto flat = grid(4);
  auto coords = flat;
  coords.reshape({4, 4, 2});
  const auto states = two_fields(flat).join_fields(linear_fields(flat, 3));
  const Compression by_coords({.fields = {"u", "v"}, .coords = coords});
  BOOST_TEST(by_coords.grid_shape() == (Shape{4, 4}));
  BOOST_TEST(by_coords.num_pts() == 16U);
  BOOST_TEST(by_coords.dim() == 2U);
  for (const Compression& compression : {by_coords, Compression({.fields = {"u", "v"}, .grid_shape = {4, 4}})}) {
    const auto fields = compression.split_fields(states);
    BOOST_TEST(shape_of(fields.at("v")) == (Shape{3, 4, 4}));
    BOOST_TEST((compression.join_fields(fields) == states));
  }
  const auto fields = by_coords.interpolate_from_grid(states, coords);
  BOOST_TEST(shape_of(fields.at("u")) == (Shape{3, 4, 4}));
  BOOST_TEST((by_coords.interpolate_to_grid(coords, fields) == states));
  BOOST_TEST(shape_of(by_coords.interpolate_from_grid(states, flat).at("u")) == (Shape{3, 16}));
  BOOST_CHECK_THROW(Compression({.coords = coords, .grid_shape = {2, 8}}), InvalidArgument);
  BOOST_CHECK_THROW(by_coords.join_fields(linear_fields(flat, 3)), InvalidArgument);
}

BOOST_AUTO_TEST_CASE(points_without_a_value_are_skipped_where_requested) {
  const auto coords = grid(5);
  const auto points = grid(7);
  auto fields = linear_fields(points, 4);
  const auto expected = two_fields(coords).interpolate_to_grid(points, fields);
  // Sample 0 is complete, 1 and 2 have different holes, and the field v of sample 3 has no value at all.
  fields.at("u")(1, 5) = fields.at("v")(1, 5) = fields.at("u")(2, 40) = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t p = 0; p < 49; ++p) fields.at("v")(3, p) = std::numeric_limits<double>::quiet_NaN();
  const Compression compression({.fields = {"u", "v"}, .coords = coords, .holes = fieldfold::Holes::skip});
  const auto states = compression.interpolate_to_grid(points, fields);
  // Linear functions are reproduced from the other points.
  for (std::size_t i = 0; i < 50; ++i) {
    for (std::size_t sample = 0; sample < 3; ++sample)
      BOOST_TEST(std::abs(states(sample, i) - expected(sample, i)) < 1e-12);
    BOOST_TEST((i % 2 == 0 ? std::abs(states(3, i) - expected(3, i)) < 1e-12 : std::isnan(states(3, i))));
  }
  const auto propagated = compression.interpolate_to_grid(points, fields, fieldfold::Holes::propagate);
  BOOST_TEST(std::isnan(propagated(1, 0)));
  BOOST_TEST(!std::isnan(propagated(0, 0)));
}

BOOST_AUTO_TEST_CASE(each_sample_may_have_its_own_grid) {
  const auto compression = two_fields(grid(5));
  const fieldfold::CoordsPerSample coords{grid(6), xt::xarray<double>::from_shape({0, 2}), grid(5), grid(4)};
  std::vector<Fields> values;
  for (const auto& points : coords) values.push_back(points.size() == 0 ? Fields{} : linear_fields(points, 2));
  values[3] = {};
  const auto states = compression.interpolate_to_grid(coords, values);
  BOOST_TEST(shape_of(states) == (Shape{4, 2, 50}));
  const auto expected = compression.join_fields(linear_fields(grid(5), 2));
  for (const std::size_t sample : {0U, 2U})
    BOOST_TEST(relative_difference(xt::xarray<double>(xt::view(states, sample)), expected) < 1e-13);
  for (const std::size_t sample : {1U, 3U})
    for (const double value : xt::xarray<double>(xt::view(states, sample))) BOOST_TEST(std::isnan(value));

  const auto back =
      compression.interpolate_from_grid(xt::view(states, xt::range(0, 3)), {coords.begin(), coords.begin() + 3});
  BOOST_TEST(back.size() == 3U);
  BOOST_TEST(relative_difference(back[0].at("v"), values[0].at("v")) < 1e-13);
  BOOST_TEST(back[1].empty());
  const auto all_missing = compression.interpolate_to_grid(fieldfold::CoordsPerSample(2), std::vector<Fields>(2));
  BOOST_TEST(shape_of(all_missing) == (Shape{2, 50}));
}

BOOST_AUTO_TEST_CASE(single_precision_fields_are_interpolated) {
  const fieldfold::BasicCompression<float> compression({.fields = {"f"}, .coords = xt::xarray<double>{0.0, 1.0, 2.0}});
  const auto fields = compression.interpolate_from_grid(xt::xarray<float>{1.0F, 3.0F, 5.0F}, xt::xarray<double>{0.5});
  BOOST_TEST(fields.at("f")(0) == 2.0F);
}

BOOST_AUTO_TEST_CASE(errors_name_the_invalid_argument) {
  const auto compression = two_fields(grid(3));
  const auto fields = linear_fields(grid(4), 2);
  const auto expect = [](const std::string& part, const auto& action) {
    const std::string what = error_of(action);
    BOOST_TEST(what.find(part) != std::string::npos, "expected \"" << part << "\" in \"" << what << "\"");
    BOOST_CHECK_THROW(action(), InvalidArgument);
  };
  expect("fields: expected distinct names", [] { Compression({.fields = {"u", "u"}}); });
  expect("coords: expected the shape (num_pts, dim)", [] { Compression({.coords = xt::xarray<double>(3.0)}); });
  expect("grid_shape: expected at least one point", [] { Compression({.grid_shape = {3, 0}}); });
  expect("coords: expected the shape", [] { Compression({.coords = xt::xarray<double>::from_shape({0, 2})}); });
  expect("coords: expected finite",
         [] { Compression({.coords = xt::xarray<double>{0.0, std::numeric_limits<double>::infinity()}}); });
  expect("interpolate_method: expected one of rbf", [] { Compression({.interpolate_method = "magic"}); });
  expect("epsilon: must be given", [] { Compression({.interpolate_opts = {.kernel = fieldfold::Kernel::gaussian}}); });
  expect("fields: expected one named v, got u",
         [&] { compression.interpolate_to_grid(grid(4), {{"u", fields.at("u")}}); });
  expect("field u: expected a shape ending in (16,), got (2, 9)",
         [&] { compression.interpolate_to_grid(grid(4), linear_fields(grid(3), 2)); });
  expect("field v: expected the loop shape (2,) of the field u, got (3,)", [&] {
    compression.interpolate_to_grid(grid(4), {{"u", fields.at("u")}, {"v", linear_fields(grid(4), 3).at("v")}});
  });
  expect("field_coords: expected points of dimension 2",
         [&] { compression.interpolate_to_grid(xt::xarray<double>::from_shape({4, 3}), fields); });
  expect("states: expected a shape ending in (18,), got (17,)",
         [&] { compression.interpolate_from_grid(xt::xarray<double>::from_shape({17}), grid(4)); });
  expect("new_coords: expected points of dimension 2, (*coord_shape, 2), got (3,)", [&] {
    compression.interpolate_from_grid(xt::xarray<double>::from_shape({18}), xt::xarray<double>{1., 2., 3.});
  });
  expect("new_coords: expected finite",
         [&] { compression.interpolate_from_grid(xt::zeros<double>({18}), xt::xarray<double>{0.5, NAN}); });
  expect("field_coords: expected at least one point",
         [&] { compression.interpolate_to_grid(xt::xarray<double>::from_shape({0, 2}), fields); });
  expect("fields: expected names, got an empty one", [] { Compression({.fields = {"u", ""}}); });
  expect("field field: expected at least one point",
         [] { Compression().join_fields({{"field", xt::xarray<double>::from_shape({1ULL << 60, 0})}}); });
  expect("field_values: expected one set of fields for each of the 2 field_coords, got 1",
         [&] { compression.interpolate_to_grid(fieldfold::CoordsPerSample(2), std::vector<Fields>(1)); });
}

BOOST_AUTO_TEST_CASE(cached_operators_equal_uncached_interpolation) {
  const auto coords = grid(9);
  const xt::xarray<double> elsewhere = 0.8 * grid(7) + 0.05;
  for (const bool global : {true, false}) {
    fieldfold::RBFOptions options;
    if (!global) options.neighbors = 12;
    const Compression cached({.fields = {"u", "v"}, .coords = coords, .interpolate_opts = options});
    const Compression uncached(
        {.fields = {"u", "v"}, .coords = coords, .interpolate_opts = options, .operator_cache_bytes = 0});
    const auto states = cached.join_fields(linear_fields(coords, 3));
    for (int time = 0; time < 2; ++time) {
      const auto there = cached.interpolate_from_grid(states, elsewhere);
      BOOST_TEST(relative_difference(there.at("u"), uncached.interpolate_from_grid(states, elsewhere).at("u")) < 1e-11);
      BOOST_TEST(relative_difference(cached.interpolate_to_grid(elsewhere, there),
                                     uncached.interpolate_to_grid(elsewhere, there)) < 1e-10);
    }
    // The factorizations on both grids, or the weights of each query in both directions.
    const std::size_t expected = global ? (81 * 81 + 49 * 49) * 8 : (81 + 49) * (12 * 12 + 4) + (50 + 82) * 8;
    BOOST_TEST(cached.interpolation().bytes() == expected);
    BOOST_TEST(uncached.interpolation().bytes() == 0U);
    cached.interpolation().clear();
    BOOST_TEST(cached.interpolation().bytes() == 0U);
  }
}
