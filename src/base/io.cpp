module;

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>
#include <tuple>

module fieldfold.base.io;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

namespace fs = std::filesystem;

/// While one exists, a write beyond the limit of file sizes (RLIMIT_FSIZE) fails in its thread, as on a full disk; the
/// signal that accompanies it would end the program.
class WithoutFileSizeSignal {
 public:
  WithoutFileSizeSignal() {
    ::sigemptyset(&own_);
    ::sigaddset(&own_, SIGXFSZ);
    ::sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGXFSZ) == 1;
    ::pthread_sigmask(SIG_BLOCK, &own_, &before_);
  }
  WithoutFileSizeSignal(const WithoutFileSizeSignal&) = delete;
  WithoutFileSizeSignal& operator=(const WithoutFileSizeSignal&) = delete;
  ~WithoutFileSizeSignal() {
    const int error = errno;
    constexpr ::timespec at_once{};
    while (!was_pending_ && ::sigtimedwait(&own_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  ::sigset_t own_{};
  ::sigset_t before_{};
  bool was_pending_ = false;
};

/// A descriptor that is closed with this object.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

/// Writes to a descriptor. The first error is kept.
class DescriptorBuffer final : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor) : descriptor_(descriptor), memory_(std::size_t{1} << 18) {
    setp(memory_.data(), memory_.data() + memory_.size());
  }
  int error() const { return error_; }

 protected:
  int_type overflow(int_type byte) override {
    if (sync() != 0) return traits_type::eof();
    if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
    return sputc(traits_type::to_char_type(byte));
  }
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    if (count == 0) return 0;
    if (count <= epptr() - pptr()) {
      std::memcpy(pptr(), bytes, static_cast<std::size_t>(count));
      pbump(static_cast<int>(count));
      return count;
    }
    return sync() == 0 && write(bytes, static_cast<std::size_t>(count)) ? count : 0;
  }
  int sync() override {
    const bool done = write(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    setp(memory_.data(), memory_.data() + memory_.size());
    return done ? 0 : -1;
  }

 private:
  bool write(const char* bytes, std::size_t count) {
    const WithoutFileSizeSignal no_signal;
    while (error_ == 0 && count > 0) {
      const ::ssize_t put = ::write(descriptor_, bytes, count);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        error_ = put == 0 ? EIO : errno;
      } else {
        bytes += put;
        count -= static_cast<std::size_t>(put);
      }
    }
    return error_ == 0;
  }

  int descriptor_;
  std::vector<char> memory_;
  int error_ = 0;
};

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  throw FileError(message(path.string(), ": cannot be written: ", std::strerror(error)));
}

/// The file that a path leads to: symbolic links are followed, also to files that do not exist yet.
fs::path followed(fs::path path) {
  constexpr int most_links = 40;
  std::error_code failure;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, failure)); ++links) {
    if (links == most_links) cannot_write(path, ELOOP);
    const fs::path target = fs::read_symlink(path, failure);
    if (failure) cannot_write(path, failure.value());
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return path;
}

/// The regular file that a path leads to, or will.
fs::path file_of(const fs::path& path) {
  std::error_code failure;
  const auto status = fs::status(path, failure);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw FileError(message(path.string(), ": cannot be written: it is not a regular file"));
  if (path.filename().empty()) cannot_write(path, EISDIR);
  return followed(path);
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// Who opens a file that is written.
enum class Opener {
  us,      ///< by a descriptor
  others,  ///< by a path, in a folder of its own
};

/// A file in the folder of a target, which it replaces once it is complete. It has no name until then, where the file
/// system permits that, so that nothing is left of it however the program ends. Elsewhere it has a name of its own,
/// nobody else's file is opened, and a lock shows that its writer is alive: the next writer of the target removes the
/// files of dead ones. A file that others open has a folder to itself, which has the lock, as they may lock the file.
class Replacement {
 public:
  Replacement(const fs::path& target, Opener opener)
      : target_(target), folder_(open_folder(target)), prefix_(prefix_of(target.filename())) {
    struct ::stat existing{};
    if (::fstatat(folder_.number(), name().c_str(), &existing, 0) == 0) {
      if (!S_ISREG(existing.st_mode))
        throw FileError(message(target.string(), ": cannot be written: it is not a regular file"));
      // A file that is protected against writing is not replaced.
      if (::faccessat(folder_.number(), name().c_str(), W_OK, AT_EACCESS) != 0) cannot_write(target, errno);
      existing_ = existing;
    } else if (errno != ENOENT) {
      cannot_write(target, errno);
    }
    remove_abandoned();
    if (opener == Opener::others) {
      while (own_folder_.empty()) make_folder();
      return;
    }
    open_unnamed();
    while (!descriptor_ || !descriptor_->is_open()) open_named();
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (!temporary_.empty()) ::unlinkat(folder_.number(), temporary_.c_str(), 0);
    std::error_code ignored;
    if (!own_folder_.empty()) fs::remove_all(own_folder_, ignored);
  }

  int descriptor() const { return descriptor_->number(); }

  /// The path at which others create the file.
  fs::path path() const { return own_folder_ / target_.filename(); }

  /// Puts the file in the place of the target, and waits until both the file and its name are on the disk.
  void commit() {
    if (!own_folder_.empty()) {
      descriptor_.emplace(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
      if (!descriptor_->is_open()) fail();
    }
    if (existing_) {
      // Permissions stay; so does the owner, as far as the user may set it.
      if (existing_->st_uid != ::geteuid() || existing_->st_gid != ::getegid())
        std::ignore = ::fchown(descriptor(), existing_->st_uid, existing_->st_gid);
      std::ignore = ::fchmod(descriptor(), existing_->st_mode & 07777);
    }
    if (::fsync(descriptor()) != 0 && errno != EINVAL) fail();
    if (!own_folder_.empty()) {
      if (::renameat(AT_FDCWD, path().c_str(), folder_.number(), name().c_str()) != 0) fail();
      return sync_folder();
    }
    while (temporary_.empty()) {
      // Nothing that may throw comes between a name in the folder and its note here.
      std::string fresh = fresh_name();
      const std::string own = message("/proc/self/fd/", descriptor());
      if (::linkat(AT_FDCWD, own.c_str(), folder_.number(), fresh.c_str(), AT_SYMLINK_FOLLOW) == 0)
        temporary_ = std::move(fresh);
      else if (errno != EEXIST)
        fail();
    }
    if (::renameat(folder_.number(), temporary_.c_str(), folder_.number(), name().c_str()) != 0) fail();
    temporary_.clear();
    sync_folder();
  }

 private:
  std::string name() const { return target_.filename().string(); }
  [[noreturn]] void fail() const { cannot_write(target_, errno); }

  void sync_folder() const {
    if (::fsync(folder_.number()) != 0 && errno != EINVAL && errno != EBADF) fail();
  }

  static Descriptor open_folder(const fs::path& target) {
    const fs::path path = folder_of(target);
    Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A folder that cannot be listed cannot be synchronized either.
    if (!folder.is_open() && errno == EACCES) return Descriptor(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) cannot_write(target, errno);
    return folder;
  }

  /// The names of temporary files of a target, which may be as long as the file system permits.
  static std::string prefix_of(const fs::path& name) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), ".fieldfold-%016zx-", std::hash<std::string>{}(name.string()));
    return text.data();
  }
  std::string fresh_name() const {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%08x", std::random_device{}());
    return prefix_ + text.data();
  }

  /// A new file may be read by whom the user permits, but not while it replaces one with other permissions.
  ::mode_t first_mode() const { return existing_ ? 0600 : 0666; }

  void open_unnamed() {
    if (::access("/proc/self/fd", X_OK) != 0) return;
    descriptor_.emplace(::openat(folder_.number(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, first_mode()));
    if (!descriptor_->is_open()) return;
    std::ignore = ::flock(descriptor(), LOCK_EX | LOCK_NB);
  }

  void make_folder() {
    const fs::path path = folder_of(target_) / fresh_name();
    if (::mkdir(path.c_str(), 0700) != 0) {
      if (errno != EEXIST) fail();
      return;
    }
    lock_.emplace(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct ::stat opened{};
    struct ::stat named{};
    // Another writer may have taken it for abandoned before it was locked.
    const bool is_own = lock_->is_open() &&
                        (::flock(lock_->number(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
                        ::fstat(lock_->number(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
                        opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
    if (is_own) own_folder_ = path;
  }

  void open_named() {
    std::string fresh = fresh_name();
    descriptor_.emplace(
        ::openat(folder_.number(), fresh.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, first_mode()));
    if (!descriptor_->is_open()) {
      if (errno != EEXIST) fail();
      return;
    }
    temporary_ = std::move(fresh);
    struct ::stat status{};
    // Another writer may have taken it for abandoned before it was locked.
    if ((::flock(descriptor(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
        (::fstat(descriptor(), &status) == 0 && status.st_nlink == 0)) {
      ::unlinkat(folder_.number(), temporary_.c_str(), 0);
      temporary_.clear();
      descriptor_.reset();
    }
  }

  void remove_abandoned() const {
    // std::filesystem::directory_iterator ends the program when it runs out of memory.
    struct Close {
      void operator()(::DIR* folder) const { ::closedir(folder); }
    };
    const int folder = ::openat(folder_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<::DIR, Close> entries(folder < 0 ? nullptr : ::fdopendir(folder));
    if (folder >= 0 && !entries) ::close(folder);
    while (const ::dirent* const entry = entries ? ::readdir(entries.get()) : nullptr) {
      const char* const found = entry->d_name;
      if (!std::string_view(found).starts_with(prefix_)) continue;
      const Descriptor file(::openat(folder_.number(), found, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
      struct ::stat opened{};
      struct ::stat named{};
      // A lock that can be had belongs to nobody; the name may have gone to another file meanwhile.
      const bool is_abandoned = file.is_open() && ::fstat(file.number(), &opened) == 0 &&
                                opened.st_uid == ::geteuid() && ::flock(file.number(), LOCK_EX | LOCK_NB) == 0 &&
                                ::fstatat(folder_.number(), found, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                                named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
      std::error_code ignored;
      if (is_abandoned && S_ISREG(opened.st_mode)) ::unlinkat(folder_.number(), found, 0);
      if (is_abandoned && S_ISDIR(opened.st_mode)) fs::remove_all(folder_of(target_) / found, ignored);
    }
  }

  fs::path target_;
  Descriptor folder_;
  std::string prefix_;
  std::optional<struct ::stat> existing_;
  std::optional<Descriptor> descriptor_;
  std::string temporary_;  ///< its name; empty: none
  fs::path own_folder_;    ///< of a file that others open; empty: none
  std::optional<Descriptor> lock_;
};

}  // namespace

void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  Replacement replacement(file_of(path), Opener::us);
  DescriptorBuffer buffer(replacement.descriptor());
  std::ostream out(&buffer);
  write(out);
  if (!out.flush())
    throw FileError(
        message(path.string(), ": writing failed: ", std::strerror(buffer.error() == 0 ? EIO : buffer.error())));
  replacement.commit();
}

void write_file_at(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write) {
  Replacement replacement(file_of(path), Opener::others);
  const std::string temporary = replacement.path().string();
  try {
    const WithoutFileSizeSignal no_signal;
    write(temporary);
  } catch (const FileError& error) {
    std::string text = error.what();
    if (const std::size_t found = text.find(temporary); found != text.npos)
      text.replace(found, temporary.size(), path.string());
    if (!text.starts_with(path.string())) text.insert(0, path.string() + ": ");
    constexpr std::uintmax_t little = std::uintmax_t{1} << 20;
    std::error_code failure;
    if (const auto space = fs::space(folder_of(path), failure); !failure && space.available < little)
      text += "; the disk is full";
    throw FileError(text);
  }
  replacement.commit();
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
  int descriptor = ::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    std::string name = (where / ".fieldfold-XXXXXX").string();
    descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0)
      throw FileError(message(where.string(), ": no file can be created here: ", std::strerror(errno)));
    ::unlink(name.c_str());
  }
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
  const WithoutFileSizeSignal no_signal;
  for (std::size_t done = 0; done < count;) {
    const ::ssize_t put = ::pwrite(descriptor_, static_cast<const char*>(bytes) + done, count - done,
                                   static_cast<::off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) throw FileError(message(path_.string(), ": writing failed: ", std::strerror(errno)));
    done += static_cast<std::size_t>(put);
  }
}

}  // namespace fieldfold
