// fieldfold as a contender of interpolation_peers.py: interpolates values in memory several times, and prints the
// median times as JSON.
//
//     bench_interpolation METHOD POINTS.npy VALUES.npy QUERIES.npy THREADS REPEATS RESULTS.npy
//
// METHOD is global, partition, neighbors=50, or operator=50 to apply precomputed weights of 50 neighbors.

#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "contender.hpp"

import fieldfold;

namespace {

struct Work {
  xt::xarray<double> points;
  xt::xarray<double> values;
  xt::xarray<double> queries;
  fieldfold::RBFOptions options;
  int repeats;
};

xt::xarray<double> run_interpolator(const Work& work) {
  xt::xarray<double> results;
  build_and_apply(
      work.repeats, [&] { return fieldfold::RBFInterpolator(work.points, work.values, work.options); },
      [&](const fieldfold::RBFInterpolator& interpolator) { results = interpolator(work.queries); });
  return results;
}

xt::xarray<double> run_operator(const Work& work) {
  std::optional<fieldfold::InterpolationOperator> made;
  const double build =
      seconds_for([&] { made.emplace(work.points, work.queries, fieldfold::Interpolation{.options = work.options}); });
  auto results = xt::xarray<double>::from_shape({made->num_queries(), work.values.shape(1)});
  const double apply = median_seconds(work.repeats, [&] {
    made->multiply(fieldfold::as_matrix(work.values), fieldfold::as_matrix(results), work.options.threads);
  });
  std::printf("{\"build\": %.6f, \"apply\": %.6f, \"operator\": %zu}\n", build, apply, made->bytes());
  return results;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 7) {
    std::fputs(
        "usage: bench_interpolation global|partition|neighbors=K|operator=K POINTS.npy VALUES.npy QUERIES.npy THREADS "
        "REPEATS RESULTS.npy\n",
        stderr);
    return 2;
  }
  const std::string& method = arguments[0];
  fieldfold::RBFOptions options{.threads = static_cast<std::size_t>(std::stoul(arguments[4]))};
  if (method == "partition") options.method = fieldfold::RBFMethod::partition_of_unity;
  if (const std::size_t split = method.find('='); split != std::string::npos)
    options.neighbors = static_cast<std::size_t>(std::stoul(method.substr(split + 1)));
  const Work work{fieldfold::load_npy(arguments[1]), fieldfold::load_npy(arguments[2]),
                  fieldfold::load_npy(arguments[3]), options, std::stoi(arguments[5])};
  fieldfold::save_npy(arguments[6], method.starts_with("operator") ? run_operator(work) : run_interpolator(work));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_interpolation: error: %s\n", error.what());
  return 1;
}
