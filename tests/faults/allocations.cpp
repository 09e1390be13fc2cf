// Makes allocations of a program fail, counted from 0 when `main` begins. To be preloaded (LD_PRELOAD); the environment
// says which:
//   FAIL_ALLOCATION=K   allocation K fails
//   FAIL_FROM=K         allocation K and all later ones fail
//   COUNT_ALLOCATIONS   file to write their number to, when the program ends

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

std::atomic<long> count = -1;  // negative before main
long failing = -1;
long failing_from = -1;
int (*program_main)(int, char**, char**) = nullptr;

bool fails() {
  if (count < 0) return false;
  const long number = count++;
  if (number != failing && (failing_from < 0 || number < failing_from)) return false;
  errno = ENOMEM;
  return true;
}

long number_in(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? -1 : std::atol(text);
}

int counted_main(int argc, char** argv, char** environment) {
  failing = number_in("FAIL_ALLOCATION");
  failing_from = number_in("FAIL_FROM");
  count = 0;
  const int status = program_main(argc, argv, environment);
  const long counted = count.exchange(-1);
  if (const char* const path = std::getenv("COUNT_ALLOCATIONS")) {
    char text[32];
    const int length = std::snprintf(text, sizeof text, "%ld\n", counted);
    const int file = ::open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (::write(file, text, static_cast<size_t>(length)) != length) std::abort();
    ::close(file);
  }
  return status;
}

}  // namespace

extern "C" {

void* malloc(size_t size) { return fails() ? nullptr : __libc_malloc(size); }
void* calloc(size_t number, size_t size) { return fails() ? nullptr : __libc_calloc(number, size); }
void* realloc(void* memory, size_t size) { return fails() ? nullptr : __libc_realloc(memory, size); }
void* memalign(size_t alignment, size_t size) { return fails() ? nullptr : __libc_memalign(alignment, size); }
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*rtld_fini)(), void* stack_end) {
  program_main = main;
  const auto next = reinterpret_cast<decltype(&__libc_start_main)>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  return next(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
}
