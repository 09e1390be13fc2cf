#include <charconv>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "files.hpp"
#include "options.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

xt::xarray<double> number_or_file(const std::string& text) {
  if (const auto number = number_in(text)) return *number;
  return load_input(text);
}

/// Splits `NAME=VALUE`.
std::pair<std::string, std::string> named(const std::string& text, const char* option) {
  const std::size_t split = text.find('=');
  if (split == std::string::npos || split == 0)
    throw InvalidArgument(message(option, ": expected FIELD=VALUE, got ", text));
  return {text.substr(0, split), text.substr(split + 1)};
}

double number_of(const std::string& text, const char* option) {
  if (const auto number = number_in(text)) return *number;
  throw InvalidArgument(message(option, ": expected a number, got ", text));
}

/// The inner product of the elements of a mesh, or of `--cells`.
void add_element_mass(const FieldArguments& arguments, const Grid& grid, FieldOptions& options) {
  const bool is_lumped = arguments.mass == "lumped";
  if (arguments.cells.empty() && grid.mesh && grid.mesh->location == FieldLocation::cells) {
    // Fields are constant in each cell, so that both matrices are the diagonal of the volumes.
    options.point_weights = cell_geometry(*grid.mesh).sizes;
    return;
  }
  if (arguments.cells.empty() && grid.mesh) {
    if (is_lumped)
      options.point_weights = lumped_mass(*grid.mesh);
    else
      options.mass = consistent_mass(*grid.mesh);
    return;
  }
  if (!grid.coords || arguments.cells.empty())
    throw InvalidArgument(
        message("--mass ", arguments.mass, ": expected --coords and --cells, or fields of a file with a mesh"));
  const auto cells = load_input(arguments.cells);
  if (is_lumped)
    options.point_weights = lumped_mass(*grid.coords, cells);
  else
    options.mass = consistent_mass(*grid.coords, cells);
}

/// The inner product of `--mass`.
void add_mass(const FieldArguments& arguments, const Grid& grid, FieldOptions& options) {
  options.inner_product_name = arguments.mass;
  if (arguments.mass == "lumped" || arguments.mass == "consistent") return add_element_mass(arguments, grid, options);
  if (!std::filesystem::exists(arguments.mass) && format_of(arguments.mass) == nullptr)
    throw InvalidArgument(message("--mass: expected lumped, consistent or a file, got ", arguments.mass));
  const auto triplets = load_input(arguments.mass);
  if (triplets.dimension() != 2 || triplets.shape(1) != 3 || triplets.shape(0) == 0)
    throw InvalidArgument(message(arguments.mass,
                                  ": expected triplets (row, column, value) of the shape (entries, 3), ", "got ",
                                  shape_text(ArrayRef<double>(triplets).shape())));
  const auto column = [&](std::size_t k) { return xt::view(triplets, xt::all(), k); };
  options.mass.emplace(column(0), column(1), column(2));
}

/// The cell areas of a latitude-longitude grid, for all its points.
xt::xarray<double> latlon_weights(const Grid& grid, std::size_t num_pts) {
  if (grid.latitudes.size() == 0)
    throw InvalidArgument(
        "--point-weights latlon: expected fields whose last two axes are latitude and longitude, in a NetCDF file with "
        "coordinate variables of the units degrees_north and degrees_east");
  const auto areas = latitude_longitude_areas(grid.latitudes, grid.longitudes);
  auto weights = xt::xarray<double>::from_shape({num_pts});
  for (std::size_t p = 0; p < num_pts; ++p) weights(p) = areas(p % areas.size());
  return weights;
}

RBFOptions values_of(const InterpolationArguments& arguments) {
  return {.neighbors = arguments.neighbors,
          .smoothing = number_or_file(arguments.smoothing),
          .kernel = kernel_named(arguments.kernel),
          .epsilon = arguments.epsilon,
          .degree = arguments.degree,
          .method = rbf_method_named(arguments.rbf_method),
          .cluster_size = arguments.cluster_size.value_or(RBFOptions{}.cluster_size),
          .overlap = arguments.overlap,
          .allow_lower_degree = arguments.allow_lower_degree,
          .merge_duplicates = arguments.merge_duplicates,
          .scales = arguments.scales,
          .periods = arguments.periods,
          .power = arguments.power};
}

/// Warns of interpolation options that were given, and have no effect on the method.
void warn_of_unused(const std::set<std::string>& given, std::string_view method, RBFMethod rbf_method) {
  const bool is_rbf = method == "rbf";
  const bool has_clusters = is_rbf && rbf_method == RBFMethod::partition_of_unity;
  const bool is_inverse_distance = method == "inverse_distance";
  std::vector<std::string> unused;
  const auto expect = [&](bool has_effect, std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (!has_effect && given.contains(name)) unused.push_back("--" + std::string(name));
  };
  expect(is_rbf, {"kernel", "epsilon", "degree", "smoothing", "rbf-method", "allow-lower-degree"});
  expect(is_rbf || is_inverse_distance, {"neighbors"});
  expect(has_clusters, {"cluster-size", "overlap"});
  expect(is_inverse_distance, {"power"});
  if (!unused.empty())
    warn(message(listing(unused), unused.size() == 1 ? " has" : " have", " no effect on the method ",
                 is_rbf ? message("rbf with --rbf-method ", rbf_methods()[static_cast<std::size_t>(rbf_method)])
                        : std::string(method)));
}

}  // namespace

std::optional<double> number_in(const std::string& text) {
  double number = 0.0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<xt::xarray<double>> load_optional(const std::string& address) {
  if (address.empty()) return std::nullopt;
  return load_input(address);
}

RBFOptions options_of(const InterpolationArguments& arguments) {
  warn_of_unused(arguments.given, arguments.interpolate_method, rbf_method_named(arguments.rbf_method));
  return values_of(arguments);
}

CompressionOptions with_overrides(CompressionOptions options, const InterpolationArguments& arguments) {
  const RBFOptions given = values_of(arguments);
  RBFOptions& rbf = options.interpolate_opts;
  const auto replace = [&](const char* name, auto& value, const auto& other) {
    if (arguments.given.contains(name)) value = other;
  };
  replace("interpolate-method", options.interpolate_method, arguments.interpolate_method);
  replace("kernel", rbf.kernel, given.kernel);
  replace("epsilon", rbf.epsilon, given.epsilon);
  replace("degree", rbf.degree, given.degree);
  replace("smoothing", rbf.smoothing, given.smoothing);
  replace("neighbors", rbf.neighbors, given.neighbors);
  replace("rbf-method", rbf.method, given.method);
  replace("cluster-size", rbf.cluster_size, given.cluster_size);
  replace("overlap", rbf.overlap, given.overlap);
  replace("allow-lower-degree", rbf.allow_lower_degree, given.allow_lower_degree);
  replace("merge-duplicates", rbf.merge_duplicates, given.merge_duplicates);
  replace("scales", rbf.scales, given.scales);
  replace("periods", rbf.periods, given.periods);
  replace("power", rbf.power, given.power);
  warn_of_unused(arguments.given, options.interpolate_method, rbf.method);
  return options;
}

FieldOptions options_of(const FieldArguments& arguments, const Grid& grid) {
  const bool is_latlon = arguments.point_weights == "latlon" && !std::filesystem::exists("latlon");
  if (!is_latlon && !arguments.point_weights.empty() && !std::filesystem::exists(arguments.point_weights) &&
      format_of(file_of(arguments.point_weights)) == nullptr)
    throw InvalidArgument(message("--point-weights: expected latlon or a file, got ", arguments.point_weights));
  FieldOptions options{.center = arguments.center,
                       .standardize = arguments.standardize,
                       .point_weights = is_latlon ? std::nullopt : load_optional(arguments.point_weights),
                       .sample_weights = load_optional(arguments.sample_weights),
                       .missing_values = arguments.missing_values,
                       .gappy_snapshots = gappy_snapshots_named(arguments.gappy)};
  set_mask(arguments.mask, options);
  for (const std::string& text : arguments.normalize) {
    if (text.find('=') == std::string::npos) {
      options.normalize = normalization_from(text);
      continue;
    }
    const auto [name, method] = named(text, "--normalize");
    options.normalize_field[name] = normalization_from(method);
  }
  for (const std::string& text : arguments.field_weights) {
    const auto [name, weight] = named(text, "--field-weight");
    options.field_weights[name] = number_of(weight, "--field-weight");
  }
  if (is_latlon) {
    const std::size_t dim = grid.coords ? grid.coords->shape().back() : 1;
    options.point_weights = latlon_weights(grid, grid.coords ? grid.coords->size() / dim : 0);
    options.inner_product_name = "cell areas";
  }
  if (!arguments.mass.empty()) add_mass(arguments, grid, options);
  return options;
}

}  // namespace fieldfold::cli
