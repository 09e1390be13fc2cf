#pragma once

// Snapshots whose points are distributed among ranks. Include after the imports of fieldfold.base.arrays,
// fieldfold.base.communicator, fieldfold.fields.mass_matrix and fieldfold.pod.svd.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "support/ranks_as_threads.hpp"

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

/// Snapshots of two fields, `(2 points, samples)`: modes of singular values 1, 1/3, 1/9, ..., so that each is as well
/// determined as the first, on a mean of its own.
inline xt::xarray<double> snapshots_of(std::size_t points, std::size_t samples, std::size_t modes = 6) {
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
inline std::vector<std::size_t> shares_of(std::size_t points, std::size_t ranks) {
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

inline xt::xarray<double> array_of(const std::vector<double>& numbers) {
  auto array = xt::xarray<double>::from_shape({numbers.size()});
  std::ranges::copy(numbers, array.begin());
  return array;
}

inline fieldfold::MassMatrix whole_mass(std::size_t points) {
  const Elements all(points, 0, points);
  return {points, array_of(all.rows), array_of(all.columns), array_of(all.values)};
}

inline fieldfold::MassMatrix own_mass(std::shared_ptr<const ThreadRank> rank, std::size_t points, std::size_t first,
                                      std::size_t end) {
  const Elements own(points, first, end);
  return {rank, end - first, array_of(own.rows), array_of(own.columns), array_of(own.values)};
}

inline fieldfold::SVDOptions of_rank(std::size_t rank) { return {.rule = {.rank = rank}}; }
