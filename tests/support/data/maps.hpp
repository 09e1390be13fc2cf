#pragma once

// Maps that exercise all parts of the file format. Include after the imports of fieldfold.base.arrays,
// fieldfold.fields.mass_matrix, fieldfold.fields.normalization, fieldfold.fields.options, fieldfold.pod.svd and
// fieldfold.rbf.kernel.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

template <class T>
fieldfold::BasicSVD<T> learned(bool keep_latents = true) {
  auto snapshots = xt::xarray<T>::from_shape({12, 6});
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 6; ++j)
      snapshots(i, j) = static_cast<T>(std::cos(static_cast<double>(1 + i * (j + 2))));
  snapshots(3, 4) = std::numeric_limits<T>::quiet_NaN();
  auto coords = xt::xarray<double>::from_shape({6, 2});
  for (std::size_t i = 0; i < 6; ++i) {
    coords(i, 0) = static_cast<double>(i);
    coords(i, 1) = static_cast<double>(i * i % 5);
  }
  fieldfold::BasicSVD<T> svd({.fields = {"ux", "uy"},
                              .coords = coords,
                              .interpolate_opts = {.neighbors = 5,
                                                   .smoothing = xt::xarray<double>{1., 2., 3., 4., 5., 6.},
                                                   .kernel = fieldfold::Kernel::gaussian,
                                                   .epsilon = 0.5,
                                                   .degree = -1}},
                             {.rule = {.rank = 3, .sample_tol = 0.25, .noise = 0.5, .optimal_threshold = true},
                              .validate_every = 6,
                              .keep_training_latents = keep_latents});
  svd.compute_map(snapshots);
  return svd;
}

/// A map with field options of every kind, a masked row and a gap.
template <class T>
fieldfold::BasicSVD<T> learned_in_space(std::optional<fieldfold::MassMatrix> mass) {
  constexpr std::size_t points = 9;
  constexpr std::size_t samples = 7;
  xt::xarray<T> snapshots = xt::zeros<T>({2 * points, samples});
  for (std::size_t i = 0; i < 2 * points; ++i)
    for (std::size_t j = 0; j < samples; ++j)
      snapshots(i, j) = static_cast<T>(3.0 + std::cos(0.37 * static_cast<double>((i + 1) * (j + 1))));
  for (std::size_t j = 0; j < samples; ++j) snapshots(5, j) = std::numeric_limits<T>::quiet_NaN();
  snapshots(8, 2) = std::numeric_limits<T>::quiet_NaN();
  fieldfold::FieldOptions options{
      .normalize = {.method = fieldfold::NormalizationMethod::zscore},
      .normalize_field = {{"uy", {.method = fieldfold::NormalizationMethod::log10, .offset = 0.5}}},
      .center = true,
      .field_weights = {{"uy", 2.5}},
      .sample_weights = xt::linspace<double>(1.0, 2.0, samples),
      .mass = std::move(mass),
      .mask = fieldfold::Mask::automatic,
      .gappy_snapshots = fieldfold::GappySnapshots::fill,
      .gappy_states = fieldfold::GappyStates::fill};
  if (!options.mass) options.point_weights = xt::linspace<double>(1.0, 3.0, points);
  fieldfold::BasicSVD<T> svd({.fields = {"ux", "uy"}}, {.field_opts = std::move(options), .rule = {.rank = 2}});
  svd.compute_map(snapshots);
  return svd;
}

inline fieldfold::MassMatrix small_mass() {
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = i == 0 ? 0 : i - 1; j <= std::min<std::size_t>(i + 1, 8); ++j) {
      rows.push_back(static_cast<double>(i));
      columns.push_back(static_cast<double>(j));
      values.push_back(i == j ? 4.0 : 1.0);
    }
  const fieldfold::Shape shape{rows.size()};
  return {9, xt::adapt(rows, shape), xt::adapt(columns, shape), xt::adapt(values, shape)};
}
