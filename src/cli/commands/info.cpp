#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../terminal/map_facts.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// A value as text: strings without quotes, long lists truncated.
std::string shown(const nlohmann::ordered_json& value) {
  constexpr std::size_t most = 6;
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    std::ostringstream rounded;
    rounded << value.get<double>();
    return rounded.str();
  }
  std::vector<std::string> parts;
  if (value.is_object()) {
    for (const auto& [name, own] : value.items()) parts.push_back(name + " " + shown(own));
    return value.empty() ? "none" : listing(parts);
  }
  if (value.is_null()) return "none";
  if (!value.is_array()) return value.dump();
  if (value.empty()) return "none";
  for (std::size_t i = 0; i < std::min(value.size(), most); ++i)
    parts.push_back(value[i].is_array() ? "[" + shown(value[i]) + "]" : shown(value[i]));
  if (value.size() > most) parts.push_back(message("... (", value.size(), " in all)"));
  return listing(parts);
}

/// The singular values from the largest down, on a logarithmic scale over eight decades; UTF-8 if the terminal has it.
template <class T>
std::string sparkline(const xt::xarray<T>& singular_values) {
  constexpr std::size_t most = 48;
  constexpr double decades = 8.0;
  static const std::vector<std::string> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static const std::vector<std::string> letters{"_", ".", ":", "-", "=", "+", "*", "#"};
  const char* locale = nullptr;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* const value = std::getenv(name); locale == nullptr && value != nullptr && *value != '\0')
      locale = value;
  const std::string_view encoding = locale == nullptr ? "" : locale;
  const bool has_utf8 = encoding.find("UTF-8") != encoding.npos || encoding.find("utf8") != encoding.npos;
  const auto& levels = has_utf8 ? blocks : letters;
  std::string line;
  for (std::size_t k = 0; k < std::min(most, singular_values.size()); ++k) {
    const double ratio = static_cast<double>(singular_values(k)) / static_cast<double>(singular_values(0));
    const double level = ratio > 0.0 ? 1.0 + std::log10(ratio) / decades : 0.0;
    line += levels[static_cast<std::size_t>(std::clamp(level * 8.0, 0.0, 7.0))];
  }
  return line + (singular_values.size() > most ? " ..." : "") + "  (1 to 1e-8 of the largest)";
}

/// Prints facts in three groups.
void show(const nlohmann::ordered_json& facts) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> groups{
      {"What it is",
       {"method", "precision", "fields", "units", "dim", "num_pts", "grid_shape", "mesh", "num_qoi", "dof", "rank",
        "map_exists", "file_bytes"}},
      {"How good it is",
       {"energy", "cumulative_energy", "reconstruction_error", "spectrum", "singular_values", "errors",
        "largest_snapshot_error", "worst_snapshot", "largest_field_error", "field_errors", "rms_errors",
        "snapshot_errors", "validation_largest_snapshot_error", "validation_largest_field_error",
        "validation_field_errors", "validation_snapshot_errors", "latent_ranges"}}};
  std::set<std::string> shown_names;
  const auto line = [&](const std::string& name) {
    if (!facts.contains(name) || !shown_names.insert(name).second) return;
    std::cout << std::left << std::setw(34) << name << escaped_name(shown(facts[name])) << '\n';
  };
  for (const auto& [heading, names] : groups) {
    std::cout << heading << '\n';
    for (const std::string& name : names) line(name);
    std::cout << '\n';
  }
  std::cout << "How it was made\n";
  for (const auto& [name, value] : facts.items()) line(name);
}

}  // namespace

void info(const InfoArguments& arguments) {
  if (arguments.verify) load(arguments.map);
  const MapOutline any_outline = load_outline(arguments.map);
  std::visit(
      [&](const auto& outline) {
        auto facts = facts_of(any_outline, !session().is_json);
        facts["file_bytes"] = static_cast<std::size_t>(std::filesystem::file_size(arguments.map));
        if (const auto& map = outline.map)
          facts["data_bytes"] = outline.dof * (map->num_samples + map->num_dropped) * sizeof(double);
        if (session().is_json) return print(facts);
        if (outline.map && !outline.map->errors)
          facts["errors"] = "estimates: the map was learned in situ or changed, and kept no snapshots";
        if (outline.map) facts["spectrum"] = sparkline(outline.map->singular_values);
        show(facts);
      },
      any_outline);
}

}  // namespace fieldfold::cli
