#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>

#include "support/closeness.hpp"

import fieldfold.base.arrays;
import fieldfold.interpolation.method;

#include "support/data/scattered_points.hpp"

using fieldfold::Interpolation;

BOOST_AUTO_TEST_CASE(nearest_takes_the_nearest_point_and_the_first_of_ties) {
  xt::xarray<double> points{0.0, 1.0, 2.0, 2.0};
  points.reshape({4, 1});
  const xt::xarray<double> values{10.0, 11.0, 12.0, 13.0};
  xt::xarray<double> queries{-5.0, 0.4, 0.5, 1.9};
  queries.reshape({4, 1});
  const auto found = Interpolation{"nearest", {}}(points, values, queries);
  BOOST_TEST((found == xt::xarray<double>{10.0, 10.0, 10.0, 12.0}));
  const auto around = Interpolation{"nearest", {.periods = {2.5}}}(points, values, queries);
  BOOST_TEST(around(0) == 10.0);  // -5 is 0 minus two periods
}

BOOST_AUTO_TEST_CASE(inverse_distance_equals_the_formula_of_shepard) {
  const auto points = scattered(40, 2);
  const auto queries = scattered(10, 2, 0.2);
  const auto values = values_at(points, franke);
  for (const double power : {1.0, 2.0, 3.5}) {
    const auto found = Interpolation{"inverse_distance", {.neighbors = 40, .power = power}}(points, values, queries);
    for (std::size_t q = 0; q < 10; ++q) {
      double sum = 0.0;
      double weights = 0.0;
      for (std::size_t i = 0; i < 40; ++i) {
        const double distance = std::hypot(points(i, 0) - queries(q, 0), points(i, 1) - queries(q, 1));
        sum += values(i) / std::pow(distance, power);
        weights += 1.0 / std::pow(distance, power);
      }
      BOOST_TEST(std::abs(found(q) - sum / weights) < 1e-13);
    }
    const auto at_points = Interpolation{"inverse_distance", {.power = power}}(points, values, points);
    BOOST_TEST(relative_difference(at_points, values) < 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(inverse_distance_is_scale_invariant_and_nearest_is_exact_from_afar) {
  const auto points = scattered(300, 2);
  const auto values = values_at(points, franke);
  const auto queries = scattered(60, 2, 0.2);
  const auto near = Interpolation{"inverse_distance", {}}(points, values, queries);
  for (const double scale : {1e-200, 1e-161, 1e150}) {
    const xt::xarray<double> scaled_points = scale * points;
    const xt::xarray<double> scaled_queries = scale * queries;
    BOOST_TEST(relative_difference(Interpolation{"inverse_distance", {}}(scaled_points, values, scaled_queries), near) <
               1e-12);
  }
  const xt::xarray<double> afar = 100.0 + queries;
  const auto found = Interpolation{"nearest", {}}(points, values, afar);
  for (std::size_t q = 0; q < 60; ++q) {
    std::size_t best = 0;
    const auto distance = [&](std::size_t i) {
      return std::hypot(afar(q, 0) - points(i, 0), afar(q, 1) - points(i, 1));
    };
    for (std::size_t i = 1; i < 300; ++i)
      if (distance(i) < distance(best)) best = i;
    BOOST_TEST(found(q) == values(best));
  }
}
