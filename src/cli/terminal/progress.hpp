#pragma once

// Progress on a terminal, and termination by signals.

#include <array>
#include <chrono>
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

/// While one exists, termination signals are only noted; the destructor of the outermost one raises the noted one.
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

/// A progress bar with the rate and the time that remains, shown on a terminal only, for what takes more than a second.
/// It throws `Interrupted` after a signal that is noted.
class ProgressBar {
 public:
  /// \param amount  of all the work, for the rate; 0: no rate  \param unit  of the amount, such as MB
  explicit ProgressBar(double amount = 0.0, std::string unit = "MB");
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  /// Shows the share of a phase that is done.
  void operator()(std::string_view phase, double share);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_terminal_;
  double amount_;
  std::string unit_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point phase_start_ = Clock::now();
  std::string phase_;
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

/// The line of a progress bar. \param seconds  since the start of the phase
std::string progress_line(std::string_view phase, double share, double seconds, double amount, std::string_view unit);

}  // namespace fieldfold::cli
