#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

/// A picture of stacked panels, each of values between -1 (blue), 0 (white) and 1 (red); NaN is gray.
struct Picture {
  std::size_t width;
  std::size_t panel_height;
  std::vector<std::vector<double>> panels;  ///< each row by row, from the top

  /// Writes a PNG file. Throws std::runtime_error if it cannot be written.
  void save(const std::filesystem::path& path) const;
};
