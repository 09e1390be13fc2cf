#include "progress.hpp"

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace fieldfold::cli {
namespace {

volatile std::sig_atomic_t caught_signal = 0;

}  // namespace

NotedSignals::NotedSignals() {
  for (std::size_t i = 0; i < signals.size(); ++i) {
    before_[i] = std::signal(signals[i], [](int signal) { caught_signal = signal; });
    // Ignored signals stay ignored, as nohup requires.
    if (before_[i] == SIG_IGN) std::signal(signals[i], SIG_IGN);
  }
}

NotedSignals::~NotedSignals() {
  for (std::size_t i = 0; i < signals.size(); ++i) std::signal(signals[i], before_[i]);
  if (caught_signal != 0) std::raise(caught_signal);
}

ProgressBar::ProgressBar() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressBar::clear() {
  if (!std::exchange(shown_, {}).empty()) std::cerr << "\r\33[K" << std::flush;
}

void ProgressBar::operator()(std::string_view phase, double share) {
  if (caught_signal != 0) throw Interrupted();
  if (!is_terminal_) return;
  constexpr int width = 40;
  const int done = static_cast<int>(width * std::clamp(share, 0.0, 1.0));
  std::ostringstream line;
  line << std::left << std::setw(8) << phase << '[' << std::string(static_cast<std::size_t>(done), '#')
       << std::string(static_cast<std::size_t>(width - done), ' ') << "] " << static_cast<int>(100.0 * share) << " %";
  if (line.str() == shown_) return;
  shown_ = line.str();
  std::cerr << '\r' << shown_ << std::flush;
}

Ticker::Ticker(std::string what) : what_(std::move(what)) {
  if (::isatty(STDERR_FILENO) != 1) return;
  thread_ = std::thread([this] {
    std::unique_lock lock(guard_);
    for (int seconds = 1; !ended_.wait_for(lock, std::chrono::seconds(1), [this] { return has_ended_; }); ++seconds)
      std::cerr << '\r' + what_ + ", " + std::to_string(seconds) + " s" << std::flush;
    std::cerr << "\r\33[K" << std::flush;
  });
}

Ticker::~Ticker() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(guard_);
    has_ended_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

}  // namespace fieldfold::cli
