#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
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
