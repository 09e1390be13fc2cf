// What the C interface costs beside the C++ one: nanoseconds of a call with a tiny state, in one process; and seconds
// for a state of a million numbers, each language in a process of its own, so that all have the map in memory alike.
// `interfaces.sh` runs it, with Fortran and Python.
// Usage: bench_interfaces MAP_FILE [C++|C]; without a language saves the large map, and measures tiny calls

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

#include "../interfaces/c/fieldfold.h"

import fieldfold;

namespace {

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// Seconds of an action, the mean of some repeats.
template <class Action>
double seconds_of(const Action& action, int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
}

fieldfold::SVD learned(std::size_t dof, std::size_t rank) {
  auto snapshots = xt::xarray<double>::from_shape({dof, rank});
  std::size_t seed = 1;
  for (double& number : snapshots)
    number = static_cast<double>((seed = seed * 6364136223846793005U + 1442695040888963407U) >> 33) * 1e-9 - 1.0;
  fieldfold::SVD svd({}, {.rule = {.rank = rank}});
  svd.compute_map(snapshots);
  return svd;
}

/// Nanoseconds of a call with a state of 8 numbers.
void measure_calls(const char* path) {
  const fieldfold::SVD svd = learned(8, 2);
  fieldfold::save(path, svd);
  fieldfold_svd* handle = nullptr;
  fieldfold_svd_load(path, &handle);
  const std::vector<double> state(8, 1.5);
  std::vector<double> latent(2);
  std::vector<double> times[2];
  constexpr int repeats = 20000;
  for (int round = 0; round < 51; ++round) {
    times[0].push_back(seconds_of(
        [&] { svd.compress(fieldfold::ArrayRef<double>(state.data(), {state.size()}), std::span<double>(latent)); },
        repeats));
    times[1].push_back(seconds_of([&] { fieldfold_svd_compress(handle, state.data(), 1, latent.data()); }, repeats));
  }
  std::printf("a call: C++ %.0f ns, C %.0f ns\n", median(times[0]) * 1e9, median(times[1]) * 1e9);
  fieldfold_svd_free(handle);
}

/// Seconds of a state of a million numbers, median of 101.
template <class Compress>
void measure_states(const char* language, const Compress& compress) {
  std::vector<double> times;
  for (int round = 0; round < 101; ++round) times.push_back(seconds_of(compress, 1));
  std::printf("%s %.9f\n", language, median(times));
}

}  // namespace

int main(int count, char** arguments) {
  const char* const path = arguments[1];
  if (count < 3) {
    measure_calls(path);
    fieldfold::save(path, learned(1'000'000, 20));
    return 0;
  }
  const std::vector<double> state(1'000'000, 1.5);
  std::vector<double> latent(20);
  if (std::string_view(arguments[2]) == "C") {
    fieldfold_svd* handle = nullptr;
    fieldfold_svd_load(path, &handle);
    measure_states("C", [&] { fieldfold_svd_compress(handle, state.data(), 1, latent.data()); });
    fieldfold_svd_free(handle);
    return 0;
  }
  const auto loaded = fieldfold::load(path);
  const auto& svd = *loaded.target<fieldfold::SVD>();
  measure_states("C++", [&] {
    svd.compress(fieldfold::ArrayRef<double>(state.data(), {state.size()}), std::span<double>(latent));
  });
}
