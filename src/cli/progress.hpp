#pragma once

// Progress on a terminal, and termination by signals.

#include <array>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace fieldfold::cli {

/// Thrown by `ProgressBar` after a signal, to abort the work and clean up.
struct Interrupted {};

/// While one exists, termination signals are only noted; its destructor raises the noted one.
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

/// A progress bar, shown on a terminal only. It throws `Interrupted` after a signal.
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

/// Shows on a terminal, after a second, for how many seconds an action has been running.
class Ticker {
 public:
  explicit Ticker(std::string what);
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker();

 private:
  std::string what_;
  std::mutex guard_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread thread_;
};

}  // namespace fieldfold::cli
