// Incremental decompositions of states whose points are distributed among ranks are those of one process.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;

#include "support/closeness.hpp"
#include "support/error_of.hpp"
#include "support/ranks_as_threads.hpp"

namespace {

using fieldfold::IncrementalOptions;
using fieldfold::IncrementalSVD;
using fieldfold::SVD;
using fieldfold::SVDOptions;

constexpr std::size_t dof = 90;
constexpr std::size_t samples = 30;

/// States in modes of sizes 1, 1/4, 1/16, ..., the last of them noise.
xt::xarray<double> all_states() {
  std::mt19937_64 generator(3);
  std::normal_distribution<double> normal;
  xt::xarray<double> states = fieldfold::zeros<double>({samples, dof});
  double size = 1.0;
  for (int mode = 0; mode < 5; ++mode, size /= 4.0) {
    std::vector<double> shape(dof);
    for (double& x : shape) x = normal(generator);
    for (std::size_t j = 0; j < samples; ++j) {
      const double course = size * (mode == 0 ? 3.0 + normal(generator) : normal(generator));
      for (std::size_t i = 0; i < dof; ++i) states(j, i) += course * shape[i];
    }
  }
  return states;
}

/// The numbers of one rank: uneven shares, none for rank 1 of more than two.
struct Part {
  std::size_t first;
  std::size_t end;
  Part(std::size_t rank, std::size_t ranks)
      : first(begin_of(rank, ranks)), end(rank + 1 == ranks ? dof : begin_of(rank + 1, ranks)) {}
  static std::size_t begin_of(std::size_t rank, std::size_t ranks) {
    if (rank == 2) rank = 1;
    return rank == 0 ? 0 : dof * (rank + 1) / (2 * ranks);
  }
  xt::xarray<double> of(const xt::xarray<double>& states, std::size_t from, std::size_t to) const {
    auto part = xt::xarray<double>::from_shape({to - from, end - first});
    for (std::size_t j = from; j < to; ++j)
      for (std::size_t i = first; i < end; ++i) part(j - from, i - first) = states(j, i);
    return part;
  }
};

/// Adds states one at a time and in groups; other states are merged in.
SVD finished(const fieldfold::CompressionOptions& grid, const IncrementalOptions& incremental,
             const SVDOptions& options, const xt::xarray<double>& states, const Part& part) {
  IncrementalSVD first(grid, incremental, options);
  for (std::size_t j = 0; j < 7; ++j) first.add(part.of(states, j, j + 1));
  first.add(part.of(states, 7, 20));
  IncrementalSVD second(grid, incremental, options);
  second.add(part.of(states, 20, samples));
  first.merge(second);
  return first.finish();
}

void compare(const IncrementalOptions& incremental, const SVDOptions& options, const xt::xarray<double>& states) {
  const Part all(0, 1);
  const SVD alone = finished({}, incremental, options, states, all);
  const double size = alone.singular_values()(0);
  for (const std::size_t ranks : {1U, 2U, 3U, 4U}) {
    std::vector<std::optional<SVD>> found(ranks);
    on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
      const Part part(rank->rank(), ranks);
      found[rank->rank()] = finished({.communicator = rank}, incremental, options, states, part);
    });
    for (std::size_t rank = 0; rank < ranks; ++rank) BOOST_TEST_CONTEXT("rank " << rank << " of " << ranks) {
        const Part part(rank, ranks);
        const SVD& own = *found[rank];
        BOOST_TEST_REQUIRE(own.rank() == alone.rank());
        BOOST_TEST(own.num_samples() == alone.num_samples());
        BOOST_TEST(own.num_dropped() == alone.num_dropped());
        double values = 0.0;
        for (std::size_t k = 0; k < own.rank(); ++k)
          values = std::max(values, std::abs(own.singular_values()(k) - alone.singular_values()(k)));
        BOOST_TEST(values <= 1e-12 * size);
        double modes = 0.0;
        for (std::size_t i = part.first; i < part.end; ++i)
          for (std::size_t k = 0; k < own.rank(); ++k)
            modes =
                std::max(modes, std::abs(own.projection_matrix()(i - part.first, k) - alone.projection_matrix()(i, k)));
        // The smallest mode is 1/256 of the largest.
        BOOST_TEST(modes <= 1e-11);
      }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(decompositions_are_those_of_one_process) {
  compare({.max_rank = 5, .block = 4}, {}, all_states());
  compare({.tolerance = 1e-3, .block = 3}, {}, all_states());
  compare({.max_rank = 4, .forgetting = 0.9, .block = 5}, {}, all_states());
}

BOOST_AUTO_TEST_CASE(means_and_weights_are_distributed) {
  compare({.max_rank = 5, .block = 4}, {.field_opts = {.center = true}}, all_states());
  compare(
      {.max_rank = 5},
      {.field_opts = {.normalize = {.method = fieldfold::NormalizationMethod::linear, .slope = 3.0, .offset = 1.0}}},
      all_states());
}

BOOST_AUTO_TEST_CASE(states_with_gaps_on_any_rank_are_dropped_on_all) {
  auto states = all_states();
  states(4, 2) = std::numeric_limits<double>::quiet_NaN();
  states(12, dof - 1) = std::numeric_limits<double>::infinity();
  states(25, dof / 2) = -999.0;
  compare({.max_rank = 4, .block = 4}, {.field_opts = {.missing_values = {-999.0}}}, states);
}

BOOST_AUTO_TEST_CASE(modes_beyond_the_rank_of_the_states_are_the_same) {
  auto states = all_states();
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < dof; ++i)
      states(j, i) = std::sin(static_cast<double>(i + 1)) * static_cast<double>(j + 1);
  compare({.block = 4}, {.rule = {.rank = 3}}, states);
}

BOOST_AUTO_TEST_CASE(an_error_of_one_rank_leaves_all_unchanged) {
  std::vector<std::string> errors(3);
  std::vector<std::size_t> counts(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    const Part part(rank->rank(), 3);
    IncrementalSVD svd({.communicator = rank}, {.block = 4});
    const auto states = all_states();
    svd.add(part.of(states, 0, 5));
    auto next = part.of(states, 5, 12);
    if (rank->rank() == 2) next = xt::xarray<double>(fieldfold::zeros<double>({7, 3}));
    errors[rank->rank()] = error_of([&] { svd.add(next); });
    svd.add(part.of(states, 5, 12));
    svd.update();
    counts[rank->rank()] = svd.num_samples();
  });
  for (std::size_t rank = 0; rank < 3; ++rank) {
    BOOST_TEST(errors[rank].starts_with("states: expected a length of"));
    BOOST_TEST(counts[rank] == 12U);
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_without_states_is_continued) {
  std::vector<std::size_t> counts(3);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    const Part part(rank->rank(), 3);
    const fieldfold::CompressionOptions grid{.communicator = rank};
    const IncrementalSVD empty(grid, {.block = 4});
    IncrementalSVD svd(grid, {.block = 4}, {}, empty.checkpoint());
    svd.add(part.of(all_states(), 0, 6));
    svd.update();
    counts[rank->rank()] = svd.num_samples();
  });
  for (const std::size_t count : counts) BOOST_TEST(count == 6U);
}
