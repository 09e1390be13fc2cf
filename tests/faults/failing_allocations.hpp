#pragma once

// Allocations that fail on demand. For the only file of a program.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {

enum class Failing : std::uint8_t { none, one, all_from };

std::atomic<Failing> failing = Failing::none;
std::atomic<long> allocations_left = 0;
std::atomic<bool> has_failed = false;
std::atomic<long> living = 0;
thread_local bool is_exempt = false;  // whether allocations of this thread neither fail nor count

bool fails() {
  if (failing == Failing::none || is_exempt) return false;
  const long left = allocations_left--;
  if (left > 0 || (left < 0 && failing == Failing::one)) return false;
  has_failed = true;
  errno = ENOMEM;
  return true;
}

void* counted(void* memory) {
  if (memory != nullptr) ++living;
  return memory;
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) { return fails() ? nullptr : counted(__libc_malloc(size)); }
void* calloc(std::size_t number, std::size_t size) { return fails() ? nullptr : counted(__libc_calloc(number, size)); }
void* realloc(void* memory, std::size_t size) {
  if (fails()) return nullptr;
  void* const moved = __libc_realloc(memory, size);
  return memory == nullptr ? counted(moved) : moved;
}
void* memalign(std::size_t alignment, std::size_t size) {
  return fails() ? nullptr : counted(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  if (memory != nullptr) --living;
  __libc_free(memory);
}
}
