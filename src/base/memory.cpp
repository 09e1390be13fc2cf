module;

#include <sys/resource.h>

module fieldfold.base.memory;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

/// A number of kB in a file of `NAME: NUMBER kB` lines.
std::optional<std::size_t> kilobytes_in(const char* path, std::string_view name) {
  std::ifstream in(path);
  std::string word;
  while (in >> word) {
    std::size_t number = 0;
    if (word == name && in >> number) return number;
  }
  return std::nullopt;
}

}  // namespace

std::size_t available_memory() {
  std::size_t available = unlimited;
  if (const auto free = kilobytes_in("/proc/meminfo", "MemAvailable:")) available = *free * 1024;
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    const std::size_t used = kilobytes_in("/proc/self/status", "VmSize:").value_or(0) * 1024;
    available = std::min<std::size_t>(available, limit.rlim_cur > used ? limit.rlim_cur - used : 0);
  }
  return available;
}

std::string bytes_text(std::size_t bytes) {
  double number = static_cast<double>(bytes);
  std::string_view unit = " bytes";
  for (const std::string_view larger : {" kB", " MB", " GB"}) {
    if (number < 1000.0) break;
    number /= 1000.0;
    unit = larger;
  }
  const double scale = number < 10.0 ? 10.0 : 1.0;
  return message(std::round(number * scale) / scale, unit);
}

}  // namespace fieldfold
