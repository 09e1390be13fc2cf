// Maps of snapshots whose points are distributed among ranks are those of one process.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.map;
import fieldfold.pod.projection;
import fieldfold.pod.svd;
import fieldfold.rows.source;

#include "mpi/snapshots.hpp"
#include "support/closeness.hpp"
#include "support/error_of.hpp"
#include "support/ranks_as_threads.hpp"

namespace {

using fieldfold::BasicSVD;
using fieldfold::CompressionOptions;
using fieldfold::DecompositionMethod;
using fieldfold::MassMatrix;
using fieldfold::NormalizationMethod;
using fieldfold::SVDOptions;

/// What one rank has found.
template <class T>
struct Found {
  fieldfold::BasicSVDMap<T> map;
  xt::xarray<T> latent;
  fieldfold::BasicAssessment<T> assessment;
  xt::xarray<T> reconstructed;
  DecompositionMethod method;
};

template <class T>
Found<T> found_by(BasicSVD<T>& svd, const xt::xarray<T>& snapshots, const xt::xarray<T>& states) {
  svd.compute_map(snapshots);
  auto latent = svd.compress(states);
  auto reconstructed = svd.reconstruct(latent);
  return {svd.map(), latent, svd.assess(states), std::move(reconstructed), svd.report().method};
}

SVDOptions with_own_weights(SVDOptions options, std::size_t first, std::size_t end) {
  auto& weights = options.field_opts.point_weights;
  if (!weights) return options;
  auto own = xt::xarray<double>::from_shape({end - first});
  std::copy(weights->data() + first, weights->data() + end, own.data());
  weights = std::move(own);
  return options;
}

/// Compares maps on 1, 2, 3, 4 and 7 ranks with that of one process. \param tolerance  relative, of all numbers
template <class T>
void compare(const SVDOptions& options, const xt::xarray<T>& snapshots, double tolerance) {
  const CompressionOptions grid{.fields = {"u", "p"}};
  const std::size_t points = snapshots.shape(0) / 2;
  xt::xarray<T> states = xt::xarray<T>::from_shape({snapshots.shape(1), snapshots.shape(0)});
  for (std::size_t i = 0; i < snapshots.shape(0); ++i)
    for (std::size_t j = 0; j < snapshots.shape(1); ++j) states(j, i) = snapshots(i, j);
  BasicSVD<T> alone(grid, options);
  const Found<T> expected = found_by(alone, snapshots, states);
  for (const std::size_t ranks : {1U, 2U, 3U, 4U, 7U}) {
    BOOST_TEST_CONTEXT("ranks " << ranks) {
      const auto first = shares_of(points, ranks);
      std::vector<std::optional<Found<T>>> found(ranks);
      on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
        const std::size_t begin = 2 * first[rank->rank()];
        const std::size_t end = 2 * first[rank->rank() + 1];
        auto own_states = xt::xarray<T>::from_shape({states.shape(0), end - begin});
        for (std::size_t j = 0; j < states.shape(0); ++j)
          for (std::size_t i = begin; i < end; ++i) own_states(j, i - begin) = states(j, i);
        CompressionOptions own_grid = grid;
        own_grid.communicator = rank;
        SVDOptions own_options = with_own_weights(options, begin / 2, end / 2);
        if (options.field_opts.mass) own_options.field_opts.mass = own_mass(rank, points, begin / 2, end / 2);
        BasicSVD<T> svd(own_grid, own_options);
        found[rank->rank()] = found_by(svd, rows_of(snapshots, begin, end), own_states);
      });
      const auto& map = expected.map;
      const std::size_t rank_of_map = map.projection_matrix.shape(1);
      auto basis = xt::xarray<T>::from_shape(map.projection_matrix.shape());
      auto reconstructed = xt::xarray<T>::from_shape(expected.reconstructed.shape());
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        const auto& part = *found[rank];
        BOOST_TEST_REQUIRE(part.map.projection_matrix.shape(0) == 2 * (first[rank + 1] - first[rank]));
        BOOST_TEST_REQUIRE(part.map.projection_matrix.shape(1) == rank_of_map);
        std::ranges::copy(part.map.projection_matrix,
                          basis.begin() + static_cast<std::ptrdiff_t>(2 * first[rank] * rank_of_map));
        for (std::size_t j = 0; j < states.shape(0); ++j)
          for (std::size_t i = 2 * first[rank]; i < 2 * first[rank + 1]; ++i)
            reconstructed(j, i) = part.reconstructed(j, i - 2 * first[rank]);
        // All ranks have the same figures, bit for bit.
        BOOST_TEST((part.map.singular_values == found[0]->map.singular_values));
        BOOST_TEST((part.latent == found[0]->latent));
        BOOST_TEST(part.map.num_samples == map.num_samples);
        BOOST_TEST(part.map.num_dropped == map.num_dropped);
        BOOST_TEST(part.map.num_filled == map.num_filled);
        // A Gram matrix has the truncated singular values to half of the digits.
        const auto size = static_cast<double>(map.singular_values(0));
        BOOST_TEST(difference(part.map.singular_values, map.singular_values) <= 1e-8 * size + tolerance * size);
        for (std::size_t mode = 0; mode < rank_of_map; ++mode)
          BOOST_TEST(std::abs(part.map.singular_values(mode) - map.singular_values(mode)) <= tolerance * size);
        BOOST_TEST(difference(part.latent, expected.latent) <= tolerance * size);
        BOOST_TEST(difference(part.map.errors->snapshots, map.errors->snapshots) <= tolerance);
        BOOST_TEST(difference(part.map.errors->snapshot_fields, map.errors->snapshot_fields) <= tolerance);
        BOOST_TEST(difference(part.map.errors->rms, map.errors->rms) <= tolerance * 1e3);
        BOOST_TEST(difference(part.map.latent_mean, map.latent_mean) <= tolerance * size);
        BOOST_TEST(difference(part.map.latent_covariance, map.latent_covariance) <= tolerance * size * size);
        BOOST_TEST(difference(part.assessment.latent, expected.assessment.latent) <= tolerance * size);
        BOOST_TEST(difference(part.assessment.distance, expected.assessment.distance) <= tolerance * size);
        BOOST_TEST(difference(part.assessment.condition, expected.assessment.condition) <= tolerance);
        if (map.validation_errors)
          BOOST_TEST(difference(part.map.validation_errors->snapshots, map.validation_errors->snapshots) <= tolerance);
      }
      // Signs, too.
      BOOST_TEST(relative_difference(basis, map.projection_matrix) <= tolerance);
      BOOST_TEST(relative_difference(reconstructed, expected.reconstructed) <= tolerance);
    }
  }
}

/// Rows of a rank that runs out of memory.
class PartOfRows final : public fieldfold::RowSource<double> {
 public:
  PartOfRows(const xt::xarray<double>& matrix, bool fails) : rows_(fieldfold::as_matrix(matrix)), fails_(fails) {}
  std::size_t rows() const override { return rows_.rows(); }
  std::size_t cols() const override { return rows_.cols(); }
  fieldfold::MatrixView<const double> read(std::size_t first, std::size_t count,
                                           std::vector<double>& buffer) const override {
    if (fails_ && ++reads_ > 1) throw std::bad_alloc();
    return rows_.read(first, count, buffer);
  }

 private:
  fieldfold::MatrixRows<double> rows_;
  bool fails_;
  mutable std::size_t reads_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(maps_are_those_of_one_process) { compare(of_rank(4), snapshots_of(61, 12), 1e-12); }

BOOST_AUTO_TEST_CASE(small_summaries_are_sums_as_well) {
  // Fewer rows than the sketch has, and fewer rows than samples.
  compare(of_rank(4), snapshots_of(7, 12), 1e-12);
  compare(of_rank(3), snapshots_of(5, 20), 1e-12);
}

BOOST_AUTO_TEST_CASE(all_methods_are_distributed) {
  for (const auto method : {DecompositionMethod::gram, DecompositionMethod::sketch, DecompositionMethod::randomized}) {
    SVDOptions options = of_rank(3);
    options.method = method;
    compare(options, snapshots_of(700, 40), 1e-11);
  }
}

BOOST_AUTO_TEST_CASE(the_sample_of_rows_that_starts_the_iteration_is_that_of_all_ranks) {
  // More than 64 blocks of rows, so that the iteration starts from a sixteenth of them.
  SVDOptions options = of_rank(2);
  options.method = DecompositionMethod::randomized;
  compare(options, snapshots_of(43000, 100, 4), 1e-11);
}

BOOST_AUTO_TEST_CASE(tolerances_choose_the_same_rank) {
  compare({.rule = {.energy_tol = 0.9999}}, snapshots_of(61, 12), 1e-12);
  compare({.rule = {.reconstruction_tol = 1e-3}}, snapshots_of(61, 12), 1e-12);
  compare({.rule = {.sample_tol = 3e-3}}, snapshots_of(61, 12), 1e-12);
}

BOOST_AUTO_TEST_CASE(means_and_units_are_those_of_all_ranks) {
  SVDOptions options = of_rank(3);
  options.field_opts.center = true;
  compare(options, snapshots_of(61, 12), 1e-12);
  for (const auto method : {NormalizationMethod::zscore, NormalizationMethod::minmax}) {
    options.field_opts.normalize = {.method = method};
    options.field_opts.center = method == NormalizationMethod::minmax;
    compare(options, snapshots_of(61, 12), 1e-11);
  }
  options.field_opts = {.standardize = true};
  compare(options, snapshots_of(61, 12), 1e-11);
}

BOOST_AUTO_TEST_CASE(weights_are_distributed) {
  SVDOptions options = of_rank(3);
  auto weights = xt::xarray<double>::from_shape({61});
  for (std::size_t point = 0; point < 61; ++point) weights(point) = 0.5 + static_cast<double>(point % 7);
  options.field_opts.point_weights = weights;
  options.field_opts.field_weights = {{"p", 1e-4}};
  auto sample_weights = xt::xarray<double>::from_shape({12});
  for (std::size_t j = 0; j < 12; ++j) sample_weights(j) = static_cast<double>(j % 4);
  options.field_opts.sample_weights = sample_weights;
  compare(options, snapshots_of(61, 12), 1e-12);
}

BOOST_AUTO_TEST_CASE(mass_matrices_couple_the_points_of_different_ranks) {
  SVDOptions options = of_rank(3);
  options.field_opts.mass = whole_mass(61);
  compare(options, snapshots_of(61, 12), 1e-12);
  options.field_opts.center = true;
  options.field_opts.normalize = {.method = NormalizationMethod::zscore};
  options.field_opts.gappy_states = fieldfold::GappyStates::fill;
  auto snapshots = snapshots_of(61, 12);
  snapshots(3, 2) = missing;
  snapshots(120, 7) = missing;
  compare(options, snapshots, 1e-11);
  options.method = DecompositionMethod::gram;
  options.field_opts.gappy_snapshots = fieldfold::GappySnapshots::fill;
  compare(options, snapshots, 1e-8);
}

BOOST_AUTO_TEST_CASE(incomplete_snapshots_are_dropped_on_all_ranks) {
  auto snapshots = snapshots_of(61, 12);
  snapshots(3, 2) = missing;
  snapshots(120, 7) = missing;
  SVDOptions options = of_rank(4);
  options.field_opts.gappy_states = fieldfold::GappyStates::fill;
  compare(options, snapshots, 1e-11);
  options.field_opts.center = true;
  compare(options, snapshots, 1e-11);
}

BOOST_AUTO_TEST_CASE(gaps_are_filled_from_all_ranks) {
  auto snapshots = snapshots_of(61, 20, 3);
  std::mt19937_64 generator(2);
  for (std::size_t j = 0; j < 20; ++j)
    for (int k = 0; k < 6; ++k) snapshots(generator() % 122, j) = missing;
  SVDOptions options = of_rank(3);
  options.field_opts.gappy_snapshots = fieldfold::GappySnapshots::fill;
  options.field_opts.gappy_states = fieldfold::GappyStates::fill;
  // The iteration stops at a relative change of 1e-10.
  compare(options, snapshots, 1e-8);
  options.field_opts.center = true;
  options.rule.rank = 2;
  compare(options, snapshots, 1e-8);
}

BOOST_AUTO_TEST_CASE(held_out_snapshots_have_the_same_errors) {
  SVDOptions options = of_rank(3);
  options.validate_every = 4;
  options.keep_training_latents = true;
  compare(options, snapshots_of(61, 12), 1e-12);
}

BOOST_AUTO_TEST_CASE(single_precision_differs_by_its_rounding) {
  const auto snapshots = snapshots_of(61, 12);
  auto single = xt::xarray<float>::from_shape(snapshots.shape());
  std::ranges::transform(snapshots, single.begin(), [](double x) { return static_cast<float>(x); });
  SVDOptions options = of_rank(2);
  options.field_opts.normalize = {.method = NormalizationMethod::zscore};
  compare(options, single, 2e-5);
}

BOOST_AUTO_TEST_CASE(signs_follow_the_first_row_of_a_tie_on_any_rank) {
  // An antisymmetric mode: its largest entries have the same magnitude on all ranks.
  auto snapshots = xt::xarray<double>::from_shape({16, 3});
  for (std::size_t i = 0; i < 16; ++i)
    for (std::size_t j = 0; j < 3; ++j) snapshots(i, j) = (i % 4 < 2 ? -1.0 : 1.0) * static_cast<double>(j + 1);
  compare(of_rank(1), snapshots, 1e-12);
}

BOOST_AUTO_TEST_CASE(the_sums_do_not_grow_with_the_points) {
  // The Gram matrix of n = 40 columns (its triangle), and matrices of the size of n x rank.
  for (const std::size_t points : {3000U, 12000U}) {
    std::vector<std::size_t> sent(3);
    std::vector<std::size_t> calls(3);
    on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
      const auto first = shares_of(points, 3);
      SVDOptions options = of_rank(3);
      options.method = DecompositionMethod::sketch;
      BasicSVD<double> svd({.fields = {"u", "p"}, .communicator = rank}, options);
      svd.compute_map(rows_of(snapshots_of(points, 40), 2 * first[rank->rank()], 2 * first[rank->rank() + 1]));
      sent[rank->rank()] = rank->sent();
      calls[rank->rank()] = rank->calls();
    });
    BOOST_TEST(sent[0] <= 2 * 40 * 40 + 20 * 40 * 3);
    BOOST_TEST(calls[0] <= 60);
    BOOST_TEST(sent[1] == sent[0]);
  }
}

BOOST_AUTO_TEST_CASE(errors_of_one_rank_are_thrown_on_all) {
  const auto snapshots = snapshots_of(61, 12);
  const auto errors_with = [&](const std::function<void(BasicSVD<double>&, std::size_t rank)>& work) {
    std::vector<std::string> errors(4);
    on_ranks(4, [&](std::shared_ptr<const ThreadRank> rank) {
      BasicSVD<double> svd({.fields = {"u", "p"}, .communicator = rank}, of_rank(2));
      try {
        work(svd, rank->rank());
      } catch (const std::exception& error) {
        errors[rank->rank()] = error.what();
      }
    });
    for (const auto& error : errors) BOOST_TEST(error == errors[0]);
    return errors[0];
  };
  const auto first = shares_of(61, 4);
  const auto own = [&](std::size_t rank) { return rows_of(snapshots, 2 * first[rank], 2 * first[rank + 1]); };
  BOOST_TEST(errors_with([&](auto& svd, std::size_t rank) {
               svd.compute_map(rank == 2 ? xt::xarray<double>(rows_of(snapshots, 0, 3)) : own(rank));
             }).starts_with("snapshots: expected rows for 2 fields"));
  BOOST_TEST(
      errors_with([&](auto& svd, std::size_t rank) {
        svd.compute_map(own(rank));
        auto states = xt::xarray<double>(fieldfold::zeros<double>({2, svd.dof()}));
        if (rank == 3) states(1, 4) = missing;
        svd.compress(states, fieldfold::GappyStates::error);
      }).starts_with("states: expected finite numbers, got nan in state 1, entry " + std::to_string(2 * first[3] + 4)));
  BOOST_TEST(errors_with([&](auto& svd, std::size_t rank) {
               const auto part = own(rank);
               svd.compute_map(PartOfRows(part, rank == 1));
             }) == std::bad_alloc().what());
}
