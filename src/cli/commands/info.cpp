#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "../commands.hpp"
#include "../map_file.hpp"
#include "../words.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// Numbers that JSON cannot represent become null.
nlohmann::json finite_or_null(double number) {
  return std::isfinite(number) ? nlohmann::json(number) : nlohmann::json(nullptr);
}

nlohmann::json numbers(const xt::xarray<double>& array) {
  auto list = nlohmann::json::array();
  for (const double number : array) list.push_back(finite_or_null(number));
  return list;
}

void add_errors(nlohmann::ordered_json& facts, const std::string& prefix, const SnapshotErrors& errors) {
  facts[prefix + "largest_snapshot_error"] = finite_or_null(errors.largest_of_snapshots());
  facts[prefix + "largest_field_error"] = finite_or_null(errors.largest_of_fields());
  facts[prefix + "field_errors"] = numbers(errors.fields);
  facts[prefix + "snapshot_errors"] = numbers(errors.snapshots);
}

/// Adds the space in which fields are compressed.
void add_space(nlohmann::ordered_json& facts, const FieldOptions& options, const FieldSpace* space,
               const std::vector<std::string>& fields) {
  auto normalize = nlohmann::ordered_json::object();
  for (const std::string& field : fields)
    normalize[field] = normalization_methods()[static_cast<std::size_t>(options.normalization_of(field).method)];
  const bool is_centered = options.center || options.standardize;
  facts["normalize"] = std::move(normalize);
  facts["centered"] = is_centered;
  facts["standardized"] = options.standardize;
  facts["energy_and_errors_count_the_mean"] = !is_centered;
  facts["point_weights"] = options.point_weights.has_value();
  facts["field_weights"] = options.field_weights;
  facts["sample_weights"] = options.sample_weights.has_value();
  facts["mass_matrix"] = !options.inner_product_name.empty() ? options.inner_product_name
                         : !options.mass                     ? "none"
                         : options.mass->sparse() != nullptr ? "sparse"
                                                             : "function";
  facts["missing_values"] = options.missing_values;
  facts["mask"] = masks()[static_cast<std::size_t>(options.mask)];
  facts["num_masked"] = space != nullptr ? space->num_masked() : 0;
  facts["gappy_snapshots"] = gappy_snapshots_policies()[static_cast<std::size_t>(options.gappy_snapshots)];
  facts["gappy_states"] = gappy_states_policies()[static_cast<std::size_t>(options.gappy_states)];
}

/// The energy of the leading modes, for each number of them up to the rank: a number or, so that it is not rounded to
/// 1, a text.
template <class T>
nlohmann::json cumulative_energy(const BasicSVD<T>& svd, bool as_text) {
  const auto tails = tail_shares(svd.singular_values(), svd.map().unresolved_squares);
  auto list = nlohmann::json::array();
  for (std::size_t mode = 1; mode <= svd.rank(); ++mode)
    list.push_back(as_text ? nlohmann::json(energy_text(tails[mode])) : nlohmann::json(1.0 - tails[mode]));
  return list;
}

template <class T>
nlohmann::ordered_json facts_of(const BasicSVD<T>& svd, bool as_text) {
  auto facts = nlohmann::ordered_json::object();
  facts["method"] = "svd";
  facts["precision"] = sizeof(T) == sizeof(double) ? "double" : "single";
  facts["fields"] = svd.fields();
  facts["dim"] = svd.has_coords() ? nlohmann::json(svd.dim()) : nlohmann::json(nullptr);
  facts["num_qoi"] = svd.num_qoi();
  facts["interpolate_method"] = svd.interpolate_method();
  const RBFOptions& options = svd.interpolate_opts();
  facts["kernel"] = traits(options.kernel).name;
  facts["rbf_method"] = rbf_methods()[static_cast<std::size_t>(options.method)];
  facts["neighbors"] = options.neighbors ? nlohmann::json(*options.neighbors) : nlohmann::json(nullptr);
  facts["scales"] = options.scales;
  facts["periods"] = options.periods;
  facts["merge_duplicates"] = options.merge_duplicates;
  add_space(facts, svd.options().field_opts, svd.map_exists() && svd.map().space ? &*svd.map().space : nullptr,
            svd.fields());
  facts["map_exists"] = svd.map_exists();
  if (!svd.map_exists()) return facts;
  facts["num_pts"] = svd.num_pts();
  facts["grid_shape"] = svd.grid_shape();
  facts["dof"] = svd.dof();
  facts["rank"] = svd.rank();
  facts["energy"] =
      as_text ? nlohmann::json(energy_text(std::pow(svd.reconstruction_error(), 2))) : finite_or_null(svd.energy());
  facts["cumulative_energy"] = cumulative_energy(svd, as_text);
  facts["reconstruction_error"] = finite_or_null(svd.reconstruction_error());
  facts["num_samples"] = svd.num_samples();
  facts["num_dropped"] = svd.num_dropped();
  facts["num_filled"] = svd.map().num_filled;
  if (svd.map().errors) {
    add_errors(facts, "", svd.errors());
    const auto& errors = svd.errors().snapshots;
    const auto worst = static_cast<std::size_t>(std::ranges::max_element(errors) - errors.begin());
    const auto& given = svd.map().snapshot_numbers;
    facts["worst_snapshot"] = given.empty() ? worst : given[worst];
    if (const auto rms = rms_errors(svd.map()); !rms.empty() && !svd.options().field_opts.sample_weights) {
      auto by_field = nlohmann::ordered_json::object();
      for (std::size_t field = 0; field < rms.size(); ++field)
        by_field[svd.fields()[field]] = finite_or_null(rms[field]);
      facts["rms_errors"] = std::move(by_field);
    }
  }
  if (svd.map().validation_errors) add_errors(facts, "validation_", svd.validation_errors());
  facts["singular_values"] = std::vector<double>(svd.singular_values().begin(), svd.singular_values().end());
  facts["latent_ranges"] = svd.estimate_latent_ranges();
  return facts;
}

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

}  // namespace

void info(const InfoArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) {
    auto facts = facts_of(svd, !arguments.json);
    const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(arguments.map));
    facts["file_bytes"] = bytes;
    if (svd.map_exists()) facts["data_bytes"] = svd.dof() * (svd.num_samples() + svd.num_dropped()) * sizeof(double);
    if (arguments.json) {
      std::cout << facts.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
      return;
    }
    if (svd.map_exists() && !svd.map().errors)
      facts["errors"] = "estimates: the map was learned in situ, and kept no snapshots";
    for (const auto& [name, value] : facts.items())
      std::cout << std::left << std::setw(34) << name << escaped_name(shown(value)) << '\n';
  });
}

}  // namespace fieldfold::cli
