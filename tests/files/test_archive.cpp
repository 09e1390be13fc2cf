#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/fold_file.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.files.map;
import fieldfold.pod.svd;
import fieldfold.rbf.kernel;

#include "support/data/maps.hpp"

namespace {

using fieldfold::FileError;
using fieldfold::SVD;

/// Whether the file is rejected. Any outcome but a `FileError` or a valid map fails the test; a valid one has an
/// outline.
bool is_rejected(const std::filesystem::path& path) {
  bool has_outline = false;
  try {
    fieldfold::load_outline(path);
    has_outline = true;
  } catch (const FileError&) {
  }
  try {
    const auto any = fieldfold::load(path);
    // An accepted file must hold a valid map.
    const auto* svd = any.target<SVD>();
    if (svd != nullptr && svd->map_exists()) BOOST_TEST((std::isfinite(svd->energy()) && svd->rank() > 0));
    BOOST_TEST(has_outline);
  } catch (const FileError&) {
    return true;
  }
  return false;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(truncated_altered_and_extended_files_are_rejected, Files) {
  fieldfold::save(path, learned<float>());
  const std::string good = content();
  for (std::size_t length = 0; length < good.size(); ++length) {
    write(good.substr(0, length));
    BOOST_TEST_REQUIRE(is_rejected(path), "truncated to " << length);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    write(bad);
    BOOST_TEST_REQUIRE(is_rejected(path), "flipped a bit of byte " << i);
  }
  write(good + "x");
  BOOST_TEST(is_rejected(path));
  write(good + good);
  BOOST_TEST(is_rejected(path));
  write(good);
  BOOST_TEST(!is_rejected(path));
}

BOOST_FIXTURE_TEST_CASE(corrupt_payloads_with_valid_checksums_do_no_harm, Files) {
  fieldfold::save(path, learned<double>());
  const std::string good = content();
  // Bytes that make numbers of the payload small, huge or negative.
  const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  std::size_t rejected = 0;
  for (std::size_t i = 8; i + 16 < good.size(); ++i)
    for (const unsigned char value : values) {
      std::string bad = good;
      bad[i] = static_cast<char>(value);
      seal(bad);
      write(bad);
      rejected += is_rejected(path);
    }
  BOOST_TEST(rejected > 100U);
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    for (int change = 0; change < 4; ++change) bad[8 + random() % (bad.size() - 24)] = static_cast<char>(random());
    if (round % 2 == 0) bad.erase(8 + random() % (bad.size() - 40), 1 + random() % 16);
    seal(bad);
    write(bad);
    is_rejected(path);
  }
}

BOOST_FIXTURE_TEST_CASE(damage_to_a_field_space_is_detected, Files) {
  fieldfold::save(path, learned_in_space<float>(small_mass()));
  const std::string good = content();
  for (std::size_t length = 0; length < good.size(); length += 3) {
    write(good.substr(0, length));
    BOOST_TEST_REQUIRE(is_rejected(path), "truncated to " << length);
  }
  // With a valid checksum, the file must be rejected or hold a valid map.
  for (std::size_t i = 9; i < good.size() - 16; ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    seal(bad);
    write(bad);
    is_rejected(path);
  }
}

BOOST_FIXTURE_TEST_CASE(errors_name_unknown_versions_and_foreign_files, Files) {
  const auto error = [&] {
    try {
      fieldfold::load(path);
    } catch (const FileError& failure) {
      return std::string(failure.what());
    }
    return std::string("no error");
  };
  BOOST_TEST(error().find("cannot be read") != std::string::npos);
  write("this is a text file and longer than the shortest map could be");
  BOOST_TEST(error() == path.string() + ": it is not a fieldfold file");
  fieldfold::save(path, SVD());
  std::string next = content();
  next[9] = 6;  // after the magic number and the byte order
  seal(next);
  write(next);
  BOOST_TEST(error() == path.string() + ": its format version is 6; this library reads 1 to 5");
  BOOST_CHECK_THROW(fieldfold::load(folder.path), FileError);
  BOOST_CHECK_THROW(fieldfold::save(folder.path / "no" / "map.fold", SVD()), FileError);
}
