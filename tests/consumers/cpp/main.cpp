// C++17 with OpenMP: eight threads share one map, and each fits one of its own.

#include <fieldfold.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif
#if __has_include(<xtensor/xarray.hpp>)
#include <xtensor/xarray.hpp>
#include <xtensor/xmath.hpp>
#define HAS_XTENSOR
#endif

namespace {

constexpr std::size_t num_pts = 50;
constexpr std::size_t dof = 2 * num_pts;
constexpr std::size_t num_samples = 12;

// State after state.
std::vector<double> waves(double phase) {
  std::vector<double> states;
  for (std::size_t j = 0; j < num_samples; ++j)
    for (std::size_t i = 0; i < dof; ++i)
      states.push_back(std::sin(0.1 * static_cast<double>(i) + phase * static_cast<double>(j)) + 2.0);
  return states;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = a.size() == b.size() ? 0.0 : 1e300;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) largest = std::fmax(largest, std::fabs(a[i] - b[i]));
  return largest;
}

template <class Error, class Action>
bool throws(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what()[0] != '\0';
  }
  return false;
}

}  // namespace

int main() {
  const auto states = waves(0.3);
  fieldfold::SVD shared(R"({"fields": ["ux", "uy"], "rank": 3})");
  std::vector<double> coords;
  for (std::size_t p = 0; p < num_pts; ++p) {
    coords.push_back(std::fmod(0.618034 * static_cast<double>(p), 1.0));
    coords.push_back(std::fmod(0.754878 * static_cast<double>(p), 1.0));
  }
  shared.set_coords(coords, 2);
  shared.fit(states.data(), dof, num_samples, 1, dof);
  const auto latent = shared.compress(states);

  int wrong = 0;
#pragma omp parallel for num_threads(8) reduction(+ : wrong)
  for (int map = 0; map < 64; ++map) {
    // sin(a + b) and a constant: rank 3, reproduced exactly.
    const auto own = waves(0.2 + 0.01 * map);
    fieldfold::SVD svd(R"({"rank": 3})");
    svd.fit(own.data(), dof, num_samples, 1, dof);
    if (largest_difference(svd.reconstruct(svd.compress(own)), own) > 1e-12) ++wrong;
    if (largest_difference(shared.compress(states), latent) != 0.0) ++wrong;
  }

  // Copies are independent, moves keep the map, and a file holds it.
  fieldfold::SVD copy = shared;
  copy.set_fields({"a", "b"});
  fieldfold::SVD moved = std::move(copy);
  moved.save("cpp.fold");
  const auto loaded = fieldfold::SVD::load("cpp.fold");
  bool is_right = wrong == 0 && shared.fields()[1] == "uy" && loaded.fields()[1] == "b" && loaded.rank() == 3 &&
                  loaded.energy() == shared.energy() && loaded.estimate_latent_ranges(0.1).size() == 3 &&
                  loaded.errors().snapshots.size() == num_samples;

  // Single precision, and memory of the caller.
  const std::vector<float> single(states.begin(), states.end());
  const std::vector<float> single_latent = shared.compress(single);
  std::array<double, 3> one{};
  shared.compress(states.data(), 1, one.data());
  // One state at a time differs from a batch by rounding.
  is_right = is_right && std::fabs(static_cast<double>(single_latent[0]) - latent[0]) < 1e-4 &&
             std::fabs(one[0] - latent[0]) < 1e-12;
#if __cplusplus >= 202002L
  is_right = is_right && shared.compress(std::span<const double>(states.data(), dof)).size() == 3;
#endif

#ifdef HAS_XTENSOR
  // A container, and a lazy expression that is not contiguous.
  xt::xarray<double> matrix = xt::zeros<double>({num_samples, dof});
  std::copy(states.begin(), states.end(), matrix.begin());
  fieldfold::SVD by_expression(R"({"rank": 3})");
  by_expression.fit(1.0 * xt::transpose(matrix));
  is_right = is_right && largest_difference(by_expression.compress(matrix), latent) < 1e-12 &&
             largest_difference(by_expression.compress(xt::transpose(xt::transpose(matrix))), latent) < 1e-12;
#endif

  // In situ.
  fieldfold::IncrementalSVD incremental(R"({"max_rank": 5})");
  for (std::size_t j = 0; j < num_samples; ++j) incremental.add(&states[j * dof], 1, dof);
  const fieldfold::SVD finished = incremental.finish();
  is_right = is_right && largest_difference(finished.reconstruct(finished.compress(states)), states) < 1e-12;

  // Interpolation reproduces linear functions.
  const std::vector<double> queries{0.3, 0.4, 0.5, 0.6};
  std::vector<double> values;
  for (std::size_t p = 0; p < num_pts; ++p) values.push_back(2.0 * coords[2 * p] - coords[2 * p + 1]);
  const fieldfold::InterpolationOperator op(coords, queries, 2, R"({"kernel": "cubic"})");
  const fieldfold::RBFInterpolator interpolator(coords, values, 2);
  is_right = is_right && std::fabs(op(values)[0] - 0.2) < 1e-10 && std::fabs(interpolator(queries)[1] - 0.4) < 1e-10 &&
             std::fabs(interpolator.gradient(queries)[1] + 1.0) < 1e-9;
  const auto fields = shared.interpolate_from_grid(states, queries);
  is_right = is_right && fields.size() == num_samples * 2 * 2 &&
             largest_difference(shared.interpolate_to_grid(coords, states), states) == 0.0 &&
             largest_difference(shared.reconstruct_at(latent, queries), fields) < 1e-10;

  is_right = is_right && throws<fieldfold::InvalidArgument>([&] { shared.compress(std::vector<double>(7)); }) &&
             throws<fieldfold::InvalidArgument>([] { fieldfold::SVD("{\"rnak\": 3}"); }) &&
             throws<fieldfold::NotReady>([&] { fieldfold::SVD().compress(states); }) &&
             throws<fieldfold::FileError>([] { fieldfold::SVD::load("none.fold"); });
  int calls = 0;
  shared.set_progress([&](const char*, double) { return ++calls > 1; });
  is_right = is_right && throws<fieldfold::Interrupted>([&] { shared.fit(states.data(), dof, num_samples, 1, dof); });

  std::printf("fieldfold %s: %s\n", fieldfold::version().c_str(), is_right ? "right" : "wrong");
  return is_right ? 0 : 1;
}
