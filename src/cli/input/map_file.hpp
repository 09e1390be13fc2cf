#pragma once

// Maps from files.

#include <cstddef>
#include <filesystem>
#include <limits>

#include "files.hpp"

import fieldfold;

namespace fieldfold::cli {

/// Loads a map and calls `action` with its SVD, in the precision of the file.
template <class Action>
void with_svd(const std::filesystem::path& path, Action action) {
  note_input(path);
  const AnyCompressor compressor = load(path);
  if (const auto* svd = compressor.target<SVD>()) return action(*svd);
  if (const auto* svd = compressor.target<BasicSVD<float>>()) return action(*svd);
  throw InvalidArgument(message(path.string(), ": expected the map of an SVD"));
}

/// A column of the basis, with NaN for numbers that are not in the map.
template <class T>
xt::xarray<T> mode_of(const BasicSVD<T>& svd, std::size_t mode) {
  auto column = xt::xarray<T>::from_shape({svd.dof()});
  const auto& basis = svd.projection_matrix();
  for (std::size_t i = 0; i < svd.dof(); ++i) column(i) = basis(i, mode);
  if (const auto& space = svd.map().space; space && !space->parts().masked.empty())
    for (std::size_t i = 0; i < svd.dof(); ++i)
      if (space->parts().masked[i] != 0) column(i) = std::numeric_limits<T>::quiet_NaN();
  return column;
}

}  // namespace fieldfold::cli
