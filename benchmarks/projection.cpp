// Compression and reconstruction compared with the limit of the machine: seconds, and their ratio to the limit, which
// is the operations at the rate of dgemm and one read (or write) of the states and of the basis, on one thread in the
// same run.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "machine.hpp"

import fieldfold.base.arrays;
import fieldfold.pod.svd;

namespace {

constexpr std::size_t dof = 300'000;

const fieldfold::SVD& map_of(std::size_t rank) {
  static fieldfold::SVD svd;
  if (!svd.map_exists() || svd.rank() != rank) svd.compute_map(snapshots_of(dof, 100), {.rank = rank});
  return svd;
}

void report(benchmark::State& state, double count, double rank) {
  const double limit = 2.0 * count * static_cast<double>(dof) * rank / dgemm_rate() +
                       static_cast<double>(dof) * (count + rank) * sizeof(double) / read_rate();
  state.counters["limit_s"] = limit;
  // Google Benchmark divides by the iterations and their total seconds: limit / seconds, inverted.
  state.counters["times_limit"] =
      benchmark::Counter(limit, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void compress(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto& svd = map_of(static_cast<std::size_t>(state.range(1)));
  const xt::xarray<double> states = xt::ones<double>({count, dof});
  std::vector<double> latent(count * svd.rank());
  for (auto _ : state) svd.compress(states, latent);
  report(state, static_cast<double>(count), static_cast<double>(svd.rank()));
}

void reconstruct(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto& svd = map_of(static_cast<std::size_t>(state.range(1)));
  const xt::xarray<double> latent = xt::ones<double>({count, svd.rank()});
  std::vector<double> states(count * dof);
  for (auto _ : state) svd.reconstruct(latent, states);
  report(state, static_cast<double>(count), static_cast<double>(svd.rank()));
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"states", "rank"});
  for (const int rank : {20, 60})
    for (const int count : {1, 16, 200}) benchmark->Args({count, rank});
  benchmark->UseRealTime()->Unit(benchmark::kMillisecond);
}

}  // namespace

BENCHMARK(compress)->Apply(shapes);
BENCHMARK(reconstruct)->Apply(shapes);
BENCHMARK_MAIN();
