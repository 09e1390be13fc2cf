// Snapshots whose samples are distributed among ranks.

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.options;
import fieldfold.files.map;
import fieldfold.files.merging;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.samples;
import fieldfold.rows.source;

#include "support/error_of.hpp"
#include "support/ranks_as_threads.hpp"

#include "mpi/snapshots.hpp"

using fieldfold::SVD;

namespace {

xt::xarray<double> columns_of(const xt::xarray<double>& matrix, std::size_t first, std::size_t end) {
  auto part = xt::xarray<double>::from_shape({matrix.shape(0), end - first});
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t j = first; j < end; ++j) part(i, j - first) = matrix(i, j);
  return part;
}

/// The maps that the ranks merge from maps of their shares of the samples.
std::vector<std::optional<SVD>> merged_maps(std::size_t ranks, const xt::xarray<double>& snapshots,
                                            const fieldfold::SVDOptions& options, const fieldfold::RankRule& rule) {
  const auto first = shares_of(snapshots.shape(1), ranks);
  std::vector<std::optional<SVD>> maps(ranks);
  on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
    SVD own({.fields = {"u", "p"}}, options);
    const std::size_t begin = first[rank->rank()];
    const std::size_t end = first[rank->rank() + 1];
    if (begin < end) own.compute_map(columns_of(snapshots, begin, end));
    maps[rank->rank()] = fieldfold::merged(*rank, own, rule);
  });
  return maps;
}

double squares_of(const xt::xarray<double>& matrix) {
  double sum = 0.0;
  for (const double x : matrix) sum += x * x;
  return sum;
}

/// The squared error of the projection of snapshots on a basis.
double squared_error(const xt::xarray<double>& basis, const xt::xarray<double>& snapshots) {
  double sum = squares_of(snapshots);
  for (std::size_t k = 0; k < basis.shape(1); ++k)
    for (std::size_t j = 0; j < snapshots.shape(1); ++j) {
      double coefficient = 0.0;
      for (std::size_t i = 0; i < basis.shape(0); ++i) coefficient += basis(i, k) * snapshots(i, j);
      sum -= coefficient * coefficient;
    }
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(samples_on_different_ranks_are_distributed_by_points) {
  const auto snapshots = snapshots_of(61, 12);
  // The ranks have 0, 3, 4 and 5 samples.
  const std::vector<std::size_t> first{0, 0, 3, 7, 12};
  std::vector<xt::xarray<double>> found(4);
  std::vector<std::string> errors(4);
  on_ranks(4, [&](std::shared_ptr<const ThreadRank> rank) {
    const std::size_t begin = first[rank->rank()];
    const std::size_t count = first[rank->rank() + 1] - begin;
    auto states = xt::xarray<double>::from_shape({count, snapshots.shape(0)});
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < snapshots.shape(0); ++i) states(j, i) = snapshots(i, begin + j);
    found[rank->rank()] = fieldfold::distributed_by_points<double>(*rank, states, 2);
    const auto odd = xt::xarray<double>(fieldfold::zeros<double>({1, rank->rank() == 2 ? 3U : 4U}));
    errors[rank->rank()] = error_of([&] { fieldfold::distributed_by_points<double>(*rank, odd, 1); });
  });
  std::size_t row = 0;
  for (std::size_t rank = 0; rank < 4; ++rank) {
    BOOST_TEST((found[rank] == rows_of(snapshots, row, row + found[rank].shape(0))));
    BOOST_TEST(found[rank].shape(0) % 2 == 0U);
    row += found[rank].shape(0);
    BOOST_TEST(errors[rank] == "states: expected the same length on all ranks, got 3 to 4");
  }
  BOOST_TEST(row == snapshots.shape(0));
}

BOOST_AUTO_TEST_CASE(maps_of_the_samples_of_ranks_merge_to_that_of_all) {
  const auto snapshots = snapshots_of(61, 40);
  for (const bool center : {false, true}) {
    // All modes: a mean that is subtracted leaves the same number, and one that is not adds its own.
    const std::size_t modes = center ? 6 : 7;
    const fieldfold::SVDOptions options{
        .field_opts = {.center = center}, .rule = {.energy_tol = 1.0}, .keep_training_latents = true};
    SVD whole({.fields = {"u", "p"}}, options);
    whole.compute_map(snapshots, {.rank = modes});
    const double largest = whole.singular_values()(0);
    for (const std::size_t ranks : {1U, 2U, 3U, 4U, 7U})
      for (const auto& map : merged_maps(ranks, snapshots, options, {.rank = modes})) {
        BOOST_TEST_CONTEXT(ranks << " ranks, centred " << center) {
          BOOST_TEST_REQUIRE(map->rank() == modes);
          const auto leading = [&](const SVD& svd) {
            return std::vector<double>(svd.singular_values().begin(),
                                       svd.singular_values().begin() + static_cast<std::ptrdiff_t>(modes));
          };
          // The Gram matrices of the parts have their rounding errors in relation to the largest singular value.
          BOOST_TEST(difference(leading(*map), leading(whole)) <= 1e-12 * largest);
          BOOST_TEST(difference(map->projection_matrix(), whole.projection_matrix()) <= 1e-9);
          BOOST_TEST(difference(*map->map().training_latents, *whole.map().training_latents) <= 1e-9 * largest);
          BOOST_TEST(map->map().num_samples == 40U);
          if (center) BOOST_TEST(difference(map->mean(), whole.mean()) <= 1e-12 * 700.0);
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(merging_adds_a_hundredth_of_the_squared_error_at_most) {
  const auto snapshots = snapshots_of(61, 60, 20);
  SVD whole({.fields = {"u", "p"}}, of_rank(4));
  whole.compute_map(snapshots);
  const double best = squared_error(whole.projection_matrix(), snapshots);
  const double all = squares_of(snapshots);
  for (const std::size_t ranks : {2U, 5U, 7U}) {
    const auto maps = merged_maps(ranks, snapshots, {.rule = {.energy_tol = 1.0}}, {.rank = 4});
    const double error = squared_error(maps[0]->projection_matrix(), snapshots);
    BOOST_TEST(error >= best * (1.0 - 1e-9));
    BOOST_TEST(error <= 1.01 * best);
    // The error that the map reports bounds that of the snapshots, and is as close to the best one.
    const double reported = std::pow(maps[0]->reconstruction_error(), 2) * all;
    BOOST_TEST(error <= reported * (1.0 + 1e-9));
    BOOST_TEST(reported <= 1.01 * best);
    for (const auto& map : maps) BOOST_TEST((map->projection_matrix() == maps[0]->projection_matrix()));
  }
}

BOOST_AUTO_TEST_CASE(a_tolerance_holds_for_the_snapshots_of_all_ranks) {
  const auto snapshots = snapshots_of(61, 60, 20);
  const double all = squares_of(snapshots);
  for (const double tolerance : {1e-3, 1e-5}) {
    SVD whole({.fields = {"u", "p"}}, {.rule = {.reconstruction_tol = tolerance}});
    whole.compute_map(snapshots);
    const auto maps =
        merged_maps(4, snapshots, {.rule = {.reconstruction_tol = 0.1 * tolerance}}, {.reconstruction_tol = tolerance});
    BOOST_TEST(squared_error(maps[0]->projection_matrix(), snapshots) <= tolerance * tolerance * all);
    BOOST_TEST(maps[0]->rank() <= whole.rank() + 1);
  }
}

BOOST_AUTO_TEST_CASE(maps_that_do_not_fit_are_not_merged_on_any_rank) {
  const auto snapshots = snapshots_of(61, 40);
  std::vector<std::string> different(3);
  std::vector<std::string> none(3);
  std::vector<std::string> needs_snapshots(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    SVD own({.fields = {"u", rank->rank() == 2 ? "q" : "p"}}, of_rank(2));
    none[rank->rank()] = error_of([&] { fieldfold::merged(*rank, own); });
    own.compute_map(snapshots);
    different[rank->rank()] = error_of([&] { fieldfold::merged(*rank, own); });
    needs_snapshots[rank->rank()] = error_of([&] { fieldfold::merged(*rank, own, {.sample_tol = 0.1}); });
  });
  for (std::size_t rank = 0; rank < 3; ++rank) {
    BOOST_TEST(none[rank] == "maps: expected one on a rank at least, got none");
    BOOST_TEST(different[rank] == "maps: expected the same fields of both");
    BOOST_TEST(needs_snapshots[rank] ==
               "rule: expected rank, energy_tol or reconstruction_tol: others need the snapshots");
  }
}

BOOST_AUTO_TEST_CASE(bytes_are_those_of_the_file) {
  SVD svd({.fields = {"u", "p"}}, of_rank(2));
  svd.compute_map(snapshots_of(20, 8));
  const std::string bytes = fieldfold::bytes_of(svd);
  const auto path = std::filesystem::temp_directory_path() / "fieldfold_bytes_of.fold";
  fieldfold::save(path, svd);
  std::ifstream file(path, std::ios::binary);
  BOOST_TEST((bytes == std::string(std::istreambuf_iterator<char>(file), {})));
  std::filesystem::remove(path);
  const auto again = fieldfold::from_bytes(bytes);
  BOOST_TEST((again.target<SVD>()->projection_matrix() == svd.projection_matrix()));
  std::string damaged = bytes;
  damaged[damaged.size() / 2] ^= 1;
  BOOST_TEST(error_of([&] { fieldfold::from_bytes(damaged); }) == "bytes: it is damaged: the checksum does not match");
  BOOST_TEST(error_of([&] { fieldfold::from_bytes(""); }) != "no error");
}
