#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.decomposition.rank_rule;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.svd;
import fieldfold.pod.whitening;

#include "support/data/cosines.hpp"
#include "support/data/two_fields.hpp"

using fieldfold::Fields;
using fieldfold::NormalizationMethod;
using fieldfold::SVD;

namespace {

xt::xarray<double> waves_of_rank_three() {
  const auto u = cosines(points, 3);
  const auto v = cosines(samples, 3);
  xt::xarray<double> states = xt::zeros<double>({samples, points});
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < points; ++i)
      for (std::size_t k = 0; k < 3; ++k) states(j, i) += v(j, k) * u(i, k);
  return states;
}

}  // namespace

BOOST_AUTO_TEST_CASE(whitening_is_accurate_for_coefficients_of_very_different_magnitude) {
  // Orthogonal snapshots, each a tenth of the previous one: variances span 24 orders of magnitude.
  const auto u = cosines(points, 13);
  auto snapshots = xt::xarray<double>::from_shape({points, 26});
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t j = 0; j < 26; ++j)
      snapshots(i, j) = (j < 13 ? 1.0 : -1.0) * u(i, j % 13) * std::pow(10.0, -static_cast<double>(j % 13));
  SVD svd;
  svd.compute_map(snapshots, {.rank = 10});
  const xt::xarray<double> states = xt::transpose(snapshots);
  const auto white = fieldfold::Whitening(svd.map()).apply(svd.compress(states));
  // Each mode is in two of 26 snapshots: the square of its whitened coefficient is 13.
  for (std::size_t k = 0; k < 10; ++k) BOOST_TEST(std::abs(std::abs(white(k, k)) / std::sqrt(13.0) - 1.0) < 1e-5);
}

BOOST_AUTO_TEST_CASE(whitened_coefficients_have_zero_mean_and_unit_covariance) {
  const auto fields = two_fields();
  for (const bool center : {false, true}) {
    const auto svd = learned(fields, {.normalize = {.method = NormalizationMethod::zscore}, .center = center});
    const auto latent = svd.compress(states_of(svd, fields));
    const fieldfold::Whitening whitening(svd.map());
    const auto white = whitening.apply(latent);
    for (std::size_t i = 0; i < 3; ++i) {
      double mean = 0.0;
      for (std::size_t j = 0; j < samples; ++j) mean += white(j, i) / samples;
      BOOST_TEST(std::abs(mean) < 1e-9);
      for (std::size_t k = 0; k < 3; ++k) {
        double product = i == k ? -1.0 : 0.0;
        for (std::size_t j = 0; j < samples; ++j) product += white(j, i) * white(j, k) / samples;
        BOOST_TEST(std::abs(product) < 1e-9);
      }
    }
    BOOST_TEST(relative_difference(whitening.undo(white), latent) < 1e-11);
  }
  // Three orthogonal waves have three modes; the others are rounding errors.
  const auto deficient = learned(Fields{{"u", waves_of_rank_three()}}, {}, {.rank = 6});
  BOOST_TEST(fails([&] { fieldfold::Whitening(deficient.map()); }, "only 3 modes are above rounding errors"));
  const auto singular =
      learned({{"u", xt::view(fields.at("u"), xt::range(0, 3), xt::all())}}, {.center = true}, {.rank = 3});
  BOOST_TEST(fails([&] { fieldfold::Whitening(singular.map()); }, "cannot be whitened"));
}
