#pragma once

// Maps from files.

#include <filesystem>

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

}  // namespace fieldfold::cli
