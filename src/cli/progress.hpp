#pragma once

// Progress on a terminal, and the end by a signal.

#include <array>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>

namespace fieldfold::cli {

/// Thrown by `ProgressBar` after a signal, so that the work is undone.
struct Interrupted {};

/// While one exists, signals that end the program are noted instead; its destructor raises the one that was noted.
class NotedSignals {
 public:
  NotedSignals();
  NotedSignals(const NotedSignals&) = delete;
  NotedSignals& operator=(const NotedSignals&) = delete;
  ~NotedSignals();

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
  std::array<void (*)(int), signals.size()> before_{};
};

/// Shows on a terminal how much of the work is done, and throws `Interrupted` after a signal.
class ProgressBar {
 public:
  ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  void operator()(std::string_view phase, double share);
  void clear();

 private:
  bool is_terminal_;
  std::string shown_;
};

}  // namespace fieldfold::cli
