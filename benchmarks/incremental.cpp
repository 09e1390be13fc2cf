// The incremental decomposition compared with the limit of the machine: seconds, and their ratio to the operations of
// Brand's update, `4 m r + 2 m r^2` per snapshot, at the rate of dgemm, measured on one thread in the same run.

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "machine.hpp"

import fieldfold.base.arrays;
import fieldfold.pod.incremental;

namespace {

void by_rank(benchmark::State& state) {
  constexpr std::size_t dof = 100'000;
  constexpr std::size_t updates = 200;
  constexpr std::size_t rank = 33;
  std::vector<xt::xarray<double>> snapshots;
  const auto& matrix = snapshots_of(dof, updates);
  for (std::size_t j = 0; j < updates; ++j) snapshots.emplace_back(xt::view(matrix, xt::all(), j));
  for (auto _ : state) {
    fieldfold::IncrementalSVD grown({}, {.max_rank = rank, .block = static_cast<std::size_t>(state.range(0))},
                                    {.threads = static_cast<std::size_t>(state.range(1))});
    for (const auto& snapshot : snapshots) grown.add(snapshot);
    grown.update();
    state.counters["bound"] = grown.error_bound();
  }
  constexpr double work = static_cast<double>(updates * dof * rank * (4 + 2 * rank));
  state.counters["formula_s"] = work / dgemm_rate();
  // Google Benchmark divides by the iterations and their total seconds: formula / seconds, inverted.
  state.counters["times_formula"] = benchmark::Counter(
      work / dgemm_rate(), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

}  // namespace

BENCHMARK(by_rank)
    ->ArgNames({"block", "threads"})
    ->Args({16, 1})
    ->Args({16, 2})
    ->Args({1, 1})
    ->Iterations(1)
    ->Repetitions(3)
    ->ReportAggregatesOnly()
    ->UseRealTime()
    ->Unit(benchmark::kSecond);
BENCHMARK_MAIN();
