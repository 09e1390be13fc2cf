module;

#include <iostream>
#include <mutex>
#include <string_view>
#include <utility>

module fieldfold.diagnostics;

namespace fieldfold {
namespace {

struct Channel {
  std::mutex guard;
  WarningHandler handler = [](std::string_view sentence) {
    std::cerr << message("fieldfold: warning: ", sentence, "\n");
  };
};

Channel& channel() {
  static Channel only;
  return only;
}

}  // namespace

WarningHandler set_warning_handler(WarningHandler handler) {
  const std::scoped_lock lock(channel().guard);
  return std::exchange(channel().handler, std::move(handler));
}

void warn(std::string_view sentence) {
  WarningHandler handler;
  {
    const std::scoped_lock lock(channel().guard);
    handler = channel().handler;
  }
  if (handler) handler(sentence);
}

}  // namespace fieldfold
