#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "support/temporary_folder.hpp"

import fieldfold.base.arrays;
import fieldfold.rows.store;

#include "support/data/waves.hpp"

BOOST_AUTO_TEST_CASE(scratch_store_keeps_rows_in_memory_or_on_disk) {
  const TemporaryFolder folder;
  const auto matrix = waves(40, 5);
  for (const std::size_t in_memory : {std::size_t{1} << 20, std::size_t{0}}) {
    fieldfold::ScratchStore<double> store(folder.path, in_memory);
    store.reserve(40, 5);
    std::vector<double> buffer;
    for (std::size_t first = 30;; first -= 10) {
      const auto space = store.workspace(first, 10, buffer);
      std::copy_n(&matrix(first, 0), 50, space.data);
      store.write(first, fieldfold::readable(space));
      if (first == 0) break;
    }
    const auto all = store.read(0, 40, buffer);
    BOOST_TEST(std::equal(matrix.begin(), matrix.end(), all.data));
    BOOST_TEST(std::filesystem::is_empty(folder.path));
  }
}
