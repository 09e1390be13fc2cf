// What the C interface costs beside the C++ one, in one run: nanoseconds of a call with a tiny state, and the ratio for
// a state of a million numbers. `interfaces.sh` adds Fortran and Python. Usage: bench_interfaces MAP_FILE; saves the
// large map there for the others

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

#include "../interfaces/c/fieldfold.h"

import fieldfold;

namespace {

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// Seconds of two actions, in turns.
template <class A, class B>
std::pair<double, double> seconds_of(const A& first, const B& second, int repeats, int rounds) {
  std::vector<double> times[2];
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) first();
    const auto middle = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) second();
    const auto end = std::chrono::steady_clock::now();
    times[0].push_back(std::chrono::duration<double>(middle - start).count() / repeats);
    times[1].push_back(std::chrono::duration<double>(end - middle).count() / repeats);
  }
  return {median(times[0]), median(times[1])};
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

std::pair<double, double> seconds_of_compress(std::size_t dof, std::size_t rank, const char* path, int repeats,
                                              int rounds) {
  const fieldfold::SVD svd = learned(dof, rank);
  fieldfold::save(path, svd);
  fieldfold_svd* handle = nullptr;
  fieldfold_svd_load(path, &handle);
  const std::vector<double> state(dof, 1.5);
  std::vector<double> latent(rank);
  const auto seconds =
      seconds_of([&] { svd.compress(fieldfold::ArrayRef<double>(state.data(), {dof}), std::span<double>(latent)); },
                 [&] { fieldfold_svd_compress(handle, state.data(), 1, latent.data()); }, repeats, rounds);
  fieldfold_svd_free(handle);
  return seconds;
}

}  // namespace

int main(int, char** arguments) {
  const auto [tiny, tiny_c] = seconds_of_compress(8, 2, arguments[1], 20000, 51);
  std::printf("a call: C++ %.0f ns, C %.0f ns\n", tiny * 1e9, tiny_c * 1e9);
  const auto [large, large_c] = seconds_of_compress(1'000'000, 20, arguments[1], 1, 101);
  std::printf("compress of 1000000 numbers: C++ %.3f ms, C / C++ %.3f\n", large * 1e3, large_c / large);
  std::printf("C++ %.9f\n", large);
}
