// Concurrent calls on one object, with OpenMP if it is enabled.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

#include <fieldfold/xtensor.hpp>
import fieldfold;

int main() {
  xt::xarray<double> snapshots = xt::zeros<double>({300, 20});
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 20; ++j) snapshots(i, j) = std::sin(0.01 * static_cast<double>(i * (j + 1)));
  fieldfold::SVD svd;
  svd.compute_map(snapshots, {.rank = 5});
  const xt::xarray<double> states = xt::transpose(snapshots);
  const xt::xarray<double> expected = svd.compress(states);
  std::vector<double> differences(64, 1.0);
#pragma omp parallel for num_threads(8)
  for (std::size_t task = 0; task < differences.size(); ++task) {
    const xt::xarray<double> found = svd.compress(states);
    double difference = 0.0;
    for (std::size_t i = 0; i < found.size(); ++i)
      difference = std::max(difference, std::abs(found.flat(i) - expected.flat(i)));
    differences[task] = difference;
  }
  double worst = 0.0;
  for (const double difference : differences) worst = std::max(worst, difference);
  int threads = 1;
#ifdef _OPENMP
  threads = omp_get_max_threads();
#endif
  std::printf("%d threads, largest difference %g\n", threads, worst);
  return worst < 1e-12 ? 0 : 1;
}
