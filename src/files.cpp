module;

#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <system_error>

module fieldfold.files;

import fieldfold.diagnostics;

namespace fieldfold {
namespace {

/// Removes the file unless it has been renamed away.
struct TemporaryFile {
  std::filesystem::path path;
  explicit TemporaryFile(const std::filesystem::path& target)
      : path(target.parent_path() /
             message(".", target.filename().string(), ".", ::getpid(), "-", serial_number(), ".part")) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }

  static int serial_number() {
    static std::atomic<int> last = 0;
    return ++last;
  }
};

}  // namespace

void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw FileError(message(path.string(), ": cannot be written: it is not a regular file"));
  const TemporaryFile temporary(path);
  errno = 0;
  std::ofstream out(temporary.path, std::ios::binary | std::ios::trunc);
  if (!out) throw FileError(message(path.string(), ": cannot be written: ", std::strerror(errno)));
  write(out);
  out.close();
  if (!out) throw FileError(message(path.string(), ": writing failed: ", std::strerror(errno == 0 ? EIO : errno)));
  std::filesystem::rename(temporary.path, path, failure);
  if (failure) throw FileError(message(path.string(), ": cannot be written: ", failure.message()));
}

std::ifstream open_for_reading(const std::filesystem::path& path) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw FileError(message(path.string(), ": cannot be read: it is not a regular file"));
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FileError(message(path.string(), ": cannot be read: ", std::strerror(errno)));
  return in;
}

}  // namespace fieldfold
