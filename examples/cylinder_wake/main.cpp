// A solver that compresses its snapshots with fieldfold: flow past a cylinder with a vortex street in its wake. Writes
// cylinder_wake.png and cylinder_wake.fold to the current folder.

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fieldfold/xtensor.hpp>

#include "lattice_boltzmann.hpp"
#include "picture.hpp"

import fieldfold;

namespace {

using Array = xt::xarray<double>;

constexpr std::size_t warm_up_steps = 14000;
constexpr std::size_t steps_between = 50;
constexpr std::size_t num_seen = 100;
constexpr std::size_t num_unseen = 50;
constexpr LatticeBoltzmann::Settings settings;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A progress bar on standard error, if that is a terminal.
void show_progress(std::size_t done, std::size_t all) {
  if (isatty(STDERR_FILENO) == 0) return;
  constexpr std::size_t width = 40;
  const std::string bar(width * done / all, '#');
  std::fprintf(stderr, "\r[%-*s] %zu of %zu steps%s", static_cast<int>(width), bar.c_str(), done, all,
               done == all ? "\n" : "");
}

struct Snapshots {
  Array coords;              ///< (num_pts, 2)
  fieldfold::Fields seen;    ///< "ux" and "uy", each (num_seen, num_pts)
  fieldfold::Fields unseen;  ///< each (num_unseen, num_pts)
  double strouhal;           ///< shedding frequency * diameter / speed
};

/// Runs the flow. Each training snapshot is also added to `grown` as soon as it is computed.
Snapshots simulate(LatticeBoltzmann& flow, fieldfold::IncrementalSVD& grown) {
  const std::size_t num_pts = flow.nodes().size();
  Snapshots snapshots{.coords = Array::from_shape({num_pts, 2}), .seen = {}, .unseen = {}, .strouhal = 0.0};
  for (std::size_t p = 0; p < num_pts; ++p) {
    snapshots.coords(p, 0) = static_cast<double>(flow.nodes()[p].x);
    snapshots.coords(p, 1) = static_cast<double>(flow.nodes()[p].y);
  }
  for (const char* name : {"ux", "uy"}) {
    snapshots.seen[name] = Array::from_shape({num_seen, num_pts});
    snapshots.unseen[name] = Array::from_shape({num_unseen, num_pts});
  }

  const std::size_t all_steps = warm_up_steps + steps_between * (num_seen + num_unseen);
  const auto probe = static_cast<std::size_t>(
      std::ranges::find_if(flow.nodes(),
                           [](auto node) { return node.x == settings.length / 2 && node.y == settings.width / 2; }) -
      flow.nodes().begin());
  std::size_t first_crossing = 0;
  std::size_t last_crossing = 0;
  std::size_t crossings = 0;
  double before = 0.0;
  for (std::size_t step = 1; step <= all_steps; ++step) {
    flow.step();
    if (step % steps_between == 0) show_progress(step, all_steps);
    if (step <= warm_up_steps) continue;
    if (before < 0.0 && flow.uy()[probe] >= 0.0) {
      if (crossings++ == 0) first_crossing = step;
      last_crossing = step;
    }
    before = flow.uy()[probe];
    if (step % steps_between != 0) continue;
    const std::size_t sample = (step - warm_up_steps) / steps_between - 1;
    auto& fields = sample < num_seen ? snapshots.seen : snapshots.unseen;
    const std::size_t row = sample < num_seen ? sample : sample - num_seen;
    std::ranges::copy(flow.ux(), &fields["ux"](row, 0));
    std::ranges::copy(flow.uy(), &fields["uy"](row, 0));
    if (sample < num_seen) grown.add({{"ux", xt::view(fields["ux"], row)}, {"uy", xt::view(fields["uy"], row)}});
  }
  if (crossings > 1)
    snapshots.strouhal = static_cast<double>(crossings - 1) / static_cast<double>(last_crossing - first_crossing) *
                         settings.diameter / settings.inlet_speed;
  return snapshots;
}

/// The relative difference in the Frobenius norm.
double relative_error(const Array& found, const Array& expected) {
  double gap = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    gap += std::pow(found.flat(i) - expected.flat(i), 2);
    all += std::pow(expected.flat(i), 2);
  }
  return std::sqrt(gap / all);
}

Array folded_and_unfolded(const fieldfold::SVD& svd, const Array& states) {
  return svd.reconstruct(svd.compress(states));
}

/// Computes maps of several ranks, prints the table, and returns the map of the last row.
fieldfold::SVD learn(const Snapshots& snapshots) {
  fieldfold::SVD svd({.fields = {"ux", "uy"}, .coords = snapshots.coords, .interpolate_opts = {.neighbors = 24}});
  const Array seen = svd.join_fields(snapshots.seen);
  const Array unseen = svd.join_fields(snapshots.unseen);
  std::printf("%6s %12s %12s %12s %14s %14s %9s\n", "rank", "energy", "error seen", "unseen", "numbers before", "after",
              "seconds");
  for (const double tolerance : {1e-1, 3e-2, 1e-2, 3e-3, 1e-3}) {
    const Stopwatch watch;
    svd.compute_map(snapshots.seen, {.reconstruction_tol = tolerance});
    const double seconds = watch.seconds();
    // The numbers in all snapshots, and those in the basis and the coefficients of the same snapshots.
    const std::size_t before = seen.size() + unseen.size();
    const std::size_t after = svd.projection_matrix().size() + (num_seen + num_unseen) * svd.rank();
    std::printf("%6zu %12.8f %12.2e %12.2e %14zu %14zu %9.2f\n", svd.rank(), svd.energy(),
                relative_error(folded_and_unfolded(svd, seen), seen),
                relative_error(folded_and_unfolded(svd, unseen), unseen), before, after, seconds);
    std::fflush(stdout);
  }
  return svd;
}

/// Compares the map computed during the simulation with that of all snapshots at once.
void compare(fieldfold::IncrementalSVD& grown, const fieldfold::SVD& svd, const Array& seen) {
  const fieldfold::SVD in_situ = grown.finish();
  std::printf("\nin situ, a snapshot at a time: rank %zu, error seen %.2e, bound %.2e (all at once: rank %zu)\n",
              in_situ.rank(), relative_error(folded_and_unfolded(in_situ, seen), seen), grown.error_bound(),
              svd.rank());
}

/// Interpolates the last unseen field to other points and back, and prints the errors.
void visit(const fieldfold::SVD& svd, const Array& state, const Array& coords, const char* name) {
  const Stopwatch watch;
  const fieldfold::Fields there = svd.interpolate_from_grid(state, coords);
  const Array back = svd.interpolate_to_grid(coords, there);
  const Array latent = fieldfold::compress_fields(svd, coords, there);
  std::printf("%-28s %8zu points   field %.2e   coefficients %.2e   %.2f s\n", name, coords.shape(0),
              relative_error(back, state), relative_error(latent, svd.compress(state)), watch.seconds());
}

Array coarser(const Snapshots& snapshots) {
  std::vector<double> kept;
  for (std::size_t p = 0; p < snapshots.coords.shape(0); ++p) {
    const double x = snapshots.coords(p, 0);
    const double y = snapshots.coords(p, 1);
    if (std::fmod(x, 3.0) == 0.0 && std::fmod(y, 3.0) == 0.0) kept.insert(kept.end(), {x, y});
  }
  Array coords = Array::from_shape({kept.size() / 2, 2});
  std::ranges::copy(kept, coords.begin());
  return coords;
}

/// Scattered points: a Kronecker sequence, without the points in the cylinder.
Array scattered(std::size_t count) {
  std::vector<double> kept;
  const double radius = settings.diameter / 2.0;
  for (std::size_t i = 1; i <= count; ++i) {
    const double x = std::fmod(static_cast<double>(i) * std::sqrt(2.0), 1.0) * static_cast<double>(settings.length - 1);
    const double y = std::fmod(static_cast<double>(i) * std::sqrt(3.0), 1.0) * static_cast<double>(settings.width - 1);
    const double from_center =
        std::hypot(x - static_cast<double>(settings.length) / 5.0, y - static_cast<double>(settings.width) / 2.0);
    if (from_center > radius) kept.insert(kept.end(), {x, y});
  }
  Array coords = Array::from_shape({kept.size() / 2, 2});
  std::ranges::copy(kept, coords.begin());
  return coords;
}

void reload(const fieldfold::SVD& svd, const Array& state) {
  const std::filesystem::path path = "cylinder_wake.fold";
  const Stopwatch watch;
  fieldfold::save(path, svd);
  const fieldfold::AnyCompressor again = fieldfold::load(path);
  const bool same = again.compress(state) == svd.compress(state);
  std::printf("saved and reloaded: %s, %.1f MB, coefficients %s, %.2f s\n", path.c_str(),
              static_cast<double>(std::filesystem::file_size(path)) / 1e6, same ? "identical" : "DIFFERENT",
              watch.seconds());
}

/// Draws the cross-stream velocity of the last unseen snapshot, its reconstruction, and a hundred times their
/// difference.
void draw(const Snapshots& snapshots, const fieldfold::SVD& svd, const Array& state) {
  const Array again = folded_and_unfolded(svd, state);
  double largest = 0.0;
  for (std::size_t i = 1; i < state.size(); i += 2) largest = std::max(largest, std::abs(state.flat(i)));
  Picture picture{.width = settings.length, .panel_height = settings.width, .panels = {}};
  picture.panels.assign(
      3, std::vector<double>(settings.length * settings.width, std::numeric_limits<double>::quiet_NaN()));
  for (std::size_t p = 0; p < snapshots.coords.shape(0); ++p) {
    const auto x = static_cast<std::size_t>(snapshots.coords(p, 0));
    const auto y = static_cast<std::size_t>(snapshots.coords(p, 1));
    const std::size_t pixel = (settings.width - 1 - y) * settings.length + x;
    const double truth = state.flat(2 * p + 1);
    const double unfolded = again.flat(2 * p + 1);
    picture.panels[0][pixel] = truth / largest;
    picture.panels[1][pixel] = unfolded / largest;
    picture.panels[2][pixel] = 100.0 * (unfolded - truth) / largest;
  }
  picture.save("cylinder_wake.png");
  std::puts("cylinder_wake.png: true velocity across the stream, the same unfolded, a hundred times their difference");
}

}  // namespace

int main() try {
  const Stopwatch watch;
  LatticeBoltzmann flow(settings);
  std::printf("flow past a cylinder, Re = %.0f: %zu nodes, %zu snapshots to learn from, %zu unseen\n",
              settings.reynolds, flow.nodes().size(), num_seen, num_unseen);
  std::fflush(stdout);
  fieldfold::IncrementalSVD grown({.fields = {"ux", "uy"}}, {.tolerance = 1e-3});
  const Snapshots snapshots = simulate(flow, grown);
  std::printf("simulated in %.1f s; Strouhal number %.3f\n\n", watch.seconds(), snapshots.strouhal);

  const fieldfold::SVD svd = learn(snapshots);
  compare(grown, svd, svd.join_fields(snapshots.seen));
  const Array unseen = svd.join_fields(snapshots.unseen);
  const Array last = xt::view(unseen, num_unseen - 1);

  std::puts("\nthe last unseen field, carried elsewhere and back; relative errors:");
  visit(svd, last, coarser(snapshots), "every third node");
  visit(svd, last, scattered(6000), "scattered");
  std::puts("");
  reload(svd, last);
  for (const auto& [name, field] : snapshots.unseen) fieldfold::save_npy("cylinder_wake_" + name + ".npy", field);
  draw(snapshots, svd, last);
  std::printf("all in %.1f s\n", watch.seconds());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "cylinder_wake: error: %s\n", error.what());
  return 1;
}
