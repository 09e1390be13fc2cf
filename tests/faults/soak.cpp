// Fits, saves, loads and compresses over files that several processes share, for some time: figures stay right, and
// memory does not grow. Usage: soak FOLDER SECONDS SEED

#include <unistd.h>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

import fieldfold;

namespace {

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << "soak: " + what + "\n";
  std::exit(1);
}

/// Snapshots of three modes on 200 points, whose amplitudes depend on a seed.
xt::xarray<double> snapshots_of(std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  auto snapshots = xt::xarray<double>::from_shape({200, 30});
  for (std::size_t j = 0; j < 30; ++j)
    for (std::size_t mode = 1; mode <= 3; ++mode) {
      const double amplitude = normal(generator);
      for (std::size_t i = 0; i < 200; ++i)
        snapshots(i, j) =
            (mode == 1 ? 0.0 : snapshots(i, j)) + amplitude * std::sin(0.03 * static_cast<double>(mode * i + mode));
    }
  return snapshots;
}

/// The largest difference of a reconstruction, of snapshots in the span of the modes.
double loss(const fieldfold::SVD& svd, const xt::xarray<double>& states) {
  const auto again = svd.reconstruct(svd.compress(states));
  double largest = 0.0;
  for (std::size_t i = 0; i < states.size(); ++i) largest = std::max(largest, std::abs(again.flat(i) - states.flat(i)));
  return largest;
}

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path folder = argv[1];
  const double seconds = std::atof(argv[2]);
  std::uint64_t seed = std::strtoull(argv[3], nullptr, 10) << 32;
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::size_t rounds = 0;
  std::size_t settled = 0;
  std::size_t largest = 0;
  while (elapsed() < seconds) {
    const auto snapshots = snapshots_of(seed++);
    const xt::xarray<double> states = xt::transpose(snapshots);
    fieldfold::SVD svd({}, {.rule = {.rank = 3}});
    svd.compute_map(snapshots);
    fieldfold::save(folder / "shared.fold", svd);
    // Whoever wrote it: the modes are the same three, whatever the amplitudes.
    const auto loaded = fieldfold::load(folder / "shared.fold");
    const auto* const shared = loaded.target<fieldfold::SVD>();
    expect(shared != nullptr && shared->rank() == 3, "another map");
    expect(loss(*shared, states) < 1e-11, "a wrong figure");
    fieldfold::IncrementalSVD incremental({}, {.max_rank = 3, .block = 7});
    incremental.add(states);
    fieldfold::save(folder / ("progress" + std::string(argv[3]) + ".fold"), incremental);
    auto continued = fieldfold::load_incremental(folder / ("progress" + std::string(argv[3]) + ".fold"));
    continued.add(states);
    expect(loss(continued.finish(), states) < 1e-11, "a wrong figure of an incremental map");
    ++rounds;
    // The first tenth fills caches and pools.
    if (elapsed() < 0.1 * seconds)
      settled = std::max(settled, resident_bytes());
    else
      largest = std::max(largest, resident_bytes());
  }
  std::cout << rounds << " rounds, " << settled / 1024 << " KiB after a tenth of the time, " << largest / 1024
            << " KiB at most\n";
  expect(largest < settled + (settled / 20), "memory grows");
  return 0;
}
