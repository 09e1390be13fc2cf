#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.compression.compressor;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;

#include "support/data/two_fields.hpp"

using fieldfold::FieldOptions;
using fieldfold::Fields;
using fieldfold::Normalization;
using fieldfold::NormalizationMethod;
using fieldfold::SVD;

BOOST_AUTO_TEST_CASE(basis_is_orthonormal_in_the_weighted_inner_product) {
  const auto fields = two_fields();
  auto weights = xt::xarray<double>::from_shape({points});
  for (std::size_t p = 0; p < points; ++p) weights(p) = std::pow(10.0, -6.0 * static_cast<double>(p % 7) / 7.0);
  const FieldOptions options{.center = true, .point_weights = weights, .field_weights = {{"u", 400.0}}};
  const auto weight = [&](std::size_t i) { return weights(i / 2) * (i % 2 == 1 ? 400.0 : 1.0); };
  const auto svd = learned(fields, options);
  BOOST_TEST(off_orthonormal(svd, weight) < 1e-13);
  // The same by hand, with states scaled by the roots of the weights.
  const auto states = states_of(svd, fields);
  xt::xarray<double> by_hand = xt::zeros<double>({svd.dof(), samples});
  const auto mean = svd.mean();
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < svd.dof(); ++i) by_hand(i, j) = std::sqrt(weight(i)) * (states(j, i) - mean(i));
  SVD expected({.fields = {"p", "u"}});
  expected.compute_map(by_hand, {.rank = 3});
  BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-9);
  BOOST_TEST(relative_difference(svd.errors().snapshots, expected.errors().snapshots) < 1e-6);
  BOOST_TEST(relative_difference(svd.errors().fields, expected.errors().fields) < 1e-6);
  // The residual of the projection is orthogonal to the basis.
  const xt::xarray<double> residual = svd.reconstruct(svd.compress(states)) - states;
  for (std::size_t mode = 0; mode < 3; ++mode)
    for (std::size_t j = 0; j < samples; ++j) {
      double sum = 0.0;
      for (std::size_t i = 0; i < svd.dof(); ++i) sum += svd.projection_matrix()(i, mode) * weight(i) * residual(j, i);
      BOOST_TEST(std::abs(sum) < 1e-8);
    }
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_weight_two_equals_two_snapshots) {
  const auto fields = two_fields();
  Fields twice;
  for (const auto& [name, values] : fields) {
    auto more = xt::xarray<double>::from_shape({samples + 1, points});
    for (std::size_t j = 0; j <= samples; ++j)
      for (std::size_t p = 0; p < points; ++p) more(j, p) = values(j == samples ? 4 : j, p);
    twice.emplace(name, more);
  }
  xt::xarray<double> weights = xt::ones<double>({samples});
  weights(4) = 2.0;
  for (const auto method : {NormalizationMethod::none, NormalizationMethod::zscore}) {
    FieldOptions options{.normalize = {.method = method}, .center = true};
    const auto expected = learned(twice, options);
    options.sample_weights = weights;
    const auto svd = learned(fields, options);
    BOOST_TEST(relative_difference(svd.mean(), expected.mean()) < 1e-14);
    BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-10);
    for (std::size_t k = 0; k < 3; ++k)
      BOOST_TEST(std::abs(svd.singular_values()(k) / expected.singular_values()(k) - 1.0) < 1e-11);
    BOOST_TEST(relative_difference(svd.map().latent_covariance, expected.map().latent_covariance) < 1e-10);
    for (std::size_t k = 0; k < 3; ++k) {
      BOOST_TEST(std::abs(svd.estimate_latent_ranges()[k].first - expected.estimate_latent_ranges()[k].first) < 1e-8);
      BOOST_TEST(std::abs(svd.estimate_latent_ranges()[k].second - expected.estimate_latent_ranges()[k].second) < 1e-8);
    }
  }
}

BOOST_AUTO_TEST_CASE(two_points_of_half_the_weight_equal_one_point) {
  const auto whole = field(2.0, 5.0, 1.0);
  auto split = xt::xarray<double>::from_shape({samples, points + 1});
  xt::xarray<double> weights = xt::ones<double>({points + 1});
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t p = 0; p <= points; ++p) split(j, p) = whole(j, p == points ? 9 : p);
  weights(9) = 0.5;
  weights(points) = 0.5;
  for (const auto method : {NormalizationMethod::none, NormalizationMethod::minmax, NormalizationMethod::zscore}) {
    FieldOptions options{.normalize = {.method = method}, .center = true};
    const auto expected = learned({{"u", whole}}, options);
    options.point_weights = weights;
    const auto svd = learned({{"u", split}}, options);
    for (std::size_t k = 0; k < 3; ++k)
      BOOST_TEST(std::abs(svd.singular_values()(k) / expected.singular_values()(k) - 1.0) < 1e-12);
    BOOST_TEST(relative_difference(svd.compress(split), expected.compress(whole)) < 1e-11);
    for (std::size_t k = 0; k < 3; ++k)
      BOOST_TEST(std::abs(svd.projection_matrix()(points, k) - svd.projection_matrix()(9, k)) < 1e-13);
  }
}

BOOST_AUTO_TEST_CASE(permuting_the_points_permutes_the_basis) {
  const auto fields = two_fields();
  std::vector<std::size_t> order(points);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::shuffle(order, std::mt19937_64(3));
  Fields shuffled = fields;
  auto weights = xt::xarray<double>::from_shape({points});
  auto shuffled_weights = weights;
  for (std::size_t p = 0; p < points; ++p) weights(p) = 1.0 + static_cast<double>(p % 5);
  for (auto& [name, values] : shuffled)
    for (std::size_t j = 0; j < samples; ++j)
      for (std::size_t p = 0; p < points; ++p) values(j, p) = fields.at(name)(j, order[p]);
  for (std::size_t p = 0; p < points; ++p) shuffled_weights(p) = weights(order[p]);
  const Normalization zscore{.method = NormalizationMethod::zscore};
  const auto svd = learned(fields, {.normalize = zscore, .center = true, .point_weights = weights});
  const auto other = learned(shuffled, {.normalize = zscore, .center = true, .point_weights = shuffled_weights});
  for (std::size_t p = 0; p < points; ++p)
    for (std::size_t qoi = 0; qoi < 2; ++qoi)
      for (std::size_t k = 0; k < 3; ++k)
        BOOST_TEST(std::abs(other.projection_matrix()(2 * p + qoi, k) -
                            svd.projection_matrix()(2 * order[p] + qoi, k)) < 1e-11);
}

BOOST_AUTO_TEST_CASE(a_diagonal_mass_matrix_equals_point_weights) {
  const auto fields = two_fields();
  auto weights = xt::xarray<double>::from_shape({points});
  auto numbers = weights;
  for (std::size_t p = 0; p < points; ++p) {
    weights(p) = std::pow(10.0, -4.0 * static_cast<double>(p % 7) / 7.0);
    numbers(p) = static_cast<double>(p);
  }
  const FieldOptions options{
      .normalize = {.method = NormalizationMethod::zscore}, .center = true, .field_weights = {{"u", 4.0}}};
  auto weighted = options;
  weighted.point_weights = weights;
  const auto expected = learned(fields, weighted);
  auto sparse = options;
  sparse.mass = fieldfold::MassMatrix(points, numbers, numbers, weights);
  auto function = options;
  function.mass = fieldfold::MassMatrix(points, [&](std::span<const double> x, std::span<double> y) {
    for (std::size_t p = 0; p < points; ++p) y[p] = weights(p) * x[p];
  });
  const auto states = states_of(expected, fields);
  xt::xarray<double> gappy = states;
  gappy(2, 17) = missing;
  gappy(2, 100) = missing;
  const auto assessed = expected.assess(gappy);
  for (const auto& with_mass : {sparse, function}) {
    const auto svd = learned(fields, with_mass);
    BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-12);
    BOOST_TEST(relative_difference(svd.projection_matrix(), expected.projection_matrix()) < 1e-11);
    BOOST_TEST(relative_difference(svd.errors().snapshot_fields, expected.errors().snapshot_fields) < 1e-6);
    BOOST_TEST(relative_difference(svd.compress(states), expected.compress(states)) < 1e-11);
    BOOST_TEST(relative_difference(svd.reconstruct(svd.compress(states)),
                                   expected.reconstruct(expected.compress(states))) < 1e-12);
    const auto found = svd.assess(gappy);
    BOOST_TEST(relative_difference(found.latent, assessed.latent) < 1e-9);
    BOOST_TEST(relative_difference(found.distance, assessed.distance) < 1e-9);
    BOOST_TEST(relative_difference(found.condition, assessed.condition) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(masked_points_do_not_affect_the_map_and_are_reconstructed_as_nan) {
  const auto fields = two_fields();
  const auto is_masked = [](std::size_t p) { return p % 9 == 4; };
  Fields masked = fields;
  Fields unmasked;
  std::size_t num_unmasked = 0;
  for (std::size_t p = 0; p < points; ++p) num_unmasked += is_masked(p) ? 0 : 1;
  for (auto& [name, values] : masked) {
    auto kept = xt::xarray<double>::from_shape({samples, num_unmasked});
    for (std::size_t j = 0; j < samples; ++j) {
      std::size_t place = 0;
      for (std::size_t p = 0; p < points; ++p)
        if (is_masked(p))
          values(j, p) = missing;
        else
          kept(j, place++) = values(j, p);
    }
    unmasked.emplace(name, kept);
  }
  const FieldOptions options{
      .normalize = {.method = NormalizationMethod::zscore}, .center = true, .mask = fieldfold::Mask::automatic};
  BOOST_TEST(fails([&] { learned(masked, {.center = true}); }, "all with NaN"));
  const auto svd = learned(masked, options);
  const auto expected = learned(unmasked, options);
  BOOST_TEST(svd.num_samples() == samples);
  BOOST_TEST(svd.map().space->num_masked() == 2 * (points - num_unmasked));
  BOOST_TEST(relative_difference(svd.singular_values(), expected.singular_values()) < 1e-13);
  const auto latent = svd.compress(states_of(svd, masked));
  BOOST_TEST(relative_difference(latent, expected.compress(states_of(expected, unmasked))) < 1e-11);
  // Values at masked points have no effect.
  BOOST_TEST((svd.compress(states_of(svd, fields)) == latent));
  const auto reconstructed = svd.split_fields(svd.reconstruct(latent));
  const auto unmasked_reconstructed = expected.split_fields(expected.reconstruct(latent));
  for (const auto& [name, values] : reconstructed)
    for (std::size_t j = 0; j < samples; ++j) {
      std::size_t place = 0;
      for (std::size_t p = 0; p < points; ++p) {
        BOOST_TEST(std::isnan(values(j, p)) == is_masked(p));
        if (!is_masked(p))
          BOOST_TEST(std::abs(values(j, p) / unmasked_reconstructed.at(name)(j, place++) - 1.0) < 1e-11);
      }
    }
  const auto assessed = svd.assess(states_of(svd, masked));
  for (std::size_t j = 0; j < samples; ++j) BOOST_TEST(assessed.condition(j) == 1.0);
  BOOST_TEST(relative_difference(assessed.relative_distance, svd.errors().snapshots) < 1e-6);
}

BOOST_AUTO_TEST_CASE(a_masked_map_is_orthonormal_and_can_be_given) {
  // In some cases, more modes than the rank of the snapshots: those that complete the basis vanish at masked points.
  for (const auto& [rows, columns, rank] :
       std::vector<std::array<std::size_t, 3>>{{30, 5, 5}, {20, 50, 10}, {20, 50, 4}}) {
    auto snapshots = xt::xarray<double>::from_shape({rows, columns});
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j)
        snapshots(i, j) = i < 10 ? missing : std::cos(static_cast<double>((i + 1) * (j % 4 + 1))) + (j < 5 ? 0.0 : 0.1);
    for (const bool center : {false, true}) {
      SVD svd({}, {.field_opts = {.center = center, .mask = fieldfold::Mask::automatic}});
      svd.compute_map(snapshots, {.rank = rank});
      BOOST_TEST(off_orthonormal(svd, [](std::size_t) { return 1.0; }) < 1e-13);
      for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(svd.projection_matrix()(i, 0) == 0.0);
      // A learned map can be given to another SVD.
      const SVD other(svd.compression_options(), svd.options(), svd.map());
      BOOST_TEST(other.rank() == rank);
    }
    BOOST_TEST(fails(
        [&] { SVD({}, {.field_opts = {.mask = fieldfold::Mask::automatic}}).compute_map(snapshots, {.rank = 11}); },
        "rank: expected 1 to min(dof, samples)"));
  }
}

BOOST_AUTO_TEST_CASE(a_mass_matrix_of_many_points_is_accepted_in_single_precision) {
  constexpr std::size_t n = 20000;
  auto snapshots = xt::xarray<float>::from_shape({n, 130});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < 130; ++j)
      snapshots(i, j) = static_cast<float>(std::cos(0.001 * static_cast<double>(i)) * static_cast<double>(j) +
                                           std::sin(0.003 * static_cast<double>(i)));
  const xt::xarray<double> numbers = xt::arange<double>(0.0, static_cast<double>(n));
  fieldfold::BasicSVD<float> svd(
      {}, {.field_opts = {.mass = fieldfold::MassMatrix(numbers, numbers, xt::ones<double>({n}))}});
  svd.compute_map(snapshots, {.rank = 2});
  BOOST_TEST(svd.reconstruction_error() < 1e-3);
}

BOOST_AUTO_TEST_CASE(masked_points_do_not_affect_interpolation) {
  // Two fields that are linear on a line; the left end of the first is masked.
  constexpr std::size_t n = 30;
  xt::xarray<double> coords = xt::linspace<double>(0.0, 29.0, n);
  auto p = xt::xarray<double>::from_shape({4, n});
  auto u = p;
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < n; ++i) {
      const double slope = static_cast<double>(j * j) - 3.0;
      p(j, i) = i < 10 ? missing : 2.0 + slope * coords(i);
      u(j, i) = 1.0 - slope * coords(i);
    }
  SVD svd({.fields = {"p", "u"}, .coords = coords},
          {.field_opts = {.center = true, .mask = fieldfold::Mask::automatic}});
  svd.compute_map({{"p", p}, {"u", u}}, {.rank = 1});
  const xt::xarray<double> there{3.0, 9.4, 9.6, 15.5};
  const auto latent = svd.compress(svd.join_fields({{"p", p}, {"u", u}}));
  const auto found = fieldfold::reconstruct_fields(svd, latent, there);
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t q = 0; q < 4; ++q) {
      const double slope = static_cast<double>(j * j) - 3.0;
      // Thin plate splines with linear polynomials are exact for linear functions.
      BOOST_TEST(std::isnan(found.at("p")(j, q)) == (q < 2));
      if (q >= 2) BOOST_TEST(std::abs(found.at("p")(j, q) - (2.0 + slope * there(q))) < 1e-9);
      BOOST_TEST(std::abs(found.at("u")(j, q) - (1.0 - slope * there(q))) < 1e-9);
    }
  // From another grid, with the same region masked.
  const xt::xarray<double> other = coords * 0.98 + 0.2;
  fieldfold::Fields elsewhere{{"p", p}, {"u", u}};
  for (std::size_t j = 0; j < 4; ++j)
    for (std::size_t i = 0; i < n; ++i) {
      const double slope = static_cast<double>(j * j) - 3.0;
      elsewhere.at("p")(j, i) = other(i) < 9.5 ? missing : 2.0 + slope * other(i);
      elsewhere.at("u")(j, i) = 1.0 - slope * other(i);
    }
  BOOST_TEST(relative_difference(fieldfold::compress_fields(svd, other, elsewhere), latent) < 1e-9);
}
