#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/temporary_folder.hpp"

import fieldfold.base.diagnostics;
import fieldfold.base.io;

namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::ptrdiff_t entries_of(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

}  // namespace

BOOST_AUTO_TEST_CASE(write_file_creates_and_replaces_a_file) {
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

BOOST_AUTO_TEST_CASE(threads_may_write_the_same_path) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.bin";
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 50; ++round) try {
          fieldfold::write_file(path,
                                [&](std::ostream& out) { out << std::string(1000, static_cast<char>('a' + thread)); });
        } catch (const fieldfold::FileError&) {
          ++failures;
        }
    });
  for (auto& thread : threads) thread.join();
  BOOST_TEST(failures == 0);
  const std::string content = content_of(path);
  BOOST_TEST((content == std::string(1000, content[0])));
  BOOST_TEST(entries_of(folder.path) == 1);
}

BOOST_AUTO_TEST_CASE(pipes_and_folders_are_rejected_without_blocking) {
  const TemporaryFolder folder;
  const auto pipe = folder.path / "pipe";
  BOOST_TEST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  BOOST_CHECK_THROW(fieldfold::write_file(pipe, [](std::ostream& out) { out << "x"; }), fieldfold::FileError);
  BOOST_TEST(std::filesystem::is_fifo(pipe));
  BOOST_CHECK_THROW(fieldfold::open_for_reading(pipe), fieldfold::FileError);
  BOOST_CHECK_THROW(fieldfold::open_for_reading(folder.path), fieldfold::FileError);
}

BOOST_AUTO_TEST_CASE(errors_name_the_path_that_cannot_be_written) {
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
