#include <boost/test/unit_test.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
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

BOOST_AUTO_TEST_CASE(files_that_others_open_are_complete_or_absent) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.bin";
  const auto write = [](const char* text) {
    return [text](const std::filesystem::path& temporary) { std::ofstream(temporary) << text; };
  };
  fieldfold::write_file_at(path, write("one"));
  ::chmod(path.c_str(), 0640);
  fieldfold::write_file_at(path, write("two"));
  BOOST_TEST(content_of(path) == "two");
  BOOST_TEST((std::filesystem::status(path).permissions() == std::filesystem::perms{0640}));
  // The error of a library names the target.
  const auto fail = [](const std::filesystem::path& temporary) {
    BOOST_TEST(temporary.filename() == "a.bin");
    std::ofstream(temporary) << "half";
    throw fieldfold::FileError(temporary.string() + ": disk full");
  };
  try {
    fieldfold::write_file_at(path, fail);
    BOOST_ERROR("expected an error");
  } catch (const fieldfold::FileError& error) {
    BOOST_TEST(error.what() == path.string() + ": disk full");
  }
  BOOST_CHECK_THROW(fieldfold::write_file_at(path, [](const std::filesystem::path&) {}), fieldfold::FileError);
  BOOST_TEST(content_of(path) == "two");
  BOOST_TEST(entries_of(folder.path) == 1);
  // What a writer that was killed left behind is removed by the next one.
  const ::pid_t child = ::fork();
  if (child == 0) {
    fieldfold::write_file_at(path, [](const std::filesystem::path& temporary) {
      std::ofstream(temporary) << "half";
      ::raise(SIGKILL);
    });
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST(entries_of(folder.path) == 2);
  fieldfold::write_file_at(path, write("three"));
  BOOST_TEST(content_of(path) == "three");
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

BOOST_AUTO_TEST_CASE(permissions_of_a_replaced_file_stay) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.bin";
  std::ofstream(path) << "old";
  const auto permissions = [&] { return std::filesystem::status(path).permissions(); };
  for (const auto kept : {std::filesystem::perms(0600), std::filesystem::perms(0640), std::filesystem::perms(0664)}) {
    std::filesystem::permissions(path, kept);
    fieldfold::write_file(path, [](std::ostream& out) { out << "new"; });
    BOOST_TEST((permissions() == kept));
  }
  // A new file has those that the user's mask leaves.
  std::filesystem::remove(path);
  const ::mode_t before = ::umask(027);
  fieldfold::write_file(path, [](std::ostream& out) { out << "new"; });
  ::umask(before);
  BOOST_TEST((permissions() == std::filesystem::perms(0640)));
}

BOOST_AUTO_TEST_CASE(symbolic_links_are_followed) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path / "data");
  std::filesystem::create_symlink("data/a.bin", folder.path / "first");
  std::filesystem::create_symlink("first", folder.path / "link");
  for (const char* content : {"to a file that does not exist yet", "to one that does"}) {
    fieldfold::write_file(folder.path / "link", [&](std::ostream& out) { out << content; });
    BOOST_TEST(content_of(folder.path / "data" / "a.bin") == content);
    BOOST_TEST(
        (std::filesystem::is_symlink(folder.path / "link") && std::filesystem::is_symlink(folder.path / "first")));
  }
  std::filesystem::create_symlink("circle", folder.path / "circle");
  BOOST_CHECK_THROW(fieldfold::write_file(folder.path / "circle", [](std::ostream& out) { out << "x"; }),
                    fieldfold::FileError);
}

BOOST_AUTO_TEST_CASE(names_may_be_as_long_as_the_file_system_permits) {
  const TemporaryFolder folder;
  const auto path = folder.path / std::string(255, 'n');
  fieldfold::write_file(path, [](std::ostream& out) { out << "long"; });
  BOOST_TEST(content_of(path) == "long");
  BOOST_TEST(entries_of(folder.path) == 1);
}

BOOST_AUTO_TEST_CASE(a_file_above_the_limit_of_file_sizes_is_an_error_and_no_signal) {
  const TemporaryFolder folder;
  const auto path = folder.path / "a.bin";
  fieldfold::write_file(path, [](std::ostream& out) { out << "old"; });
  struct ::rlimit before{};
  BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  struct ::rlimit small = before;
  small.rlim_cur = 5000;
  BOOST_TEST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string text;
  try {
    fieldfold::write_file(path, [](std::ostream& out) { out << std::string(10'000'000, 'x'); });
  } catch (const fieldfold::FileError& error) {
    text = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  BOOST_TEST(text == path.string() + ": writing failed: File too large");
  BOOST_TEST(content_of(path) == "old");
  BOOST_TEST(entries_of(folder.path) == 1);
}

BOOST_AUTO_TEST_CASE(large_and_small_pieces_are_written_in_order) {
  const TemporaryFolder folder;
  std::string expected;
  for (std::size_t i = 0; i < 300; ++i) expected += std::string(i * i % 30'000, static_cast<char>('a' + i % 26));
  fieldfold::write_file(folder.path / "a.bin", [&](std::ostream& out) {
    for (std::size_t first = 0, i = 0; first < expected.size(); ++i) {
      const std::size_t length = std::min(i * i % 700'000 + 1, expected.size() - first);
      out.write(expected.data() + first, static_cast<std::streamsize>(length));
      first += length;
    }
  });
  BOOST_TEST((content_of(folder.path / "a.bin") == expected));
}
