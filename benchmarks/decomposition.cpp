// How close the decomposition comes to what the machine can do. Every row says seconds and their ratio to the limit:
// the operations of the Gram matrix and of the basis, `m n (n + 1) + 2 m n r`, at the rate of dgemm, and one read of
// the data at the bandwidth of memory, both measured on one thread in the same run.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

import fieldfold.arrays;
import fieldfold.decomposition;
import fieldfold.linalg;
import fieldfold.svd;

namespace {

using fieldfold::as_matrix;
using fieldfold::DecompositionMethod;

double seconds_of(const auto& action) {
  double best = 1e300;
  for (int repeat = 0; repeat < 3; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    action();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// Operations a second of dgemm on one thread.
double dgemm_rate() {
  static const double rate = [] {
    const fieldfold::SingleThreadedBLAS one_thread;
    constexpr std::size_t n = 1500;
    const xt::xarray<double> a = xt::ones<double>({n, n});
    xt::xarray<double> c = a;
    return 2.0 * n * n * n /
           seconds_of([&] { fieldfold::multiply(as_matrix(a, n, n), as_matrix(a, n, n), as_matrix(c, n, n)); });
  }();
  return rate;
}

/// Bytes a second that one thread reads.
double read_rate() {
  static const double rate = [] {
    const std::vector<double> numbers(std::size_t{1} << 26, 1.0);
    return static_cast<double>(numbers.size() * sizeof(double)) / seconds_of([&] {
             // Four sums, so that additions do not wait for each other.
             double sums[4] = {};
             for (std::size_t i = 0; i < numbers.size(); i += 4)
               for (std::size_t k = 0; k < 4; ++k) sums[k] += numbers[i + k];
             benchmark::DoNotOptimize(sums);
           });
  }();
  return rate;
}

/// Snapshots whose singular values fall from 1 to 1e-14, exponentially.
const xt::xarray<double>& snapshots(std::size_t m, std::size_t n) {
  static xt::xarray<double> matrix;
  if (matrix.dimension() == 2 && matrix.shape(0) == m && matrix.shape(1) == n) return matrix;
  matrix = xt::xarray<double>::from_shape({m, n});
  unsigned long long state = 1;
  const auto rows = as_matrix(matrix, m, n);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      const double uniform = static_cast<double>(state >> 11) / 9007199254740992.0 - 0.5;
      rows(i, j) = uniform * std::pow(10.0, -14.0 * static_cast<double>(j) / static_cast<double>(n));
    }
  return matrix;
}

void report(benchmark::State& state, std::size_t m, std::size_t n, const fieldfold::SVD& svd) {
  const auto rows = static_cast<double>(m);
  const auto cols = static_cast<double>(n);
  const double limit =
      (rows * cols * (cols + 1.0) + 2.0 * rows * cols * static_cast<double>(svd.rank())) / dgemm_rate() +
      rows * cols * sizeof(double) / read_rate();
  state.counters["rank"] = static_cast<double>(svd.rank());
  state.counters["limit_s"] = limit;
  state.counters["summary_s"] = svd.report().summary_seconds;
  state.counters["basis_s"] = svd.report().basis_seconds;
  // Google Benchmark divides by the iterations and the seconds they took together: limit / seconds, inverted.
  state.counters["times_limit"] =
      benchmark::Counter(limit, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetLabel(std::string(fieldfold::name_of(svd.report().method)));
}

void by_rank(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  fieldfold::SVD svd({.rank = 20, .threads = static_cast<std::size_t>(state.range(2))});
  const auto& matrix = snapshots(m, n);
  for (auto _ : state) svd.compute_map(matrix);
  report(state, m, n, svd);
}

void by_tolerance(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  fieldfold::SVD svd({.reconstruction_tol = 1e-10, .threads = static_cast<std::size_t>(state.range(2))});
  const auto& matrix = snapshots(m, n);
  for (auto _ : state) svd.compute_map(matrix);
  report(state, m, n, svd);
}

}  // namespace

BENCHMARK(by_rank)
    ->ArgNames({"m", "n", "threads"})
    ->Args({300'000, 200, 1})
    ->Args({300'000, 200, 2})
    ->Args({100'000, 500, 1})
    ->Args({100'000, 500, 2})
    ->Args({100'000, 200, 1})
    ->Iterations(3)
    ->UseRealTime()
    ->Unit(benchmark::kSecond);
BENCHMARK(by_tolerance)
    ->ArgNames({"m", "n", "threads"})
    ->Args({100'000, 200, 1})
    ->Args({100'000, 200, 2})
    ->Iterations(3)
    ->UseRealTime()
    ->Unit(benchmark::kSecond);
BENCHMARK_MAIN();
