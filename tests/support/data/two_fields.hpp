#pragma once

// Snapshots of two fields, and SVDs that learn from them. Include after the imports of fieldfold.base.arrays,
// fieldfold.decomposition.rank_rule, fieldfold.fields.options and fieldfold.pod.svd.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();
inline constexpr std::size_t points = 60;
inline constexpr std::size_t samples = 12;

/// A field `(samples, points)` of a large mean and two travelling waves, without noise: rank 5, and 4 without the mean.
inline xt::xarray<double> field(double size, double mean, double phase) {
  auto values = xt::xarray<double>::from_shape({samples, points});
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t p = 0; p < points; ++p) {
      const double x = static_cast<double>(p) / points;
      const double t = static_cast<double>(j);
      values(j, p) =
          mean * (1.0 + 0.1 * x) + size * (std::cos(7.0 * x + phase + t) + 0.3 * std::sin(3.0 * x - 2.0 * t));
    }
  return values;
}

inline fieldfold::Fields two_fields(double unit = 1.0) {
  return {{"p", field(30.0, 1e5, 0.2) * unit}, {"u", field(2.0, 5.0, 1.0)}};
}

inline fieldfold::SVD learned(const fieldfold::Fields& fields, fieldfold::FieldOptions options,
                              fieldfold::RankRule rule = {.rank = 3}) {
  std::vector<std::string> names;
  for (const auto& [name, values] : fields) names.push_back(name);
  fieldfold::SVD svd({.fields = names}, {.field_opts = std::move(options)});
  svd.compute_map(fields, rule);
  return svd;
}

/// The same snapshots as a matrix of states `(samples, dof)`.
inline xt::xarray<double> states_of(const fieldfold::SVD& svd, const fieldfold::Fields& fields) {
  return svd.join_fields(fields);
}

inline double largest_of(const xt::xarray<double>& array) {
  double largest = 0.0;
  for (const double x : array) largest = std::max(largest, std::abs(x));
  return largest;
}

/// The largest entry of `U^T W U - I` for a diagonal W.
inline double off_orthonormal(const fieldfold::SVD& svd, const std::function<double(std::size_t)>& weight) {
  const auto& u = svd.projection_matrix();
  double largest = 0.0;
  for (std::size_t i = 0; i < svd.rank(); ++i)
    for (std::size_t k = 0; k < svd.rank(); ++k) {
      double sum = i == k ? -1.0 : 0.0;
      for (std::size_t row = 0; row < svd.dof(); ++row) sum += u(row, i) * weight(row) * u(row, k);
      largest = std::max(largest, std::abs(sum));
    }
  return largest;
}
