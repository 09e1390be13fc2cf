module fieldfold.base.diagnostics;

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

std::string digits(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

WarningHandler set_warning_handler(WarningHandler handler) {
  const std::scoped_lock lock(channel().guard);
  return std::exchange(channel().handler, std::move(handler));
}

namespace {
thread_local int silencers = 0;
}  // namespace

SilencedWarnings::SilencedWarnings() { ++silencers; }

SilencedWarnings::~SilencedWarnings() { --silencers; }

void warn(std::string_view sentence) {
  if (silencers > 0) return;
  WarningHandler handler;
  {
    const std::scoped_lock lock(channel().guard);
    handler = channel().handler;
  }
  if (handler) handler(sentence);
}

}  // namespace fieldfold
