module;

#include <nlohmann/json.hpp>

module fieldfold.files.spec;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.any;
import fieldfold.compression.grid;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.interpolation.method;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

namespace fieldfold {
namespace {

using nlohmann::json;

[[noreturn]] void expected(std::string_view key, std::string_view what, const json& found) {
  const std::string got = found.is_structured() ? message("an ", found.type_name()) : found.dump().substr(0, 60);
  throw InvalidArgument(message(key, ": expected ", what, ", got ", got));
}

json parsed(std::string_view text) try { return json::parse(text); } catch (const json::parse_error& error) {
  throw InvalidArgument(message("spec: expected a JSON object, got invalid JSON from byte ", error.byte, " on"));
} catch (const json::out_of_range&) {
  throw InvalidArgument("spec: expected numbers that double precision represents, got a larger one");
}

std::string text(std::string_view key, const json& value) {
  if (!value.is_string()) expected(key, "a string", value);
  return value.get<std::string>();
}

/// Names of methods are compared in lower case, as in the reference.
std::string method_name(std::string_view key, const json& value) {
  std::string name = text(key, value);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name;
}

double number(std::string_view key, const json& value) {
  if (!value.is_number()) expected(key, "a number", value);
  return value.get<double>();
}

bool mark(std::string_view key, const json& value) {
  if (!value.is_boolean()) expected(key, "true or false", value);
  return value.get<bool>();
}

std::size_t count(std::string_view key, const json& value) {
  if (!value.is_number_unsigned()) expected(key, "a whole number of 0 or more", value);
  return value.get<std::size_t>();
}

int whole(std::string_view key, const json& value) {
  if (!value.is_number_integer() || value.get<double>() < std::numeric_limits<int>::min() ||
      value.get<double>() > std::numeric_limits<int>::max())
    expected(key, "a whole number", value);
  return value.get<int>();
}

void append(std::string_view key, const json& value, const Shape& shape, std::size_t axis,
            std::vector<double>& numbers) {
  if (axis == shape.size()) {
    numbers.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : number(key, value));
    return;
  }
  if (!value.is_array() || value.size() != shape[axis])
    expected(key, message("nested lists of the shape ", shape_text(shape)), value);
  for (const json& element : value) append(key, element, shape, axis + 1, numbers);
}

/// The largest number of axes of an array.
constexpr std::size_t most_axes = 8;

/// A number, or rectangular nested lists of numbers.
xt::xarray<double> array(std::string_view key, const json& value) {
  Shape shape;
  for (const json* inner = &value; inner->is_array(); inner = &inner->front()) {
    shape.push_back(inner->size());
    if (shape.size() > most_axes)
      expected(key, message("numbers or lists of them, nested at most ", most_axes, " times"), value);
    if (inner->empty()) break;
  }
  std::vector<double> numbers;
  append(key, value, shape, 0, numbers);
  auto result = xt::xarray<double>::from_shape(shape);
  std::ranges::copy(numbers, result.data());
  return result;
}

std::vector<std::string> names(std::string_view key, const json& value) {
  if (!value.is_array()) expected(key, "a list of names", value);
  std::vector<std::string> result;
  for (const json& name : value) result.push_back(text(key, name));
  return result;
}

std::vector<double> numbers(std::string_view key, const json& value) {
  if (!value.is_array()) expected(key, "a list of numbers", value);
  std::vector<double> result;
  for (const json& element : value) result.push_back(number(key, element));
  return result;
}

/// One value for all fields, or an object of values by field.
template <class Value, class Read>
void by_field(const json& value, Value& of_all, std::map<std::string, Value>& of_some, Read read) {
  if (!value.is_object()) {
    of_all = read(value);
    return;
  }
  for (const auto& [name, own] : value.items()) of_some[name] = read(own);
}

/// A key, and the reader of its value.
template <class Target>
struct Key {
  std::string_view name;
  void (*read)(Target&, std::string_view, const json&);
};

template <class Target, std::size_t N>
std::vector<std::string_view> names_of(const Key<Target> (&keys)[N]) {
  std::vector<std::string_view> names;
  for (const auto& key : keys) names.push_back(key.name);
  return names;
}

/// \param others  keys that are read elsewhere
template <class Target, std::size_t N>
void read_object(const json& object, std::string_view what, const Key<Target> (&keys)[N], Target& target,
                 const std::vector<std::string_view>& others = {}) {
  if (!object.is_object()) expected(what, "an object", object);
  for (const auto& [name, value] : object.items()) {
    const auto key = std::ranges::find(keys, name, &Key<Target>::name);
    if (key == std::ranges::end(keys)) {
      std::vector<std::string_view> known = names_of(keys);
      known.insert(known.end(), others.begin(), others.end());
      throw InvalidArgument(message(what, ": expected keys among ", listing(known), "; got ", name));
    }
    if (!value.is_null()) key->read(target, name, value);
  }
}

constexpr Key<RBFOptions> rbf_keys[] = {
    {"neighbors", [](auto& options, auto key, auto& value) { options.neighbors = count(key, value); }},
    {"smoothing", [](auto& options, auto key, auto& value) { options.smoothing = array(key, value); }},
    {"kernel", [](auto& options, auto key, auto& value) { options.kernel = kernel_named(text(key, value)); }},
    {"epsilon", [](auto& options, auto key, auto& value) { options.epsilon = number(key, value); }},
    {"degree", [](auto& options, auto key, auto& value) { options.degree = whole(key, value); }},
    {"method", [](auto& options, auto key, auto& value) { options.method = rbf_method_named(text(key, value)); }},
    {"cluster_size", [](auto& options, auto key, auto& value) { options.cluster_size = count(key, value); }},
    {"overlap", [](auto& options, auto key, auto& value) { options.overlap = number(key, value); }},
    {"allow_lower_degree", [](auto& options, auto key, auto& value) { options.allow_lower_degree = mark(key, value); }},
    {"merge_duplicates", [](auto& options, auto key, auto& value) { options.merge_duplicates = mark(key, value); }},
    {"scales", [](auto& options, auto key, auto& value) { options.scales = numbers(key, value); }},
    {"periods", [](auto& options, auto key, auto& value) { options.periods = numbers(key, value); }},
    {"power", [](auto& options, auto key, auto& value) { options.power = number(key, value); }},
    {"threads", [](auto& options, auto key, auto& value) { options.threads = count(key, value); }},
};

struct Triplets {
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
};

constexpr Key<Triplets> triplets_keys[] = {
    {"rows", [](auto& triplets, auto key, auto& value) { triplets.rows = numbers(key, value); }},
    {"columns", [](auto& triplets, auto key, auto& value) { triplets.columns = numbers(key, value); }},
    {"values", [](auto& triplets, auto key, auto& value) { triplets.values = numbers(key, value); }},
};

MassMatrix mass_matrix(std::string_view key, const json& value) {
  Triplets triplets;
  read_object(value, key, triplets_keys, triplets);
  const auto array_of = [](const std::vector<double>& list) {
    return ArrayRef<double>(list.data(), Shape{list.size()});
  };
  return {array_of(triplets.rows), array_of(triplets.columns), array_of(triplets.values)};
}

constexpr Key<FieldOptions> field_keys[] = {
    {"normalize",
     [](auto& options, auto key, auto& value) {
       by_field(value, options.normalize, options.normalize_field,
                [&](const json& own) { return normalization_from(text(key, own)); });
     }},
    {"center", [](auto& options, auto key, auto& value) { options.center = mark(key, value); }},
    {"standardize", [](auto& options, auto key, auto& value) { options.standardize = mark(key, value); }},
    {"point_weights", [](auto& options, auto key, auto& value) { options.point_weights = array(key, value); }},
    {"field_weights",
     [](auto& options, auto key, auto& value) {
       if (!value.is_object()) expected(key, "an object of fields and their weights", value);
       for (const auto& [name, weight] : value.items()) options.field_weights[name] = number(key, weight);
     }},
    {"sample_weights", [](auto& options, auto key, auto& value) { options.sample_weights = array(key, value); }},
    {"mass", [](auto& options, auto key, auto& value) { options.mass = mass_matrix(key, value); }},
    {"mask", [](auto& options, auto key, auto& value) { set_mask(text(key, value), options); }},
    {"missing_values", [](auto& options, auto key, auto& value) { options.missing_values = numbers(key, value); }},
    {"gappy_snapshots",
     [](auto& options, auto key, auto& value) { options.gappy_snapshots = gappy_snapshots_named(text(key, value)); }},
    {"gappy_states",
     [](auto& options, auto key, auto& value) { options.gappy_states = gappy_states_named(text(key, value)); }},
};

constexpr Key<SVDSpec> svd_keys[] = {
    {"method", [](auto&, auto, auto&) {}},
    {"fields", [](auto& spec, auto key, auto& value) { spec.grid.fields = names(key, value); }},
    {"coords", [](auto& spec, auto key, auto& value) { spec.grid.coords = array(key, value); }},
    {"grid_shape",
     [](auto& spec, auto key, auto& value) {
       if (!value.is_array()) expected(key, "a list of whole numbers", value);
       for (const json& length : value) spec.grid.grid_shape.push_back(count(key, length));
     }},
    {"interpolate_method",
     [](auto& spec, auto key, auto& value) { spec.grid.interpolate_method = method_name(key, value); }},
    {"interpolate_opts",
     [](auto& spec, auto key, auto& value) { read_object(value, key, rbf_keys, spec.grid.interpolate_opts); }},
    {"field_opts",
     [](auto& spec, auto key, auto& value) { read_object(value, key, field_keys, spec.options.field_opts); }},
    {"rank", [](auto& spec, auto key, auto& value) { spec.options.rule.rank = count(key, value); }},
    {"energy_tol", [](auto& spec, auto key, auto& value) { spec.options.rule.energy_tol = number(key, value); }},
    {"reconstruction_tol",
     [](auto& spec, auto key, auto& value) { spec.options.rule.reconstruction_tol = number(key, value); }},
    {"sample_tol", [](auto& spec, auto key, auto& value) { spec.options.rule.sample_tol = number(key, value); }},
    {"noise", [](auto& spec, auto key, auto& value) { spec.options.rule.noise = number(key, value); }},
    {"optimal_threshold",
     [](auto& spec, auto key, auto& value) { spec.options.rule.optimal_threshold = mark(key, value); }},
    {"validate_every", [](auto& spec, auto key, auto& value) { spec.options.validate_every = count(key, value); }},
    {"keep_training_latents",
     [](auto& spec, auto key, auto& value) { spec.options.keep_training_latents = mark(key, value); }},
    {"decomposition",
     [](auto& spec, auto key, auto& value) { spec.options.method = decomposition_method_named(text(key, value)); }},
    {"threads", [](auto& spec, auto key, auto& value) { spec.options.threads = count(key, value); }},
    {"data_matrix",
     [](auto& spec, auto key, auto& value) {
       if (!value.is_object()) {
         spec.data_matrix = array(key, value);
         return;
       }
       for (const auto& [name, own] : value.items()) spec.data_fields[name] = array(message(key, " of ", name), own);
     }},
};

constexpr Key<IncrementalOptions> incremental_keys[] = {
    {"max_rank", [](auto& options, auto key, auto& value) { options.max_rank = count(key, value); }},
    {"tolerance", [](auto& options, auto key, auto& value) { options.tolerance = number(key, value); }},
    {"forgetting", [](auto& options, auto key, auto& value) { options.forgetting = number(key, value); }},
    {"block", [](auto& options, auto key, auto& value) { options.block = count(key, value); }},
};

void check_method(const json& object) {
  if (!object.is_object()) expected("spec", "a JSON object", object);
  const auto given = object.find("method");
  const std::string method = given == object.end() || given->is_null() ? "svd" : method_name("method", *given);
  if (method != "svd") throw InvalidArgument(message("method: expected one of svd; got ", method));
}

}  // namespace

SVDSpec svd_spec(std::string_view json_text) {
  const json object = parsed(json_text);
  check_method(object);
  SVDSpec spec;
  read_object(object, "spec", svd_keys, spec);
  return spec;
}

AnyCompressor from_spec(std::string_view json_text) {
  SVDSpec spec = svd_spec(json_text);
  if (spec.data_matrix) return SVD(std::move(spec.grid), std::move(spec.options), *spec.data_matrix);
  if (!spec.data_fields.empty()) return SVD(std::move(spec.grid), std::move(spec.options), spec.data_fields);
  return SVD(std::move(spec.grid), std::move(spec.options));
}

IncrementalSpec incremental_spec(std::string_view json_text) {
  const json object = parsed(json_text);
  check_method(object);
  json own = json::object();
  json others = json::object();
  for (const auto& [name, value] : object.items())
    (std::ranges::find(incremental_keys, name, &Key<IncrementalOptions>::name) == std::ranges::end(incremental_keys)
         ? others
         : own)[name] = value;
  IncrementalSpec spec;
  read_object(own, "spec", incremental_keys, spec.incremental);
  SVDSpec svd;
  read_object(others, "spec", svd_keys, svd, names_of(incremental_keys));
  if (svd.data_matrix || !svd.data_fields.empty())
    throw InvalidArgument("data_matrix: expected none for an incremental SVD, which snapshots are added to");
  spec.grid = std::move(svd.grid);
  spec.options = std::move(svd.options);
  return spec;
}

Interpolation interpolation_spec(std::string_view json_text) {
  Interpolation interpolation;
  if (json_text.empty()) return interpolation;
  json object = parsed(json_text);
  if (!object.is_object()) expected("options", "a JSON object", object);
  if (const auto method = object.find("interpolate_method"); method != object.end()) {
    if (!method->is_null()) interpolation.method = method_name("interpolate_method", *method);
    object.erase(method);
  }
  read_object(object, "options", rbf_keys, interpolation.options, {"interpolate_method"});
  interpolation.validate();
  return interpolation;
}

}  // namespace fieldfold
