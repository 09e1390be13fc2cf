#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "options.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// A text as a number; none if it is not one.
std::optional<double> number_in(const std::string& text) {
  double number = 0.0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

xt::xarray<double> number_or_file(const std::string& text) {
  if (const auto number = number_in(text)) return *number;
  return load_npy(text);
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

/// The inner product of `--mass`.
void add_mass(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords, FieldOptions& options) {
  const bool is_lumped = arguments.mass == "lumped";
  options.inner_product_name = arguments.mass;
  if (is_lumped || arguments.mass == "consistent") {
    if (!coords || arguments.cells.empty())
      throw InvalidArgument(message("--mass ", arguments.mass, ": expected --coords and --cells"));
    const auto cells = load_npy(arguments.cells);
    if (is_lumped)
      options.point_weights = lumped_mass(*coords, cells);
    else
      options.mass = consistent_mass(*coords, cells);
    return;
  }
  const auto triplets = load_npy(arguments.mass);
  if (triplets.dimension() != 2 || triplets.shape(1) != 3 || triplets.shape(0) == 0)
    throw InvalidArgument(message(arguments.mass,
                                  ": expected triplets (row, column, value) of the shape (entries, 3), ", "got ",
                                  shape_text(ArrayRef<double>(triplets).shape())));
  const auto column = [&](std::size_t k) { return xt::view(triplets, xt::all(), k); };
  options.mass.emplace(column(0), column(1), column(2));
}

}  // namespace

std::optional<xt::xarray<double>> load_optional(const std::filesystem::path& path) {
  if (path.empty()) return std::nullopt;
  return load_npy(path);
}

RBFOptions options_of(const InterpolationArguments& arguments) {
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

CompressionOptions with_overrides(CompressionOptions options, const InterpolationArguments& arguments,
                                  const std::set<std::string>& overrides) {
  const RBFOptions given = options_of(arguments);
  RBFOptions& rbf = options.interpolate_opts;
  const auto replace = [&](const char* name, auto& value, const auto& other) {
    if (overrides.contains(name)) value = other;
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
  return options;
}

FieldOptions options_of(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords) {
  FieldOptions options{.center = arguments.center,
                       .standardize = arguments.standardize,
                       .point_weights = load_optional(arguments.point_weights),
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
  if (!arguments.mass.empty()) add_mass(arguments, coords, options);
  return options;
}

}  // namespace fieldfold::cli
