#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.pod.whitening;

#include "support/data/two_fields.hpp"

using fieldfold::NormalizationMethod;
using fieldfold::SVD;

namespace {

xt::xarray<double> waves(std::size_t m, std::size_t n) {
  auto matrix = xt::xarray<double>::from_shape({m, n});
  for (std::size_t row = 0; row < m; ++row)
    for (std::size_t col = 0; col < n; ++col) {
      const auto i = static_cast<double>(row);
      const auto j = static_cast<double>(col);
      matrix(row, col) = std::cos(0.37 * (i + 1) * (j + 1)) + 0.1 * std::sin(i + j * j);
    }
  return matrix;
}

}  // namespace

BOOST_AUTO_TEST_CASE(latent_ranges_and_training_latents_match_the_compressed_snapshots) {
  const auto snapshots = waves(25, 8);
  SVD svd({}, {.rule = {.rank = 3}, .keep_training_latents = true});
  svd.compute_map(snapshots);
  const auto latents = svd.compress(xt::transpose(snapshots));
  BOOST_TEST(relative_difference(svd.training_latents(), latents) < 1e-13);
  const auto ranges = svd.estimate_latent_ranges();
  for (std::size_t mode = 0; mode < 3; ++mode) {
    double low = latents(0, mode);
    double high = low;
    for (std::size_t j = 0; j < 8; ++j) {
      low = std::min(low, latents(j, mode));
      high = std::max(high, latents(j, mode));
    }
    BOOST_TEST(std::abs(ranges[mode].first - low) < 1e-13);
    BOOST_TEST(std::abs(ranges[mode].second - high) < 1e-13);
  }
  SVD without;
  without.compute_map(snapshots);
  BOOST_CHECK_THROW(without.training_latents(), fieldfold::NotReady);
}

BOOST_AUTO_TEST_CASE(inconsistent_maps_are_rejected) {
  SVD good;
  good.compute_map(waves(20, 6), {.rank = 3});
  const auto expect_rejected = [&](const auto& corrupt) {
    auto map = good.map();
    corrupt(map);
    BOOST_CHECK_THROW(SVD({}, {}, map), fieldfold::InvalidArgument);
  };
  BOOST_TEST(SVD({}, {}, good.map()).energy() == good.energy());
  expect_rejected([](auto& map) { map.projection_matrix(0, 0) += 1e-3; });
  expect_rejected([](auto& map) { map.projection_matrix(0, 0) = missing; });
  expect_rejected([](auto& map) { map.singular_values(2) = map.singular_values(1) * 2.0; });
  expect_rejected([](auto& map) { map.singular_values(5) = -1.0; });
  expect_rejected([](auto& map) { map.latent_ranges.pop_back(); });
  expect_rejected([](auto& map) { std::swap(map.latent_ranges[0].first, map.latent_ranges[0].second); });
  expect_rejected([](auto& map) { map.num_samples = 5; });
  expect_rejected([](auto& map) { map.training_latents = xt::xarray<double>(xt::zeros<double>({6, 2})); });
  expect_rejected([](auto& map) { map.unresolved_squares = -1.0; });
  expect_rejected([](auto& map) { map.errors->snapshots(2) = missing; });
  expect_rejected([](auto& map) { map.errors->snapshots = xt::zeros<double>({5}); });
  expect_rejected([](auto& map) { map.errors->fields = xt::zeros<double>({2}); });
  expect_rejected([](auto& map) {
    map.validation_errors = map.errors;
    map.validation_errors->snapshots = xt::zeros<double>({0});
    map.validation_errors->snapshot_fields = xt::zeros<double>({0, 1});
  });
}

BOOST_AUTO_TEST_CASE(latent_ranges_are_widened_by_a_share_of_their_width) {
  const auto svd = learned(two_fields(), {});
  const auto ranges = svd.estimate_latent_ranges();
  const auto wider = svd.estimate_latent_ranges(0.1);
  for (std::size_t k = 0; k < 3; ++k) {
    const double width = ranges[k].second - ranges[k].first;
    BOOST_TEST(std::abs(wider[k].first - (ranges[k].first - 0.1 * width)) < 1e-9 * width);
    BOOST_TEST(std::abs(wider[k].second - (ranges[k].second + 0.1 * width)) < 1e-9 * width);
  }
  BOOST_TEST(fails([&] { svd.estimate_latent_ranges(-0.1); }, "margin"));
}

BOOST_AUTO_TEST_CASE(overflowing_statistics_do_not_invalidate_a_map) {
  const auto values = field(1e159, 1e160, 0.3);
  const auto svd = learned({{"u", values}}, {});
  BOOST_TEST(fails([&] { fieldfold::Whitening(svd.map()); }, "are unknown"));
  BOOST_TEST(SVD(svd.compression_options(), svd.options(), svd.map()).rank() == 3);
  BOOST_TEST(fails([&] { learned({{"u", values}}, {.normalize = {.method = NormalizationMethod::zscore}}); },
                   "field u: expected numbers whose squares"));
}

BOOST_AUTO_TEST_CASE(rms_errors_are_those_of_reconstructed_fields_in_their_units) {
  // Two fields of different sizes on 12 points, 8 snapshots.
  auto snapshots = waves(24, 8);
  for (std::size_t p = 0; p < 12; ++p)
    for (std::size_t j = 0; j < 8; ++j) {
      snapshots(2 * p, j) = 1e5 + 300.0 * snapshots(2 * p, j);
      snapshots(2 * p + 1, j) = 1.5 + std::abs(snapshots(2 * p + 1, j));
    }
  const xt::xarray<double> weights = xt::linspace<double>(1.0, 2.0, 12);
  // A tridiagonal mass matrix.
  auto mass = xt::xarray<double>::from_shape({12, 12});
  for (std::size_t p = 0; p < 12; ++p)
    for (std::size_t q = 0; q < 12; ++q) mass(p, q) = p == q ? 2.0 : p + 1 == q || q + 1 == p ? 0.5 : 0.0;
  std::vector<double> triplets[3];
  for (std::size_t p = 0; p < 12; ++p)
    for (std::size_t q = 0; q < 12; ++q) {
      triplets[0].push_back(static_cast<double>(p));
      triplets[1].push_back(static_cast<double>(q));
      triplets[2].push_back(mass(p, q));
    }
  const auto as_array = [](const std::vector<double>& numbers) {
    auto array = xt::xarray<double>::from_shape({numbers.size()});
    std::ranges::copy(numbers, array.begin());
    return array;
  };
  const auto rows = as_array(triplets[0]);
  const auto columns = as_array(triplets[1]);
  const auto values = as_array(triplets[2]);
  const xt::xarray<double> sample_weights = xt::linspace<double>(0.5, 4.0, 8);
  const auto apply_mass = [&](std::span<const double> x, std::span<double> y) {
    for (std::size_t p = 0; p < 12; ++p) {
      y[p] = 0.0;
      for (std::size_t q = 0; q < 12; ++q) y[p] += mass(p, q) * x[q];
    }
  };
  const fieldfold::Normalization zscore{.method = NormalizationMethod::zscore};
  for (const fieldfold::FieldOptions& options :
       {fieldfold::FieldOptions{}, fieldfold::FieldOptions{.normalize = zscore, .center = true},
        fieldfold::FieldOptions{.center = true, .point_weights = weights, .field_weights = {{"p", 3.0}}},
        fieldfold::FieldOptions{.center = true, .mass = fieldfold::MassMatrix(rows, columns, values)},
        fieldfold::FieldOptions{.sample_weights = sample_weights, .mass = fieldfold::MassMatrix(12, apply_mass)}}) {
    SVD svd({.fields = {"p", "u"}}, {.field_opts = options, .rule = {.rank = 3}});
    svd.compute_map(snapshots);
    const auto found = svd.errors().rms;
    const xt::xarray<double> states = xt::transpose(snapshots);
    const auto again = svd.reconstruct(svd.compress(states));
    const auto weight_of = [&](std::size_t p, std::size_t q) {
      return options.mass ? mass(p, q) : p != q ? 0.0 : options.point_weights ? weights(p) : 1.0;
    };
    for (std::size_t field = 0; field < 2; ++field) {
      const auto error = [&](std::size_t j, std::size_t p) {
        return again(j, 2 * p + field) - states(j, 2 * p + field);
      };
      double squares = 0.0;
      double total = 0.0;
      for (std::size_t p = 0; p < 12; ++p)
        for (std::size_t q = 0; q < 12; ++q)
          for (std::size_t j = 0; j < 8; ++j) {
            const double weight = weight_of(p, q) * (options.sample_weights ? sample_weights(j) : 1.0);
            squares += weight * error(j, p) * error(j, q);
            total += weight;
          }
      // Rounding of numbers of 1e5, beside errors of 1.
      BOOST_TEST(std::abs(found[field] / std::sqrt(squares / total) - 1.0) < 1e-8);
    }
  }
  SVD logarithmic(
      {.fields = {"p", "u"}},
      {.field_opts = {.normalize_field = {{"u", {.method = NormalizationMethod::log10}}}}, .rule = {.rank = 3}});
  logarithmic.compute_map(snapshots);
  const auto found = logarithmic.errors().rms;
  BOOST_TEST((found[0] > 0.0 && std::isnan(found[1])));
}
