#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.linalg.sparse;

BOOST_AUTO_TEST_CASE(reverse_cuthill_mckee_restores_the_band_of_shuffled_grids) {
  // Grids of 40 x 40 points with five entries per row, in the natural order a band of 40, and a line, a band of 1.
  for (const std::size_t width : {40U, 1U}) {
    const std::size_t count = width == 1 ? 200 : 1600;
    std::vector<std::uint32_t> number(count);
    std::iota(number.begin(), number.end(), 0U);
    std::ranges::shuffle(number, std::mt19937_64(3));
    std::vector<std::vector<std::uint32_t>> rows(count);
    const auto connect = [&](std::size_t i, std::size_t j) {
      rows[number[i]].push_back(number[j]);
      if (i != j) rows[number[j]].push_back(number[i]);
    };
    for (std::size_t i = 0; i < count; ++i) {
      connect(i, i);
      if (width > 1 && i % width + 1 < width) connect(i, i + 1);
      if (i + width < count) connect(i, i + width);
    }
    fieldfold::SparseRows matrix{.cols = count};
    for (auto& row : rows) {
      std::ranges::sort(row);
      matrix.columns.insert(matrix.columns.end(), row.begin(), row.end());
      matrix.offsets.push_back(matrix.columns.size());
    }
    const auto order = fieldfold::reverse_cuthill_mckee(matrix);
    auto sorted = order;
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < count; ++i) BOOST_TEST(sorted[i] == i);
    std::vector<std::size_t> place(count);
    for (std::size_t i = 0; i < count; ++i) place[order[i]] = i;
    std::size_t band = 0;
    for (std::size_t i = 0; i < count; ++i)
      for (std::uint64_t e = matrix.offsets[i]; e < matrix.offsets[i + 1]; ++e) {
        const std::size_t other = place[matrix.columns[e]];
        band = std::max(band, std::max(place[i], other) - std::min(place[i], other));
      }
    // A level of a search from a corner of the grid is a diagonal, of at most 40 points.
    BOOST_TEST(band <= (width == 1 ? 1U : 41U));
  }
}

BOOST_AUTO_TEST_CASE(unconnected_rows_are_ordered_too) {
  fieldfold::SparseRows matrix{.cols = 3, .offsets = {0, 1, 2, 3}, .columns = {0, 1, 2}, .weights = {1.0, 1.0, 1.0}};
  auto order = fieldfold::reverse_cuthill_mckee(matrix);
  std::ranges::sort(order);
  BOOST_TEST((order == std::vector<std::uint32_t>{0, 1, 2}));
}
