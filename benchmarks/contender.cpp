// fieldfold as a contender of peers.py: computes a map of a matrix in memory several times, and prints the median time
// as JSON.
//
//     bench_contender svd MATRIX.npy rank=20|tol=1e-10 THREADS REPEATS BASIS.npy
//     bench_contender incremental MATRIX.npy rank=33 THREADS REPEATS BASIS.npy

#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "contender.hpp"

import fieldfold;

namespace {

void print(double seconds, const std::string& method) {
  std::printf("{\"seconds\": %.6f, \"method\": \"%s\"}\n", seconds, method.c_str());
}

void run_svd(const xt::xarray<double>& matrix, const fieldfold::RankRule& rule, std::size_t threads, int repeats,
             const std::string& basis) {
  fieldfold::SVD svd({}, {.threads = threads});
  const double seconds = median_seconds(repeats, [&] { svd.compute_map(matrix, rule); });
  fieldfold::save_npy(basis, svd.projection_matrix());
  print(seconds, std::string(fieldfold::name_of(svd.report().method)));
}

void run_incremental(const xt::xarray<double>& matrix, std::size_t rank, std::size_t threads, int repeats,
                     const std::string& basis) {
  std::vector<xt::xarray<double>> snapshots;
  for (std::size_t j = 0; j < matrix.shape(1); ++j) snapshots.emplace_back(xt::view(matrix, xt::all(), j));
  const double seconds = median_seconds(repeats, [&] {
    fieldfold::IncrementalSVD grown({}, {.max_rank = rank}, {.threads = threads});
    for (const auto& snapshot : snapshots) grown.add(snapshot);
    grown.update();
    fieldfold::save_npy(basis, grown.basis());
  });
  print(seconds, "incremental");
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 6) {
    std::fputs("usage: bench_contender svd|incremental MATRIX.npy rank=R|tol=E THREADS REPEATS BASIS.npy\n", stderr);
    return 2;
  }
  const xt::xarray<double> matrix = fieldfold::load_npy(arguments[1]);
  const double number = std::stod(arguments[2].substr(arguments[2].find('=') + 1));
  const auto rank = static_cast<std::size_t>(number);
  fieldfold::RankRule rule;
  if (arguments[2].starts_with("rank="))
    rule.rank = rank;
  else
    rule.reconstruction_tol = number;
  const auto threads = static_cast<std::size_t>(std::stoul(arguments[3]));
  const int repeats = std::stoi(arguments[4]);
  if (arguments[0] == "svd")
    run_svd(matrix, rule, threads, repeats, arguments[5]);
  else
    run_incremental(matrix, rank, threads, repeats, arguments[5]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_contender: error: %s\n", error.what());
  return 1;
}
