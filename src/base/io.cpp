module;

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

module fieldfold.base.io;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

/// Removes the file unless it has been renamed.
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

RandomAccessFile::RandomAccessFile(int descriptor, std::filesystem::path path)
    : descriptor_(descriptor), path_(std::move(path)) {}

RandomAccessFile::RandomAccessFile(const std::filesystem::path& path) : RandomAccessFile(-1, path) {
  open_for_reading(path);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) throw FileError(message(path.string(), ": cannot be read: ", std::strerror(errno)));
}

RandomAccessFile RandomAccessFile::without_name(const std::filesystem::path& folder) {
  const std::filesystem::path where = folder.empty() ? std::filesystem::path(".") : folder;
  std::string name = (where / ".fieldfold-XXXXXX").string();
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) throw FileError(message(where.string(), ": no file can be created here: ", std::strerror(errno)));
  ::unlink(name.c_str());
  return {descriptor, where};
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

RandomAccessFile::~RandomAccessFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RandomAccessFile::read(std::uint64_t offset, void* bytes, std::size_t count) const {
  for (std::size_t done = 0; done < count;) {
    const ::ssize_t got =
        ::pread(descriptor_, static_cast<char*>(bytes) + done, count - done, static_cast<::off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(message(path_.string(), ": reading failed: ", std::strerror(errno)));
    if (got == 0) throw FileError(message(path_.string(), ": reading failed: the file has been truncated"));
    done += static_cast<std::size_t>(got);
  }
}

void RandomAccessFile::write(std::uint64_t offset, const void* bytes, std::size_t count) {
  for (std::size_t done = 0; done < count;) {
    const ::ssize_t put = ::pwrite(descriptor_, static_cast<const char*>(bytes) + done, count - done,
                                   static_cast<::off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw FileError(message(path_.string(), ": writing failed: ", std::strerror(errno)));
    done += static_cast<std::size_t>(put);
  }
}

}  // namespace fieldfold
