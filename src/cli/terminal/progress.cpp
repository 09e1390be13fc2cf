#include "progress.hpp"

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "session.hpp"

namespace fieldfold::cli {
namespace {

volatile std::sig_atomic_t caught_signal = 0;

/// Whether a bar has the line of the terminal.
std::atomic<bool> has_bar = false;

int num_noting = 0;

}  // namespace

NotedSignals::NotedSignals() {
  if (num_noting++ > 0) return;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    before_[i] = std::signal(signals[i], [](int signal) { caught_signal = signal; });
    // Ignored signals stay ignored, as nohup requires.
    if (before_[i] == SIG_IGN) std::signal(signals[i], SIG_IGN);
  }
}

NotedSignals::~NotedSignals() {
  if (--num_noting > 0) return;
  for (std::size_t i = 0; i < signals.size(); ++i) std::signal(signals[i], before_[i]);
  if (caught_signal != 0) std::raise(caught_signal);
}

std::string progress_line(std::string_view phase, double share, double seconds, double amount, std::string_view unit) {
  constexpr int width = 30;
  share = std::clamp(share, 0.0, 1.0);
  const int done = static_cast<int>(width * share);
  std::ostringstream line;
  line << std::left << std::setw(10) << phase << '[' << std::string(static_cast<std::size_t>(done), '#')
       << std::string(static_cast<std::size_t>(width - done), ' ') << "] " << static_cast<int>(100.0 * share) << " %";
  line << std::setprecision(3);
  if (amount > 0.0 && seconds > 0.0 && share > 0.0) line << ", " << share * amount / seconds << ' ' << unit << "/s";
  if (share > 0.0 && seconds >= 1.0) {
    const auto left = static_cast<long>(std::ceil(seconds * (1.0 - share) / share));
    line << ", ";
    if (left >= 3600) line << left / 3600 << " h ";
    if (left >= 60) line << left % 3600 / 60 << " min ";
    line << left % 60 << " s left";
  }
  return line.str();
}

ProgressBar::ProgressBar(double amount, std::string unit)
    : is_terminal_(::isatty(STDERR_FILENO) == 1), amount_(amount), unit_(std::move(unit)) {}

void ProgressBar::clear() {
  if (std::exchange(shown_, {}).empty()) return;
  std::cerr << "\r\33[K" << std::flush;
  has_bar = false;
}

void ProgressBar::operator()(std::string_view phase, double share) {
  if (caught_signal != 0) throw Interrupted();
  if (!is_terminal_ || session().is_quiet) return;
  const auto now = Clock::now();
  if (phase_ != phase) {
    phase_ = phase;
    phase_start_ = now;
  }
  if (now - start_ < std::chrono::seconds(1)) return;
  const double seconds = std::chrono::duration<double>(now - phase_start_).count();
  std::string line = progress_line(phase, share, seconds, amount_, unit_);
  if (line == shown_) return;
  has_bar = true;
  std::cerr << "\r" << line << "\33[K" << std::flush;
  shown_ = std::move(line);
}

Ticker::Ticker(std::string what) : what_(std::move(what)) {
  if (::isatty(STDERR_FILENO) != 1 || session().is_quiet) return;
  thread_ = std::thread([this] {
    std::unique_lock lock(guard_);
    for (int seconds = 1; !ended_.wait_for(lock, std::chrono::seconds(1), [this] { return has_ended_; }); ++seconds)
      if (!has_bar) std::cerr << '\r' + what_ + ", " + std::to_string(seconds) + " s" << std::flush;
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
