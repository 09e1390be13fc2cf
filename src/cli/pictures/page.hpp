#pragma once

// A page of charts and pictures in one file.

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "view.hpp"

namespace fieldfold::cli {

/// The limits of the colours of a picture.
struct ColourRange {
  double lower = 0.0;
  double upper = 0.0;
};

/// The range of the numbers that are finite, also of several pictures that are compared.
ColourRange range_of(const std::vector<std::vector<double>>& pictures);
/// The same with 0 in the middle.
ColourRange symmetric_range_of(const std::vector<std::vector<double>>& pictures);

/// The numbers of all pictures of a page. A raster has one byte a pixel, 0 where nothing is shown.
class Pictures {
 public:
  explicit Pictures(const View& view) : view_(view) {}

  /// Adds a picture, and returns its description for the page.
  nlohmann::ordered_json add(const std::vector<double>& values, const ColourRange& range);

  /// All rasters, compressed, as text.
  std::string text() const;

 private:
  const View& view_;
  std::vector<unsigned char> bytes_;
};

/// Whether this build has the parts of a page.
bool has_page();

/// The page, which needs no other file. \param facts  for its charts  \param rasters  see `Pictures::text`
std::string page_of(const std::string& title, const nlohmann::ordered_json& facts, const std::string& rasters);

}  // namespace fieldfold::cli
