#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "words.hpp"

// This imports fieldfold; g++ includes nothing after it.
#include "map_facts.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

nlohmann::ordered_json numbers(const xt::xarray<double>& array) {
  auto list = nlohmann::ordered_json::array();
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
template <class T>
void add_space(nlohmann::ordered_json& facts, const BasicMapOutline<T>& outline) {
  const FieldOptions& options = outline.options.field_opts;
  auto normalize = nlohmann::ordered_json::object();
  for (const std::string& field : outline.grid.fields)
    normalize[field] = normalization_methods()[static_cast<std::size_t>(options.normalization_of(field).method)];
  const bool is_centered = options.center || options.standardize;
  facts["normalize"] = std::move(normalize);
  facts["centered"] = is_centered;
  facts["standardized"] = options.standardize;
  facts["energy_and_errors_count_the_mean"] = !is_centered;
  facts["point_weights"] = options.point_weights.has_value();
  facts["field_weights"] = options.field_weights;
  facts["sample_weights"] = options.sample_weights.has_value();
  facts["mass_matrix"] = !options.inner_product_name.empty() ? options.inner_product_name : outline.mass_matrix;
  facts["missing_values"] = options.missing_values;
  facts["mask"] = masks()[static_cast<std::size_t>(options.mask)];
  facts["num_masked"] = outline.num_masked;
  facts["gappy_snapshots"] = gappy_snapshots_policies()[static_cast<std::size_t>(options.gappy_snapshots)];
  facts["gappy_states"] = gappy_states_policies()[static_cast<std::size_t>(options.gappy_states)];
}

/// Adds the singular values, and the energy of the leading modes for each number of them up to the rank: a number or,
/// so that it is not rounded to 1, a text.
template <class T>
void add_energy(nlohmann::ordered_json& facts, const BasicSVDMap<T>& map, std::size_t rank, bool as_text) {
  const auto tails = tail_shares(map.singular_values, map.unresolved_squares);
  const auto energy = [&](std::size_t modes) {
    return as_text ? nlohmann::json(energy_text(tails[modes])) : nlohmann::json(1.0 - tails[modes]);
  };
  auto cumulative = nlohmann::json::array();
  for (std::size_t modes = 1; modes <= rank; ++modes) cumulative.push_back(energy(modes));
  facts["energy"] = energy(rank);
  facts["cumulative_energy"] = cumulative;
  facts["reconstruction_error"] = std::sqrt(tails[rank]);
}

/// Adds the errors of training snapshots and those held out.
template <class T>
void add_all_errors(nlohmann::ordered_json& facts, const BasicSVDMap<T>& map, const std::vector<std::string>& fields) {
  if (map.errors) {
    add_errors(facts, "", *map.errors);
    const auto& errors = map.errors->snapshots;
    const auto worst = static_cast<std::size_t>(std::ranges::max_element(errors) - errors.begin());
    facts["worst_snapshot"] = map.snapshot_numbers.empty() ? worst : map.snapshot_numbers[worst];
    if (const auto& rms = map.errors->rms; !rms.empty()) {
      auto by_field = nlohmann::ordered_json::object();
      for (std::size_t field = 0; field < rms.size(); ++field) by_field[fields[field]] = finite_or_null(rms[field]);
      facts["rms_errors"] = std::move(by_field);
    }
  }
  if (map.validation_errors) add_errors(facts, "validation_", *map.validation_errors);
}

template <class T>
nlohmann::ordered_json facts_of_outline(const BasicMapOutline<T>& outline, bool as_text) {
  auto facts = nlohmann::ordered_json::object();
  const CompressionOptions& grid = outline.grid;
  facts["method"] = "svd";
  facts["precision"] = sizeof(T) == sizeof(double) ? "double" : "single";
  facts["fields"] = grid.fields;
  facts["dim"] = grid.coords ? nlohmann::json(grid.coords->shape(1)) : nlohmann::json(nullptr);
  facts["num_qoi"] = grid.fields.size();
  facts["units"] = grid.units;
  facts["mesh"] = grid.mesh == nullptr                          ? nlohmann::json(nullptr)
                  : grid.mesh->location == FieldLocation::cells ? nlohmann::json("fields at cells")
                                                                : nlohmann::json("fields at points");
  facts["interpolate_method"] = grid.interpolate_method;
  const RBFOptions& options = grid.interpolate_opts;
  facts["kernel"] = traits(options.kernel).name;
  facts["rbf_method"] = rbf_methods()[static_cast<std::size_t>(options.method)];
  facts["neighbors"] = options.neighbors ? nlohmann::json(*options.neighbors) : nlohmann::json(nullptr);
  facts["scales"] = options.scales;
  facts["periods"] = options.periods;
  facts["merge_duplicates"] = options.merge_duplicates;
  add_space(facts, outline);
  facts["map_exists"] = outline.map.has_value();
  if (!outline.map) return facts;
  const BasicSVDMap<T>& map = *outline.map;
  const std::size_t rank = map.projection_matrix.shape(1);
  const std::size_t num_pts = outline.dof / grid.fields.size();
  facts["num_pts"] = num_pts;
  facts["grid_shape"] = grid.grid_shape.empty() ? Shape{num_pts} : grid.grid_shape;
  facts["dof"] = outline.dof;
  facts["rank"] = rank;
  add_energy(facts, map, rank, as_text);
  facts["num_samples"] = map.num_samples;
  facts["num_dropped"] = map.num_dropped;
  facts["num_filled"] = map.num_filled;
  add_all_errors(facts, map, grid.fields);
  facts["singular_values"] = std::vector<double>(map.singular_values.begin(), map.singular_values.end());
  facts["latent_ranges"] = map.latent_ranges;
  return facts;
}

}  // namespace

nlohmann::ordered_json finite_or_null(double number) {
  return std::isfinite(number) ? nlohmann::ordered_json(number) : nlohmann::ordered_json(nullptr);
}

std::vector<std::size_t> worst_first(const xt::xarray<double>& errors) {
  std::vector<std::size_t> order(errors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t j) {
    const bool is_unknown = std::isnan(errors(j));
    return std::tuple(is_unknown, is_unknown ? 0.0 : -errors(j), j);
  });
  return order;
}

nlohmann::ordered_json facts_of(const MapOutline& outline, bool as_text) {
  return std::visit([&](const auto& own) { return facts_of_outline(own, as_text); }, outline);
}

}  // namespace fieldfold::cli
