#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold;

#include "support/data/waves.hpp"

namespace {

using fieldfold::as_matrix;
using fieldfold::SVD;

constexpr std::size_t dof = 40;

/// Columns `first` to `first + count` of snapshots with a mean, of full numerical rank.
xt::xarray<double> snapshots(std::size_t first, std::size_t count) {
  const auto all = waves(dof, 30);
  auto part = xt::xarray<double>::from_shape({dof, count});
  for (std::size_t i = 0; i < dof; ++i)
    for (std::size_t j = 0; j < count; ++j)
      part(i, j) = all(i, first + j) + 3.0 + 0.05 * static_cast<double>((7 * i + 11 * (first + j) * i) % 13);
  return part;
}

fieldfold::SVDOptions options_of(bool center, bool weighted) {
  fieldfold::SVDOptions options{.field_opts = {.center = center}, .keep_training_latents = true};
  if (weighted) options.field_opts.point_weights = xt::linspace<double>(0.5, 2.0, dof / 2);
  return options;
}

SVD learned(const xt::xarray<double>& matrix, const fieldfold::SVDOptions& options, std::size_t rank) {
  SVD svd({.fields = {"p", "q"}}, options);
  svd.compute_map(matrix, {.rank = rank});
  return svd;
}

/// Checks that a map is that of all snapshots. The tolerance allows for the squares of the Gram matrix.
void check_equal(const SVD& map, const SVD& all) {
  BOOST_TEST_REQUIRE(map.rank() == all.rank());
  BOOST_TEST(map.num_samples() == all.num_samples());
  const auto angles = fieldfold::principal_angles(map, all);
  BOOST_TEST(*std::ranges::max_element(angles) < 1e-9);
  for (std::size_t k = 0; k < map.rank(); ++k) {
    BOOST_TEST(std::abs(map.singular_values()(k) / all.singular_values()(k) - 1.0) < 1e-10);
    BOOST_TEST(std::abs(map.map().latent_ranges[k].first - all.map().latent_ranges[k].first) < 1e-8);
    BOOST_TEST(std::abs(map.map().latent_ranges[k].second - all.map().latent_ranges[k].second) < 1e-8);
  }
  BOOST_TEST(relative_difference(map.projection_matrix(), all.projection_matrix()) < 1e-8);
  BOOST_TEST(relative_difference(map.training_latents(), all.training_latents()) < 1e-9);
  BOOST_TEST(relative_difference(map.map().latent_covariance, all.map().latent_covariance) < 1e-9);
  BOOST_TEST(std::abs(map.energy() - all.energy()) < 1e-12);
  if (!all.map().is_centered()) return;
  // Masked numbers have none.
  for (std::size_t i = 0; i < dof; ++i)
    BOOST_TEST(
        (std::abs(map.mean()(i) - all.mean()(i)) < 1e-12 || (std::isnan(map.mean()(i)) && std::isnan(all.mean()(i)))));
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_map_of_parts_is_the_map_of_all_snapshots) {
  for (const bool center : {false, true})
    for (const bool weighted : {false, true}) {
      const auto options = options_of(center, weighted);
      // Parts keep all of their modes, so that nothing is truncated.
      const std::size_t lost = center ? 1 : 0;
      const SVD a = learned(snapshots(0, 18), options, 18 - lost);
      const SVD b = learned(snapshots(18, 12), options, 12 - lost);
      const SVD all = learned(snapshots(0, 30), options, 6);
      BOOST_TEST_CONTEXT("center " << center << ", weighted " << weighted) {
        check_equal(fieldfold::merged(a, b, {.rank = 6}), all);
        check_equal(fieldfold::appended(a, fieldfold::MatrixRows<double>(as_matrix(snapshots(18, 12))), {.rank = 6}),
                    all);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_mass_matrix_and_a_mask_are_kept) {
  const auto chain = xt::arange<double>(dof / 2 - 1);
  const auto cells = xt::xarray<double>(xt::transpose(xt::xarray<double>(
      xt::concatenate(xt::xtuple(xt::view(xt::xarray<double>(chain), xt::newaxis(), xt::all()),
                                 xt::view(xt::xarray<double>(chain + 1.0), xt::newaxis(), xt::all()))))));
  fieldfold::Mesh mesh{.points = xt::zeros<double>({dof / 2, std::size_t{3}})};
  for (std::size_t p = 0; p < dof / 2; ++p) mesh.points(p, 0) = static_cast<double>(p * p);
  for (std::size_t cell = 0; cell < cells.shape(0); ++cell) {
    mesh.nodes.insert(mesh.nodes.end(), {cell, cell + 1});
    mesh.offsets.push_back(2 * (cell + 1));
    mesh.types.push_back(static_cast<std::uint8_t>(fieldfold::CellType::line));
  }
  auto options = options_of(true, false);
  options.field_opts.mass = fieldfold::consistent_mass(mesh);
  const SVD a = learned(snapshots(0, 18), options, 17);
  const SVD b = learned(snapshots(18, 12), options, 11);
  check_equal(fieldfold::merged(a, b, {.rank = 5}), learned(snapshots(0, 30), options, 5));

  auto masked = options_of(true, false);
  masked.field_opts.mask = fieldfold::Mask::automatic;
  auto land = snapshots(0, 30);
  for (std::size_t j = 0; j < 30; ++j) land(4, j) = std::numeric_limits<double>::quiet_NaN();
  const auto part = [&](std::size_t first, std::size_t count) {
    return xt::xarray<double>(xt::view(land, xt::all(), xt::range(first, first + count)));
  };
  const SVD ocean = learned(part(0, 18), masked, 17);
  const auto longer = fieldfold::appended(ocean, fieldfold::MatrixRows<double>(as_matrix(part(18, 12))), {.rank = 5});
  check_equal(longer, learned(land, masked, 5));
  BOOST_TEST(longer.projection_matrix()(4, 0) == 0.0);
}

BOOST_AUTO_TEST_CASE(what_parts_have_truncated_counts_as_error) {
  const auto options = options_of(false, false);
  const SVD a = learned(snapshots(0, 18), options, 3);
  const SVD b = learned(snapshots(18, 12), options, 3);
  const SVD both = fieldfold::merged(a, b, {.rank = 3});
  const auto all = snapshots(0, 30);
  double squares = 0.0;
  for (const double x : all) squares += x * x;
  double kept = 0.0;
  for (std::size_t k = 0; k < both.singular_values().size(); ++k)
    kept += both.singular_values()(k) * both.singular_values()(k);
  // All squares are accounted for, and the error is no less than that of the best basis of the rank.
  BOOST_TEST(std::abs((kept + both.map().unresolved_squares) / squares - 1.0) < 1e-12);
  BOOST_TEST(both.reconstruction_error() >= learned(all, options, 3).reconstruction_error());
}

BOOST_AUTO_TEST_CASE(ranges_without_training_latents_enclose_the_coefficients) {
  auto options = options_of(true, false);
  options.keep_training_latents = false;
  const SVD both =
      fieldfold::merged(learned(snapshots(0, 18), options, 6), learned(snapshots(18, 12), options, 6), {.rank = 4});
  const auto latents = both.compress(xt::xarray<double>(xt::transpose(snapshots(0, 30))));
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t j = 0; j < 30; ++j) {
      BOOST_TEST(latents(j, k) >= both.map().latent_ranges[k].first - 0.05);
      BOOST_TEST(latents(j, k) <= both.map().latent_ranges[k].second + 0.05);
    }
  BOOST_TEST(!both.map().training_latents.has_value());
}

BOOST_AUTO_TEST_CASE(snapshots_with_missing_numbers_are_dropped_and_counted) {
  const auto options = options_of(true, false);
  const SVD a = learned(snapshots(0, 18), options, 17);
  auto more = snapshots(18, 12);
  const auto with_gap = [&] {
    auto gappy = xt::xarray<double>::from_shape({dof, std::size_t{13}});
    for (std::size_t i = 0; i < dof; ++i)
      for (std::size_t j = 0; j < 13; ++j) gappy(i, j) = j == 5 ? 1.0 : more(i, j < 5 ? j : j - 1);
    gappy(3, 5) = std::numeric_limits<double>::quiet_NaN();
    return gappy;
  }();
  const SVD longer = fieldfold::appended(a, fieldfold::MatrixRows<double>(as_matrix(with_gap)), {.rank = 6});
  BOOST_TEST(longer.num_dropped() == 1);
  check_equal(longer, learned(snapshots(0, 30), options, 6));
}

BOOST_AUTO_TEST_CASE(a_truncated_map_has_the_leading_modes) {
  const auto matrix = snapshots(0, 30);
  const SVD svd = learned(matrix, options_of(true, true), 8);
  const SVD expected = learned(matrix, options_of(true, true), 3);
  const SVD fewer = fieldfold::truncated(svd, {.rank = 3});
  BOOST_TEST(relative_difference(fewer.projection_matrix(), expected.projection_matrix()) < 1e-10);
  BOOST_TEST(relative_difference(fewer.training_latents(), expected.training_latents()) < 1e-10);
  BOOST_TEST(std::abs(fewer.energy() - expected.energy()) < 1e-13);
  BOOST_TEST(!fewer.map().errors.has_value());
  // A looser tolerance keeps as many modes as learning with it.
  SVD by_energy({.fields = {"p", "q"}}, options_of(true, true));
  by_energy.compute_map(matrix, {.energy_tol = 0.9 * svd.energy()});
  BOOST_TEST(fieldfold::truncated(svd, {.energy_tol = 0.9 * svd.energy()}).rank() == by_energy.rank());
  BOOST_TEST(error_of([&] { fieldfold::truncated(svd, {.rank = 9}); }) ==
             "rank: expected at most that of the map, 8, got 9");
  BOOST_TEST(error_of([&] { fieldfold::truncated(svd, {}); }).starts_with("rule: expected rank, energy_tol or"));
  BOOST_TEST(error_of([&] { fieldfold::truncated(svd, {.sample_tol = 0.1}); }).find("others need the snapshots") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(maps_of_different_spaces_are_refused) {
  const SVD a = learned(snapshots(0, 18), options_of(true, false), 6);
  const auto error = [&](const SVD& b) { return error_of([&] { fieldfold::merged(a, b); }); };
  BOOST_TEST(error(learned(snapshots(0, 18), options_of(false, false), 6)) ==
             "maps: expected the same choice of a mean of both");
  BOOST_TEST(error(learned(snapshots(0, 18), options_of(true, true), 6)) ==
             "maps: expected the same point weights of both");
  SVD other({.fields = {"p", "r"}}, options_of(true, false));
  other.compute_map(snapshots(0, 18), {.rank = 6});
  BOOST_TEST(error(other) == "maps: expected the same fields of both");
  auto options = options_of(true, false);
  options.field_opts.normalize = {.method = fieldfold::NormalizationMethod::zscore};
  BOOST_TEST(error(learned(snapshots(0, 18), options, 6)).find("the same normalization of p") != std::string::npos);
  BOOST_TEST(error_of([&] { fieldfold::appended(a, fieldfold::MatrixRows<double>(as_matrix(waves(7, 3)))); }) ==
             "snapshots: expected 40 rows, got 7");
}

BOOST_AUTO_TEST_CASE(missing_values_of_the_map_are_missing_in_further_snapshots) {
  auto options = options_of(true, false);
  options.field_opts.missing_values = {-999.0};
  const SVD a = learned(snapshots(0, 18), options, 17);
  auto more = snapshots(18, 12);
  more(5, 3) = -999.0;
  const SVD longer = fieldfold::appended(a, fieldfold::MatrixRows<double>(as_matrix(std::as_const(more))), {.rank = 4});
  BOOST_TEST(longer.num_dropped() == 1);
  BOOST_TEST(longer.num_samples() == 29);
  const auto errors = fieldfold::projection_errors(a, fieldfold::MatrixRows<double>(as_matrix(std::as_const(more))));
  BOOST_TEST(std::isnan(errors.snapshots(3)));
  BOOST_TEST(errors.snapshots(2) < 1.0);
}

BOOST_AUTO_TEST_CASE(snapshots_with_weights_are_not_merged) {
  auto options = options_of(true, false);
  options.field_opts.sample_weights = xt::linspace<double>(1.0, 3.0, 18);
  const SVD a = learned(snapshots(0, 18), options, 6);
  BOOST_TEST(error_of([&] { fieldfold::merged(a, a); }) ==
             "maps: expected snapshots of the weight 1, got sample_weights");
}
