// The cost of normalization, means, weights and mass matrices in a fit: its time divided by that of the plain fit of
// the same snapshots, the median of pairs measured in turn.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "machine.hpp"

import fieldfold.rows.source;
import fieldfold;

namespace {

constexpr std::size_t side = 400;  // points in a line of the mesh

/// The mass matrix of the mesh, with points numbered line by line or at random.
fieldfold::MassMatrix mass_of(std::size_t m, bool shuffled) {
  const std::size_t lines = m / side;
  std::vector<double> number(m);
  std::iota(number.begin(), number.end(), 0.0);
  if (shuffled) std::ranges::shuffle(number, std::mt19937_64(1));
  auto points = xt::xarray<double>::from_shape({m, 2});
  for (std::size_t p = 0; p < m; ++p) {
    const auto place = static_cast<std::size_t>(number[p]);
    points(place, 0) = static_cast<double>(p % side);
    points(place, 1) = static_cast<double>(p / side);
  }
  std::vector<double> corners;
  for (std::size_t i = 0; i + 1 < lines; ++i)
    for (std::size_t j = 0; j + 1 < side; ++j) {
      const std::size_t p = i * side + j;
      for (const std::size_t corner : {p, p + 1, p + side, p + 1, p + side + 1, p + side})
        corners.push_back(number[corner]);
    }
  return fieldfold::consistent_mass(points, xt::adapt(corners, fieldfold::Shape{corners.size() / 3, 3}));
}

fieldfold::FieldOptions options_of(const std::string& name, std::size_t m, std::size_t n) {
  using enum fieldfold::NormalizationMethod;
  if (name == "center") return {.center = true};
  if (name == "point weights") return {.point_weights = xt::linspace<double>(1.0, 2.0, m)};
  if (name == "zscore, center, point and sample weights")
    return {.normalize = {.method = zscore},
            .center = true,
            .point_weights = xt::linspace<double>(1.0, 2.0, m),
            .sample_weights = xt::linspace<double>(1.0, 2.0, n)};
  if (name == "standardize") return {.standardize = true};
  if (name == "minmax, center") return {.normalize = {.method = minmax}, .center = true};
  if (name == "log10") return {.normalize = {.method = log10, .offset = 2.0}};
  if (name == "sparse mass") return {.mass = mass_of(m, false)};
  if (name == "sparse mass, points shuffled") return {.mass = mass_of(m, true)};
  return {.center = true, .mass = mass_of(m, false)};
}

void fit(benchmark::State& state, const std::string& name) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const auto& snapshots = snapshots_of(m, n);
  const auto options = options_of(name, m, n);
  const auto seconds = [&](const fieldfold::FieldOptions& own) {
    const auto start = std::chrono::steady_clock::now();
    fieldfold::SVD svd({}, {.field_opts = own,
                            .method = fieldfold::DecompositionMethod::gram,
                            .threads = static_cast<std::size_t>(state.range(2))});
    svd.compute_map(snapshots, {.rank = 20});
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<double> ratios;
  std::vector<double> plain;
  for (auto _ : state) {
    for (int pair = 0; pair < 9; ++pair) {
      plain.push_back(seconds({}));
      ratios.push_back(seconds(options) / plain.back());
    }
  }
  std::ranges::sort(ratios);
  std::ranges::sort(plain);
  state.counters["plain_s"] = plain[4];
  state.counters["times_plain"] = ratios[4];
}

}  // namespace

int main(int argc, char** argv) {
  for (const std::string name :
       {"center", "point weights", "zscore, center, point and sample weights", "standardize", "minmax, center", "log10",
        "sparse mass", "sparse mass, points shuffled", "sparse mass, center"})
    benchmark::RegisterBenchmark(name.c_str(), [name](benchmark::State& state) { fit(state, name); })
        ->ArgNames({"dof", "samples", "threads"})
        ->Args({100'000, 200, 1})
        ->Args({300'000, 200, 1})
        ->Args({100'000, 500, 1})
        ->Args({100'000, 200, 2})
        ->Iterations(1)
        ->Unit(benchmark::kSecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
