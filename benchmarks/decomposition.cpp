// The decomposition compared with the limit of the machine. Every row gives the seconds and their ratio to the limit:
// the operations of the Gram matrix and of the basis, `m n (n + 1) + 2 m n r`, at the rate of dgemm, and one read of
// the data at the bandwidth of memory, both measured on one thread in the same run.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>

#include "machine.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.truncated_svd;
import fieldfold.pod.svd;

namespace {

template <class T>
void report(benchmark::State& state, std::size_t m, std::size_t n, const fieldfold::BasicSVD<T>& svd) {
  const auto rows = static_cast<double>(m);
  const auto cols = static_cast<double>(n);
  const double limit =
      (rows * cols * (cols + 1.0) + 2.0 * rows * cols * static_cast<double>(svd.rank())) / dgemm_rate() +
      rows * cols * sizeof(double) / read_rate();
  state.counters["rank"] = static_cast<double>(svd.rank());
  state.counters["limit_s"] = limit;
  state.counters["summary_s"] = svd.report().summary_seconds;
  state.counters["basis_s"] = svd.report().basis_seconds;
  // Google Benchmark divides by the iterations and their total seconds: limit / seconds, inverted.
  state.counters["times_limit"] =
      benchmark::Counter(limit, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.SetLabel(std::string(fieldfold::name_of(svd.report().method)));
}

void by_rank(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  fieldfold::SVD svd({}, {.rule = {.rank = 20}, .threads = static_cast<std::size_t>(state.range(2))});
  const auto& matrix = snapshots_of(m, n);
  for (auto _ : state) svd.compute_map(matrix);
  report(state, m, n, svd);
}

/// `by_rank` in single precision; the limit is that of double.
void single_by_rank(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  fieldfold::BasicSVD<float> svd({}, {.rule = {.rank = 20}, .threads = static_cast<std::size_t>(state.range(2))});
  const xt::xarray<float> matrix = xt::cast<float>(snapshots_of(m, n));
  for (auto _ : state) svd.compute_map(matrix);
  report(state, m, n, svd);
}

void by_tolerance(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  fieldfold::SVD svd({}, {.rule = {.reconstruction_tol = 1e-10}, .threads = static_cast<std::size_t>(state.range(2))});
  const auto& matrix = snapshots_of(m, n);
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
    ->Args({100'000, 2'000, 1})
    ->Args({100'000, 2'000, 2})
    ->Iterations(1)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime()
    ->Unit(benchmark::kSecond);
BENCHMARK(single_by_rank)
    ->ArgNames({"m", "n", "threads"})
    ->Args({300'000, 200, 1})
    ->Iterations(1)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime()
    ->Unit(benchmark::kSecond);
BENCHMARK(by_tolerance)
    ->ArgNames({"m", "n", "threads"})
    ->Args({100'000, 200, 1})
    ->Args({100'000, 200, 2})
    ->Iterations(1)
    ->Repetitions(5)
    ->ReportAggregatesOnly()
    ->UseRealTime()
    ->Unit(benchmark::kSecond);
BENCHMARK_MAIN();
