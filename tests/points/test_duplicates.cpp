#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/closeness.hpp"
#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.interpolation.method;
import fieldfold.points.duplicates;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/data/scattered_points.hpp"
#include "support/warnings_of.hpp"

using fieldfold::as_matrix;
using fieldfold::RBFInterpolator;
using fieldfold::RBFOptions;

namespace {

/// 40 scattered points, of which number 30 coincides with 4, and 35 and 36 with 9.
xt::xarray<double> with_duplicates() {
  auto points = scattered(40, 2);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    points(30, axis) = points(4, axis);
    points(35, axis) = points(36, axis) = points(9, axis);
  }
  return points;
}

/// The same without the repeated points, and the means of values.
std::pair<xt::xarray<double>, xt::xarray<double>> merged_by_hand(const xt::xarray<double>& points,
                                                                 xt::xarray<double> values) {
  values(4) = (values(4) + values(30)) / 2.0;
  values(9) = (values(9) + values(35) + values(36)) / 3.0;
  auto kept = xt::xarray<double>::from_shape({std::size_t{37}, std::size_t{2}});
  auto own = xt::xarray<double>::from_shape({std::size_t{37}});
  std::size_t place = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    if (i == 30 || i == 35 || i == 36) continue;
    for (std::size_t axis = 0; axis < 2; ++axis) kept(place, axis) = points(i, axis);
    own(place++) = values(i);
  }
  return {kept, own};
}

}  // namespace

BOOST_AUTO_TEST_CASE(coincident_pairs_are_counted) {
  const auto points = with_duplicates();
  const auto pairs = fieldfold::coincident_pairs(as_matrix(points), [](std::size_t) { return true; });
  BOOST_TEST(pairs.count == 3U);
  const fieldfold::MergedPoints merged(as_matrix(points));
  BOOST_TEST(merged.size() == 37U);
  BOOST_TEST(merged.num_given() == 40U);
}

BOOST_AUTO_TEST_CASE(merged_duplicates_interpolate_the_mean_of_their_values) {
  const auto points = with_duplicates();
  const auto queries = scattered(25, 2, 0.2);
  auto values = values_at(points, franke);
  for (std::size_t i = 0; i < 40; ++i) values(i) += 0.01 * static_cast<double>(i);
  const auto [kept, means] = merged_by_hand(points, values);
  for (RBFOptions options : {RBFOptions{}, RBFOptions{.neighbors = 12},
                             RBFOptions{.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 15}}) {
    const auto expected = RBFInterpolator(kept, means, options)(queries);
    options.merge_duplicates = true;
    // The merged points are in another order.
    BOOST_TEST(relative_difference(RBFInterpolator(points, values, options)(queries), expected) < 1e-9);
    const fieldfold::Interpolation rbf{"rbf", options};
    auto by_weights = xt::xarray<double>::from_shape({std::size_t{25}});
    fieldfold::apply_interpolation_weights(rbf.weights(points, queries), as_matrix(std::as_const(values), 40, 1),
                                           as_matrix(by_weights, 25, 1), 1);
    BOOST_TEST(relative_difference(by_weights, expected) < 1e-9);
  }
  for (const char* method : {"nearest", "inverse_distance"}) {
    const auto expected = fieldfold::Interpolation{method, {}}(kept, means, queries);
    const fieldfold::Interpolation merging{method, {.merge_duplicates = true}};
    BOOST_TEST(relative_difference(merging(points, values, queries), expected) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(errors_name_coincident_points_and_the_ways_out) {
  const auto points = with_duplicates();
  const auto values = values_at(points, franke);
  for (const RBFOptions& options : {RBFOptions{}, RBFOptions{.neighbors = 12}}) {
    const std::string what = error_of([&] { RBFInterpolator(points, values, options)(points); });
    BOOST_TEST(what.find("Two data points coincide: 4 and 30, one of 3 such pairs") != std::string::npos, what);
    BOOST_TEST(what.find("merge_duplicates") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(systems_beyond_the_memory_are_refused_before_they_are_allocated) {
  // 2.9 TB, however much memory this machine has.
  const auto points = scattered(600000, 2);
  const std::string what = error_of([&] { RBFInterpolator(points, xt::xarray<double>(xt::zeros<double>({600000}))); });
  BOOST_TEST(what.starts_with("points: a system of all 600000 points needs 2880 GB"), what);
  BOOST_TEST((what.find("neighbors") != std::string::npos && what.find("partition_of_unity") != std::string::npos));
}
