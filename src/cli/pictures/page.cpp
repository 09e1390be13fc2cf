#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <zlib.h>

// This imports fieldfold; g++ includes nothing after it.
#include "page.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

// Compilers call #embed an extension before C++26.
#ifdef __clang__
#pragma clang diagnostic ignored "-Wc23-extensions"
#else
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
constexpr unsigned char page_html[] = {
#embed "page.html"
};
constexpr unsigned char page_css[] = {
#embed "page.css"
};
constexpr unsigned char charts_js[] = {
#embed "charts.js"
};
constexpr unsigned char sections_js[] = {
#embed "sections.js"
};
constexpr unsigned char usage_js[] = {
#embed "usage.js"
};
constexpr unsigned char d3_js[] = {
#embed FIELDFOLD_D3
};

double six_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5e", value);
  return std::strtod(text, nullptr);
}

template <std::size_t count>
std::string_view text_of(const unsigned char (&bytes)[count]) {
  return {reinterpret_cast<const char*>(bytes), count};
}

std::string base64(const std::vector<unsigned char>& bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += i + k < bytes.size() + 1 ? digits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

/// A text with values in place of its marks, `{{name}}`.
std::string filled(std::string_view text, const std::map<std::string_view, std::string_view>& values) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("{{", at);
    if (open == text.npos) return result.append(text.substr(at));
    const std::size_t close = text.find("}}", open);
    result.append(text.substr(at, open - at)).append(values.at(text.substr(open + 2, close - open - 2)));
    at = close + 2;
  }
  return result;
}

}  // namespace

nlohmann::ordered_json Pictures::add(const std::vector<double>& values, const ColorRange& range) {
  nlohmann::ordered_json picture{{"range", {range.lower, range.upper}}};
  if (view_.is_line()) {
    // More digits do not show.
    auto& numbers = picture["values"] = nlohmann::ordered_json::array();
    for (const double value : values) numbers.push_back(std::isfinite(value) ? six_digits(value) : value);
    return picture;
  }
  picture["offset"] = bytes_.size();
  const double width = range.upper - range.lower;
  for (const double value : values) {
    const double share = width > 0.0 ? std::clamp((value - range.lower) / width, 0.0, 1.0) : 0.5;
    bytes_.push_back(std::isfinite(value) ? static_cast<unsigned char>(1 + std::lround(254.0 * share)) : 0);
  }
  return picture;
}

std::string Pictures::text() const {
  uLongf length = compressBound(static_cast<uLong>(bytes_.size()));
  std::vector<unsigned char> compressed(length);
  if (compress2(compressed.data(), &length, bytes_.data(), static_cast<uLong>(bytes_.size()), 6) != Z_OK)
    throw FileError("the pictures of the page: zlib cannot compress them");
  compressed.resize(length);
  return base64(compressed);
}

std::string page_of(const std::string& title, const nlohmann::ordered_json& facts, const std::string& rasters) {
  std::string data = facts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // A name must not end the element of the data.
  for (std::size_t at = 0; (at = data.find('<', at)) != std::string::npos; at += 6) data.replace(at, 1, "\\u003c");
  std::string heading;
  for (const char letter : title) heading += letter == '<' ? "&lt;" : letter == '&' ? "&amp;" : std::string(1, letter);
  return filled(text_of(page_html), {{"title", heading},
                                     {"css", text_of(page_css)},
                                     {"d3", text_of(d3_js)},
                                     {"facts", data},
                                     {"rasters", rasters},
                                     {"usage", text_of(usage_js)},
                                     {"charts", text_of(charts_js)},
                                     {"sections", text_of(sections_js)}});
}

}  // namespace fieldfold::cli
