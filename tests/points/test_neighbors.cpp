#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.points.neighbors;

namespace {

/// The nearest points by definition: all points sorted by distance, then index.
std::vector<std::size_t> nearest_by_sorting(const xt::xarray<double>& points, const double* query, std::size_t count) {
  std::vector<std::pair<double, std::size_t>> all;
  for (std::size_t i = 0; i < points.shape(0); ++i) {
    double squared = 0.0;
    for (std::size_t axis = 0; axis < points.shape(1); ++axis)
      squared += (points(i, axis) - query[axis]) * (points(i, axis) - query[axis]);
    all.emplace_back(squared, i);
  }
  std::ranges::sort(all);
  std::vector<std::size_t> indices(count);
  std::transform(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), indices.begin(),
                 [](const auto& entry) { return entry.second; });
  std::ranges::sort(indices);
  return indices;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ties_on_a_regular_grid_go_to_the_lower_index) {
  // Integer coordinates, so that distances tie exactly, and many more points than in one leaf of the tree.
  constexpr std::size_t side = 12;
  auto points = xt::xarray<double>::from_shape({side * side, std::size_t{2}});
  for (std::size_t i = 0; i < side * side; ++i) {
    points(i, 0) = static_cast<double>(i / side);
    points(i, 1) = static_cast<double>(i % side);
  }
  const fieldfold::NearestNeighbors search(fieldfold::as_matrix(std::as_const(points), side * side, 2));
  for (const std::size_t count : {1U, 2U, 5U, 7U, 33U, 144U})
    for (const double x : {-1.0, 0.0, 3.0, 5.5, 11.0})
      for (const double y : {0.5, 6.0, 20.0}) {
        const double query[] = {x, y};
        std::vector<std::size_t> found(count);
        search.find(query, found);
        std::ranges::sort(found);
        BOOST_TEST(found == nearest_by_sorting(points, query, count), boost::test_tools::per_element());
      }
}

BOOST_AUTO_TEST_CASE(a_walk_equals_independent_searches) {
  // Steps from nearly zero to the width of the domain, a repeated query, and ties.
  constexpr std::size_t side = 20;
  auto points = xt::xarray<double>::from_shape({side * side, std::size_t{2}});
  for (std::size_t i = 0; i < side * side; ++i) {
    points(i, 0) = static_cast<double>(i / side);
    points(i, 1) = static_cast<double>(i % side) + (i % 3 == 0 ? 0.0 : 0.25);
  }
  const fieldfold::NearestNeighbors search(fieldfold::as_matrix(std::as_const(points)));
  for (const std::size_t count : {1U, 4U, 30U, 400U}) {
    fieldfold::NearestNeighbors::Walk walk(search);
    for (int step = 0; step < 300; ++step) {
      const double size = step % 7 == 0 ? 19.0 : 0.05 * (step % 11);
      const double query[] = {std::fmod(size * step, 19.0), std::fmod(0.5 * size * step + 3.0, 19.0)};
      std::vector<std::size_t> found(count);
      std::vector<std::size_t> alone(count);
      walk.find(query, found);
      search.find(query, alone);
      BOOST_TEST(found == alone);
      std::ranges::sort(found);
      BOOST_TEST(found == nearest_by_sorting(points, query, count));
    }
  }
}
