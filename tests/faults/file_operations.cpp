// Records the operations of a program on files, and makes one of them fail or end the program. To be preloaded
// (LD_PRELOAD); the environment says what happens:
//   FILE_OPERATIONS  file to append a line per operation to: its name, then what it is applied to
//   FAIL_AT=K        operation K, from 0 on, fails with FAIL_ERROR, a number of errno
//   KILL_AT=K        the program is killed by SIGKILL before operation K
//   NO_UNNAMED=1     files without a name are not supported

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

long number_in(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? -1 : std::atol(text);
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

using Open = int(int, const char*, int, ...);
using Write = ssize_t(int, const void*, size_t);

std::atomic<long> count = 0;

/// \returns  whether the operation may be done; otherwise errno is set
bool begins(const char* line) {
  const long number = count++;
  if (number == number_in("KILL_AT")) ::kill(::getpid(), SIGKILL);
  if (const char* const path = std::getenv("FILE_OPERATIONS")) {
    const int log = next<Open>("openat")(AT_FDCWD, path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    next<Write>("write")(log, line, std::strlen(line));
    ::close(log);
  }
  if (number != number_in("FAIL_AT")) return true;
  errno = static_cast<int>(number_in("FAIL_ERROR"));
  return false;
}

/// The inode of a file or folder; 0 for others, such as terminals and pipes.
unsigned long inode_of(int descriptor) {
  struct stat status{};
  const bool is_kept = ::fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
  return is_kept ? status.st_ino : 0;
}

template <class... Parts>
bool begins(const char* format, Parts... parts) {
  char line[1024];
  std::snprintf(line, sizeof line, format, parts...);
  return begins(line);
}

}  // namespace

extern "C" {

int openat64(int folder, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  const bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
  if (is_unnamed && number_in("NO_UNNAMED") == 1) {
    errno = EOPNOTSUPP;
    return -1;
  }
  const bool is_new = is_unnamed || (flags & O_CREAT) != 0;
  if (is_new && !begins("%s %s\n", is_unnamed ? "unnamed" : "create", path)) return -1;
  return next<Open>("openat64")(folder, path, flags, mode);
}

ssize_t write(int descriptor, const void* bytes, size_t length) {
  const unsigned long inode = inode_of(descriptor);
  if (inode != 0 && !begins("write %lu %zu\n", inode, length)) return -1;
  return next<Write>("write")(descriptor, bytes, length);
}

int fsync(int descriptor) {
  if (!begins("fsync %lu\n", inode_of(descriptor))) return -1;
  return next<int(int)>("fsync")(descriptor);
}

int linkat(int from, const char* path, int folder, const char* name, int flags) {
  struct stat status{};
  ::fstatat(from, path, &status, 0);
  if (!begins("link %lu %s\n", static_cast<unsigned long>(status.st_ino), name)) return -1;
  return next<int(int, const char*, int, const char*, int)>("linkat")(from, path, folder, name, flags);
}

int renameat(int from, const char* old_name, int to, const char* name) {
  struct stat status{};
  ::fstatat(from, old_name, &status, 0);
  if (!begins("rename %lu %s %s\n", static_cast<unsigned long>(status.st_ino), old_name, name)) return -1;
  return next<int(int, const char*, int, const char*)>("renameat")(from, old_name, to, name);
}
}
