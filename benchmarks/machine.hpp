#pragma once

// The limits of the machine, measured in the same run, and the snapshots of the benchmarks.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.linalg.dense;

inline double seconds_of(const auto& action) {
  double best = 1e300;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    action();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// Operations per second of dgemm on one thread.
inline double dgemm_rate() {
  static const double rate = [] {
    const fieldfold::SingleThreadedBLAS one_thread;
    constexpr std::size_t n = 1500;
    const xt::xarray<double> a = xt::ones<double>({n, n});
    xt::xarray<double> c = a;
    return 2.0 * n * n * n / seconds_of([&] {
             fieldfold::multiply(fieldfold::as_matrix(a), fieldfold::as_matrix(a), fieldfold::as_matrix(c));
           });
  }();
  return rate;
}

/// Bytes read per second by one thread.
inline double read_rate() {
  static const double rate = [] {
    const std::vector<double> numbers(std::size_t{1} << 26, 1.0);
    return static_cast<double>(numbers.size() * sizeof(double)) / seconds_of([&] {
             // Four partial sums, so that additions overlap.
             double sums[4] = {};
             for (std::size_t i = 0; i < numbers.size(); i += 4)
               for (std::size_t k = 0; k < 4; ++k) sums[k] += numbers[i + k];
             benchmark::DoNotOptimize(sums);
           });
  }();
  return rate;
}

/// Snapshots whose singular values decay exponentially from 1 to 1e-14.
inline const xt::xarray<double>& snapshots_of(std::size_t m, std::size_t n) {
  static xt::xarray<double> matrix;
  if (matrix.dimension() == 2 && matrix.shape(0) == m && matrix.shape(1) == n) return matrix;
  matrix = xt::xarray<double>::from_shape({m, n});
  unsigned long long state = 1;
  const auto rows = fieldfold::as_matrix(matrix);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      const double uniform = static_cast<double>(state >> 11) / 9007199254740992.0 - 0.5;
      rows(i, j) = uniform * std::pow(10.0, -14.0 * static_cast<double>(j) / static_cast<double>(n));
    }
  return matrix;
}
