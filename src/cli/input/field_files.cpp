#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "field_files.hpp"
#include "files.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// The numbers of components of `--components`, by name; an empty name: of all fields.
std::map<std::string, std::size_t> components_of(const FieldFiles& fields) {
  std::map<std::string, std::size_t> result;
  for (const std::string& text : fields.components) {
    const std::size_t split = text.find('=');
    const std::string count = split == std::string::npos ? text : text.substr(split + 1);
    std::size_t components = 0;
    const auto [end, failure] = std::from_chars(count.data(), count.data() + count.size(), components);
    if (failure != std::errc{} || end != count.data() + count.size() || components == 0)
      throw InvalidArgument(message("--components: expected [NAME=]COUNT with a whole number above 0, got ", text));
    result[split == std::string::npos ? std::string() : text.substr(0, split)] = components;
  }
  return result;
}

/// The names of a variable's fields.
std::vector<std::string> names_of(const std::string& name, std::size_t components) {
  if (components == 1) return {name};
  std::vector<std::string> names;
  for (std::size_t k = 0; k < components; ++k) names.push_back(component_name(name, k, components));
  return names;
}

/// The name of a field from the place of its array: the last part of its name in the file, or the name of the file
/// without its ending, or of a series without its numbers.
std::string field_name(const Address& address, const std::string& variable) {
  if (!variable.empty()) return variable.substr(variable.rfind('/') + 1);
  std::string stem = std::filesystem::path(address.text).stem().string();
  stem = stem.substr(0, stem.find_first_of("*?["));
  while (stem.ends_with('_') || stem.ends_with('-') || stem.ends_with('.')) stem.pop_back();
  return stem.empty() ? "field" : stem;
}

}  // namespace

std::size_t bytes_of(const Address& address, const Variable& variable) {
  if (!variable.name.empty()) return size_of(variable.shape) * sizeof(double);
  std::size_t bytes = 0;
  for (const auto& path : address.paths) bytes += static_cast<std::size_t>(std::filesystem::file_size(path));
  return bytes;
}

namespace {

/// Collects arrays, and opens each file once.
class Collector {
 public:
  explicit Collector(const FieldFiles& fields) : components_(components_of(fields)) {}

  /// `--field NAME=ADDRESS`
  void add_field(const FieldFile& file) {
    const Address address = input_address(file.address);
    const Dataset& dataset = opened(address);
    add(file.name, address, dataset, dataset.variable(array_name(address, dataset, file.name)));
  }

  /// Files with all fields that are wanted. Several files with the same fields are a series.
  void add_files(const std::vector<std::string>& texts, const std::vector<std::string>& wanted) {
    std::vector<Address> addresses;
    for (const std::string& text : texts) addresses.push_back(input_address(text));
    if (addresses.size() > 1 && are_series(addresses)) {
      Address series = addresses.front();
      series.is_series = true;
      for (std::size_t i = 1; i < addresses.size(); ++i) series.paths.push_back(addresses[i].paths.front());
      sort_naturally(series.paths);
      addresses = {std::move(series)};
    }
    for (const Address& address : addresses) add_file(address, wanted);
  }

  GivenFields result() {
    for (const auto& [name, count] : components_)
      if (!name.empty() && !used_.contains(name))
        throw InvalidArgument(message("--components: expected a name given to --field, got ", name));
    return std::move(given_);
  }

 private:
  const Dataset& opened(const Address& address) {
    std::string key;
    for (const auto& path : address.paths) key += path.string() + '\n';
    auto& dataset = datasets_[key];
    if (!dataset) dataset = open_dataset(address);
    return *dataset;
  }

  /// Whether addresses are single files, with fields of the same names.
  bool are_series(const std::vector<Address>& addresses) {
    const auto is_file = [](const Address& address) {
      return !address.is_series && address.name.empty() && !std::filesystem::is_directory(address.paths.front());
    };
    if (!std::ranges::all_of(addresses, is_file)) return false;
    const auto names = [&](const Address& address) {
      std::vector<std::string> found;
      for (const Variable& variable : opened(address).variables())
        if (variable.is_field && !variable.name.empty()) found.push_back(variable.name);
      return found;
    };
    const auto first = names(addresses[0]);
    return !first.empty() && first == names(addresses[1]);
  }

  void add_file(const Address& address, const std::vector<std::string>& wanted) {
    const Dataset& dataset = opened(address);
    if (!address.name.empty()) {
      const Variable& own = dataset.variable(array_name(address, dataset));
      return add(field_name(address, own.name), address, dataset, own);
    }
    const auto variables = fields_in(dataset, wanted);
    if (variables.empty())
      throw FileError(message(address.text, ": expected ", wanted.empty() ? "fields" : listing(wanted), ", got ",
                              known_in(dataset)));
    for (const Variable* variable : variables)
      if (grid_shape_of(*variable) != grid_shape_of(*variables.front()))
        throw InvalidArgument(message(address.text, ": expected fields of one shape, got ", variables.front()->name,
                                      " ", shape_text(variables.front()->shape), " and ", variable->name, " ",
                                      shape_text(variable->shape), "; ", address.text, ":", variables.front()->name,
                                      " takes one of them, and --fields some"));
    for (const Variable& variable : dataset.variables())
      if (variable.is_field && std::ranges::find(variables, &variable) == variables.end())
        given_.left_out.push_back(variable.name);
    for (const Variable* variable : variables) add(field_name(address, variable->name), address, dataset, *variable);
  }

  /// The shape of a variable without its components.
  static Shape grid_shape_of(const Variable& variable) {
    Shape shape = variable.shape;
    if (variable.components > 1) shape.pop_back();
    return shape;
  }

  static std::string known_in(const Dataset& dataset) {
    std::vector<std::string> names;
    for (const Variable& variable : dataset.variables())
      if (variable.is_field && !variable.name.empty()) names.push_back(variable.name);
    return names.empty() ? "none" : listing(names);
  }

  /// The variables that provide fields: those wanted, or all of one location and shape.
  static std::vector<const Variable*> fields_in(const Dataset& dataset, const std::vector<std::string>& wanted) {
    std::vector<const Variable*> found;
    for (const Variable& variable : dataset.variables()) {
      if (!variable.is_field) continue;
      const auto names = names_of(variable.name, variable.components);
      const bool is_wanted =
          wanted.empty() || variable.name.empty() || std::ranges::find(wanted, variable.name) != wanted.end() ||
          std::ranges::any_of(names,
                              [&](const std::string& name) { return std::ranges::find(wanted, name) != wanted.end(); });
      if (is_wanted) found.push_back(&variable);
    }
    if (!wanted.empty()) return found;
    const bool has_point_fields = std::ranges::any_of(
        found, [](const Variable* variable) { return variable->location == FieldLocation::points; });
    if (has_point_fields)
      std::erase_if(found, [](const Variable* variable) { return variable->location != FieldLocation::points; });
    return found;
  }

  void add(const std::string& name, const Address& address, const Dataset& dataset, const Variable& variable) {
    std::size_t components = variable.components;
    for (const std::string& key : {std::string(), name})
      if (const auto found = components_.find(key); found != components_.end()) components = found->second;
    used_[name] = true;
    for (const std::string& own : names_of(name, components)) {
      if (std::ranges::find(given_.names, own) != given_.names.end())
        throw InvalidArgument(message("--field: ", own, " is given twice"));
      given_.names.push_back(own);
      if (!variable.units.empty()) given_.units[own] = variable.units;
    }
    if (given_.arrays.empty()) {
      given_.grid = dataset.grid(variable.name);
      given_.loop_axes = variable.loop_axes;
      given_.times = dataset.times(variable.name);
      location_ = variable.location;
      first_ = &dataset;
    } else if (variable.location != location_) {
      throw InvalidArgument(message("--field: expected fields at points or at cells, got ", name, " at ",
                                    variable.location == FieldLocation::cells ? "cells" : "points", " and ",
                                    given_.names.front(), " at ",
                                    location_ == FieldLocation::cells ? "cells" : "points"));
    }
    if (&dataset != first_) check_points(dataset.grid(variable.name), name);
    given_.bytes += bytes_of(address, variable);
    given_.arrays.push_back({name, dataset.array(variable.name), components});
  }

  /// Checks that points are those of the first array, where both files have them.
  void check_points(const Grid& grid, const std::string& name) const {
    if (!grid.coords || !given_.grid.coords) return;
    if (grid.coords->shape() == given_.grid.coords->shape() &&
        std::equal(grid.coords->begin(), grid.coords->end(), given_.grid.coords->begin()))
      return;
    throw InvalidArgument(
        message("--field: expected fields at the same points, got ", name, " at others than ", given_.names.front()));
  }

  std::map<std::string, std::size_t> components_;
  std::map<std::string, bool> used_;
  std::map<std::string, std::unique_ptr<Dataset>> datasets_;
  GivenFields given_;
  const Dataset* first_ = nullptr;
  FieldLocation location_ = FieldLocation::points;
};

}  // namespace

GivenFields open_fields(const FieldFiles& fields, const std::vector<std::string>& wanted) {
  Collector collector(fields);
  for (const FieldFile& file : fields.files) collector.add_field(file);
  collector.add_files(fields.addresses, wanted);
  return collector.result();
}

std::size_t grid_axes_of(const GivenFields& given, std::optional<std::size_t> axes,
                         const std::optional<xt::xarray<double>>& coords) {
  if (axes) return *axes;
  const StoredField& first = given.arrays.front();
  if (given.loop_axes) return first.array->shape().size() - *given.loop_axes - (first.components > 1 ? 1 : 0);
  return coords ? std::max<std::size_t>(coords->dimension(), 2) - 1 : 1;
}

Fields load_fields(const GivenFields& given) {
  Fields loaded;
  for (const auto& [name, array, components] : given.arrays) {
    auto values = load_array(*array);
    if (components == 1) {
      loaded.emplace(name, std::move(values));
      continue;
    }
    if (values.dimension() == 0 || values.shape().back() != components)
      throw InvalidArgument(message("field ", name, ": expected ", components,
                                    " components on the last axis, got the shape ",
                                    shape_text(ArrayRef<double>(values).shape())));
    loaded.merge(component_fields<double>(name, values));
  }
  return loaded;
}

}  // namespace fieldfold::cli
