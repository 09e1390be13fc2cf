module;

#include <unistd.h>
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
      : path(target.parent_path() / message(".", target.filename().string(), ".", ::getpid(), ".part")) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

}  // namespace

void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  const TemporaryFile temporary(path);
  std::ofstream out(temporary.path, std::ios::binary | std::ios::trunc);
  if (!out) throw FileError(message(path.string(), ": cannot be written: ", std::strerror(errno)));
  write(out);
  out.close();
  if (!out) throw FileError(message(path.string(), ": writing failed: ", std::strerror(errno)));
  std::error_code failure;
  std::filesystem::rename(temporary.path, path, failure);
  if (failure) throw FileError(message(path.string(), ": cannot be written: ", failure.message()));
}

}  // namespace fieldfold
