#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.points.boxes;

#include "support/data/scattered_points.hpp"

namespace {

using fieldfold::Box;
using fieldfold::Cells;

/// A regular grid, where many points share each coordinate.
xt::xarray<double> grid(std::size_t side) {
  auto points = xt::xarray<double>::from_shape({side * side, 2});
  for (std::size_t i = 0; i < side * side; ++i) {
    points(i, 0) = static_cast<double>(i / side);
    points(i, 1) = static_cast<double>(i % side);
  }
  return points;
}

/// Points refined towards one face, over many scales.
xt::xarray<double> graded(std::size_t count, std::size_t dim) {
  auto points = scattered(count, dim);
  for (std::size_t i = 0; i < count; ++i) points(i, 0) = std::pow(points(i, 0), 5.0);
  return points;
}

bool contains(const Box& box, const double* point) {
  for (std::size_t axis = 0; axis < box.low.size(); ++axis)
    if (point[axis] < box.low[axis] || point[axis] > box.high[axis]) return false;
  return true;
}

double volume(const Box& box) {
  double product = 1.0;
  for (std::size_t axis = 0; axis < box.low.size(); ++axis) product *= box.high[axis] - box.low[axis];
  return product;
}

}  // namespace

BOOST_AUTO_TEST_CASE(cells_tile_the_domain_and_partition_the_points) {
  for (const auto& points :
       {scattered(1, 2), scattered(3000, 1), scattered(5000, 2), scattered(6000, 3), graded(5000, 2), grid(70)}) {
    const std::size_t n = points.shape(0);
    for (const std::size_t count : {std::size_t{1}, n / 37 + 1, n}) {
      const Cells cells(points, count);
      BOOST_TEST_REQUIRE(cells.size() == count);
      double filled = 0.0;
      for (std::size_t cell = 0; cell < count; ++cell) filled += volume(cells.box(cell));
      // The rounding error of a sum of positive numbers.
      BOOST_TEST(std::abs(filled - volume(cells.domain())) <=
                 3e-16 * static_cast<double>(count) * volume(cells.domain()));
      std::vector<std::size_t> order(cells.order().begin(), cells.order().end());
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t axis = 0; axis < points.shape(1); ++axis)
          BOOST_TEST_REQUIRE(cells.points()(i, axis) == points(order[i], axis));
      std::ranges::sort(order);
      for (std::size_t i = 0; i < n; ++i) BOOST_TEST_REQUIRE(order[i] == i);
    }
  }
}

BOOST_AUTO_TEST_CASE(points_are_found_in_their_cells_and_cells_are_balanced) {
  // No two of these points share a coordinate.
  for (const auto& points : {scattered(3000, 1), scattered(5000, 2), scattered(6000, 3), graded(5000, 2)}) {
    const std::size_t n = points.shape(0);
    for (const std::size_t count : {std::size_t{1}, n / 100, n / 37 + 1, n}) {
      const Cells cells(points, count);
      std::vector<std::size_t> found(n);
      cells.find(fieldfold::as_matrix(points), found);
      std::vector<double> members(count, 0.0);
      for (std::size_t i = 0; i < n; ++i) {
        BOOST_TEST_REQUIRE(contains(cells.box(found[i]), &points(i, 0)));
        members[found[i]] += 1.0;
      }
      // Each bisection rounds by less than one point, and later bisections halve this: less than 1 + 1/2 + 1/4 + ... =
      // 2.
      const double even = static_cast<double>(n) / static_cast<double>(count);
      for (const double number : members) BOOST_TEST_REQUIRE(std::abs(number - even) < 2.0);
      // Along the order, cells are ascending.
      for (std::size_t i = 1; i < n; ++i) BOOST_TEST_REQUIRE(found[cells.order()[i - 1]] <= found[cells.order()[i]]);
    }
  }
}

BOOST_AUTO_TEST_CASE(ties_are_split_in_the_given_order) {
  const Cells cells(xt::ones<double>({200, 2}), 13);
  for (std::size_t i = 0; i < 200; ++i) BOOST_TEST(cells.order()[i] == i);
  // The halves of a grid of 4 x 4 are its first two and its last two rows, in the given order.
  const Cells halves(grid(4), 2);
  for (std::size_t i = 0; i < 16; ++i) BOOST_TEST(halves.order()[i] == i);
}

BOOST_AUTO_TEST_CASE(box_queries_equal_exhaustive_search) {
  for (const auto& points : {scattered(5000, 2), scattered(4000, 3), graded(3000, 2), grid(50)}) {
    const std::size_t dim = points.shape(1);
    const Cells cells(points, 60);
    std::vector<std::size_t> found;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      Box box = cells.box(cell);
      for (std::size_t axis = 0; axis < dim; ++axis) {
        const double margin = 0.3 * (box.high[axis] - box.low[axis]);
        box.low[axis] -= margin;
        box.high[axis] += margin;
      }
      std::vector<std::size_t> expected;
      for (std::size_t i = 0; i < points.shape(0); ++i)
        if (contains(box, &cells.points()(i, 0))) expected.push_back(i);
      cells.inside(box, found);
      BOOST_TEST_REQUIRE(found == expected, boost::test_tools::per_element());
      expected.clear();
      for (std::size_t other = 0; other < cells.size(); ++other) {
        bool meets = true;
        for (std::size_t axis = 0; axis < dim; ++axis)
          meets = meets && cells.box(other).low[axis] <= box.high[axis] && cells.box(other).high[axis] >= box.low[axis];
        if (meets) expected.push_back(other);
      }
      cells.meeting(box, found);
      BOOST_TEST_REQUIRE(found == expected, boost::test_tools::per_element());
    }
  }
}
