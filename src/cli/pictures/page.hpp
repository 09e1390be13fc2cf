#pragma once

// A page of charts and pictures in one file.

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "view.hpp"

namespace fieldfold::cli {

/// The numbers of all pictures of a page. A raster has one byte a pixel, 0 where nothing is shown.
class Pictures {
 public:
  explicit Pictures(const View& view) : view_(view) {}

  /// The bytes that a picture takes, about.
  std::size_t bytes_of_one() const { return view_.is_line() ? 12 * view_.width() : view_.width() * view_.height(); }

  /// Adds a picture, and returns its description for the page.
  nlohmann::ordered_json add(const std::vector<double>& values, const ColorRange& range);

  /// All rasters, compressed, as text.
  std::string text() const;

 private:
  const View& view_;
  std::vector<unsigned char> bytes_;
};

/// The page, which needs no other file. \param facts  for its charts  \param rasters  see `Pictures::text`
std::string page_of(const std::string& title, const nlohmann::ordered_json& facts, const std::string& rasters);

}  // namespace fieldfold::cli
