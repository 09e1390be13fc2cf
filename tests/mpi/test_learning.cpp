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
import fieldfold.pod.sensors;
import fieldfold.pod.svd;
import fieldfold.rows.samples;
import fieldfold.rows.source;

#include "support/closeness.hpp"
#include "support/error_of.hpp"
#include "support/ranks_as_threads.hpp"
#include "support/warnings_of.hpp"

namespace {

using fieldfold::BasicSVD;
using fieldfold::CompressionOptions;
using fieldfold::DecompositionMethod;
using fieldfold::MassMatrix;
using fieldfold::NormalizationMethod;
using fieldfold::SVDOptions;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// Snapshots of two fields, `(2 points, samples)`: modes of singular values 1, 1/3, 1/9, ..., so that each is as well
/// determined as the first, on a mean of its own.
xt::xarray<double> snapshots_of(std::size_t points, std::size_t samples, std::size_t modes = 6) {
  std::mt19937_64 generator(5);
  std::normal_distribution<double> normal;
  auto snapshots = xt::xarray<double>::from_shape({2 * points, samples});
  for (std::size_t i = 0; i < 2 * points; ++i)
    for (std::size_t j = 0; j < samples; ++j) snapshots(i, j) = i % 2 == 0 ? 3.0 : 700.0;
  double size = 1.0;
  for (std::size_t mode = 0; mode < modes; ++mode, size /= 3.0) {
    std::vector<double> shape(2 * points);
    std::vector<double> course(samples);
    for (double& x : shape) x = normal(generator);
    for (double& x : course) x = size * normal(generator);
    for (std::size_t i = 0; i < 2 * points; ++i)
      for (std::size_t j = 0; j < samples; ++j) snapshots(i, j) += (i % 2 == 0 ? 1.0 : 50.0) * shape[i] * course[j];
  }
  return snapshots;
}

/// The first point of each rank, and the number of points: uneven shares, and for four ranks or more an empty one.
std::vector<std::size_t> shares_of(std::size_t points, std::size_t ranks) {
  std::vector<std::size_t> first{0};
  for (std::size_t rank = 1; rank < ranks; ++rank)
    first.push_back(rank == 3 ? first.back() : points * rank * rank / (ranks * ranks));
  std::ranges::sort(first);
  first.push_back(points);
  return first;
}

template <class T>
xt::xarray<T> rows_of(const xt::xarray<T>& matrix, std::size_t first, std::size_t end) {
  auto part = xt::xarray<T>::from_shape({end - first, matrix.shape(1)});
  std::copy(matrix.data() + first * matrix.shape(1), matrix.data() + end * matrix.shape(1), part.data());
  return part;
}

/// The largest difference between two ranges of the same length; NaN equals NaN.
template <class A, class B>
double difference(const A& found, const B& expected) {
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  double largest = 0.0;
  auto other = expected.begin();
  for (const auto value : found) {
    const auto wanted = static_cast<double>(*other++);
    if (std::isnan(wanted) && std::isnan(static_cast<double>(value))) continue;
    const double apart = std::abs(static_cast<double>(value) - wanted);
    largest = std::isnan(apart) ? std::numeric_limits<double>::infinity() : std::max(largest, apart);
  }
  return largest;
}

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

/// Triplets of the mass matrix of linear elements of different lengths; those of the elements that begin at some
/// points.
struct Elements {
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;

  Elements(std::size_t points, std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < std::min(end, points - 1); ++i)
      for (const std::size_t row : {i, i + 1})
        for (const std::size_t column : {i, i + 1}) {
          rows.push_back(static_cast<double>(row));
          columns.push_back(static_cast<double>(column));
          values.push_back((1.0 + static_cast<double>(i % 7)) * (row == column ? 2.0 : 1.0) / 6.0);
        }
  }
};

xt::xarray<double> array_of(const std::vector<double>& numbers) {
  auto array = xt::xarray<double>::from_shape({numbers.size()});
  std::ranges::copy(numbers, array.begin());
  return array;
}

MassMatrix whole_mass(std::size_t points) {
  const Elements all(points, 0, points);
  return {points, array_of(all.rows), array_of(all.columns), array_of(all.values)};
}

MassMatrix own_mass(std::shared_ptr<const ThreadRank> rank, std::size_t points, std::size_t first, std::size_t end) {
  const Elements own(points, first, end);
  return {rank, end - first, array_of(own.rows), array_of(own.columns), array_of(own.values)};
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

SVDOptions of_rank(std::size_t rank) { return {.rule = {.rank = rank}}; }

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

BOOST_AUTO_TEST_CASE(products_with_a_distributed_mass_matrix_are_those_of_the_whole) {
  // Points in an order in which neighbors are far apart.
  constexpr std::size_t points = 1200;
  const auto scattered = [](double point) { return static_cast<double>(static_cast<std::size_t>(point) * 7 % points); };
  Elements all(points, 0, points);
  std::ranges::transform(all.rows, all.rows.begin(), scattered);
  std::ranges::transform(all.columns, all.columns.begin(), scattered);
  const MassMatrix whole(points, array_of(all.rows), array_of(all.columns), array_of(all.values));
  auto x = xt::xarray<double>::from_shape({points, 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = std::sin(static_cast<double>(i));
  auto y = xt::xarray<double>::from_shape({points, 3});
  whole.multiply(fieldfold::as_matrix(std::as_const(x)), fieldfold::as_matrix(y));
  std::vector<double> differences(4);
  on_ranks(4, [&](std::shared_ptr<const ThreadRank> rank) {
    const auto first = shares_of(points, 4);
    const std::size_t begin = first[rank->rank()];
    const std::size_t end = first[rank->rank() + 1];
    // Each rank has any fourth of the triplets.
    std::vector<double> rows;
    std::vector<double> columns;
    std::vector<double> values;
    for (std::size_t e = rank->rank(); e < all.rows.size(); e += 4) {
      rows.push_back(all.rows[e]);
      columns.push_back(all.columns[e]);
      values.push_back(all.values[e]);
    }
    const MassMatrix own(rank, end - begin, array_of(rows), array_of(columns), array_of(values));
    const auto own_x = rows_of(x, begin, end);
    auto own_y = xt::xarray<double>::from_shape({end - begin, 3});
    own.multiply(fieldfold::as_matrix(own_x), fieldfold::as_matrix(own_y));
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t k = 0; k < 3; ++k)
        differences[rank->rank()] = std::max(differences[rank->rank()], std::abs(own_y(i - begin, k) - y(i, k)));
  });
  BOOST_TEST(*std::ranges::max_element(differences) <= 1e-14);
}

BOOST_AUTO_TEST_CASE(mass_matrices_that_are_not_symmetric_across_ranks_are_refused) {
  for (const double there : {0.0, 0.3}) {
    std::vector<std::string> errors(2);
    on_ranks(2, [&](std::shared_ptr<const ThreadRank> rank) {
      // Points 0 and 1 on rank 0, 2 and 3 on rank 1; the entry (1, 2) is not that of (2, 1).
      std::vector<double> rows{0, 1, 2, 3, 1};
      std::vector<double> columns{0, 1, 2, 3, 2};
      std::vector<double> values{1, 1, 1, 1, 0.25};
      if (there > 0.0) {
        rows.push_back(2);
        columns.push_back(1);
        values.push_back(there);
      }
      if (rank->rank() == 1) rows = columns = values = {};
      errors[rank->rank()] =
          error_of([&] { MassMatrix(rank, 2, array_of(rows), array_of(columns), array_of(values)); });
    });
    BOOST_TEST(errors[0].starts_with("mass: expected a symmetric matrix"));
    BOOST_TEST(errors[1] == errors[0]);
  }
}

BOOST_AUTO_TEST_CASE(sensors_are_the_same_rows) {
  BasicSVD<double> alone({.fields = {"u", "p"}}, of_rank(4));
  alone.compute_map(snapshots_of(61, 12));
  for (const std::size_t count : {4U, 7U}) {
    const auto expected = fieldfold::sensors(alone.projection_matrix(), count);
    for (const std::size_t ranks : {1U, 3U, 4U}) {
      std::vector<std::vector<std::size_t>> found(ranks);
      std::vector<double> amplification(ranks);
      on_ranks(ranks, [&](std::shared_ptr<const ThreadRank> rank) {
        const auto first = shares_of(61, ranks);
        const auto own = rows_of(alone.projection_matrix(), 2 * first[rank->rank()], 2 * first[rank->rank() + 1]);
        const fieldfold::RowPartition partition(*rank, own.shape(0));
        found[rank->rank()] = fieldfold::sensors(own, count, partition);
        amplification[rank->rank()] = fieldfold::noise_amplification(own, expected, partition);
      });
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        BOOST_TEST(found[rank] == expected, boost::test_tools::per_element());
        BOOST_TEST(std::abs(amplification[rank] -
                            fieldfold::noise_amplification(alone.projection_matrix(), expected)) <= 1e-12);
      }
    }
  }
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

BOOST_AUTO_TEST_CASE(masked_points_are_those_of_all_ranks) {
  auto snapshots = snapshots_of(61, 12);
  for (std::size_t j = 0; j < 12; ++j)
    for (const std::size_t row : {4U, 5U, 30U, 31U, 77U, 121U}) snapshots(row, j) = missing;
  SVDOptions options = of_rank(4);
  options.field_opts.mask = fieldfold::Mask::automatic;
  options.field_opts.center = true;
  const CompressionOptions grid{.fields = {"u", "p"}};
  BasicSVD<double> alone(grid, options);
  alone.compute_map(snapshots);
  on_ranks(3, [&](std::shared_ptr<const ThreadRank> rank) {
    const auto first = shares_of(61, 3);
    CompressionOptions own = grid;
    own.communicator = rank;
    BasicSVD<double> svd(own, options);
    svd.compute_map(rows_of(snapshots, 2 * first[rank->rank()], 2 * first[rank->rank() + 1]));
    const auto part = rows_of(alone.projection_matrix(), 2 * first[rank->rank()], 2 * first[rank->rank() + 1]);
    if (relative_difference(svd.singular_values(), alone.singular_values()) > 1e-12) throw std::runtime_error("values");
    if (part.size() > 0 && relative_difference(svd.projection_matrix(), part) > 1e-11)
      throw std::runtime_error("basis");
  });
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
