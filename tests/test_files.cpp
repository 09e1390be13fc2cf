#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "temporary_folder.hpp"

import fieldfold.diagnostics;
import fieldfold.files;

namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::ptrdiff_t entries_of(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_written_and_replaced) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.bin";
  fieldfold::write_file(path, [](std::ostream& out) { out << "one"; });
  BOOST_TEST(content_of(path) == "one");
  fieldfold::write_file(path, [](std::ostream& out) { out << "two"; });
  BOOST_TEST(content_of(path) == "two");
  BOOST_TEST(entries_of(folder.path) == 1);
}

BOOST_AUTO_TEST_CASE(a_failing_writer_leaves_the_old_file_and_nothing_else) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.bin";
  fieldfold::write_file(path, [](std::ostream& out) { out << "old"; });
  BOOST_CHECK_THROW(fieldfold::write_file(path,
                                          [](std::ostream& out) {
                                            out << "half of the n";
                                            throw std::runtime_error("stop");
                                          }),
                    std::runtime_error);
  BOOST_CHECK_THROW(fieldfold::write_file(path, [](std::ostream& out) { out.setstate(std::ios::badbit); }),
                    fieldfold::FileError);
  BOOST_TEST(content_of(path) == "old");
  BOOST_TEST(entries_of(folder.path) == 1);
}

BOOST_AUTO_TEST_CASE(where_nothing_can_be_written_is_an_error_that_names_it) {
  const TemporaryFolder folder;
  const auto write = [](std::ostream& out) { out << "x"; };
  const auto path = folder.path / "missing" / "a.bin";
  try {
    fieldfold::write_file(path, write);
    BOOST_TEST(false, "no error");
  } catch (const fieldfold::FileError& error) {
    BOOST_TEST(std::string(error.what()).find(path.string()) == 0U);
  }
  BOOST_CHECK_THROW(fieldfold::write_file(folder.path, write), fieldfold::FileError);
}
