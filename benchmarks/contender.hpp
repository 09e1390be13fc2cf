#pragma once

// Timing for the contenders of peers.py and interpolation_peers.py.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

template <class Action>
double seconds_for(const Action& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  return numbers[numbers.size() / 2];
}

template <class Action>
double median_seconds(int repeats, const Action& action) {
  std::vector<double> seconds;
  for (int repeat = 0; repeat < repeats; ++repeat) seconds.push_back(seconds_for(action));
  return median(seconds);
}

/// Builds and applies an object several times, and prints the median seconds of both as JSON.
template <class Build, class Apply>
void build_and_apply(int repeats, const Build& build, const Apply& apply) {
  std::vector<double> built;
  std::vector<double> applied;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    const auto made = build();
    built.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    applied.push_back(seconds_for([&] { apply(made); }));
  }
  std::printf("{\"build\": %.6f, \"apply\": %.6f}\n", median(built), median(applied));
}
