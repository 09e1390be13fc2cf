module fieldfold.fields.options;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.normalization;

namespace fieldfold {
namespace {

template <class Value>
void check_names(const std::map<std::string, Value>& by_name, const std::vector<std::string>& fields,
                 std::string_view what) {
  for (const auto& [name, value] : by_name)
    if (std::ranges::find(fields, name) == fields.end())
      throw InvalidArgument(message(what, ": expected names among ", listing(fields), "; got ", name));
}

void check_weights(const xt::xarray<double>& weights, std::string_view what) {
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!(weights.data()[i] > 0.0) || !std::isfinite(weights.data()[i]))
      throw InvalidArgument(
          message(what, ": expected finite numbers above 0, got ", weights.data()[i], " at index ", i));
}

void check_sample_weights(const xt::xarray<double>& weights) {
  for (std::size_t j = 0; j < weights.size(); ++j)
    if (!(weights.data()[j] >= 0.0) || !std::isfinite(weights.data()[j]))
      throw InvalidArgument(
          message("sample_weights: expected finite numbers of 0 or more, got ", weights.data()[j], " at index ", j));
  if (weights.size() > 0 && std::ranges::all_of(weights, [](double weight) { return weight == 0.0; }))
    throw InvalidArgument("sample_weights: expected one above 0, got only zeros");
}

}  // namespace

std::vector<Normalization> normalizations_of(const FieldOptions& options, const std::vector<std::string>& fields) {
  std::vector<Normalization> result;
  result.reserve(fields.size());
  for (const std::string& field : fields) result.push_back(options.normalization_of(field));
  return result;
}

const std::vector<std::string_view>& masks() {
  static const std::vector<std::string_view> names{"none", "auto"};
  return names;
}

const std::vector<std::string_view>& gappy_snapshots_policies() {
  static const std::vector<std::string_view> names{"drop", "fill"};
  return names;
}

const std::vector<std::string_view>& gappy_states_policies() {
  static const std::vector<std::string_view> names{"nan", "fill", "error"};
  return names;
}

void set_mask(std::string_view text, FieldOptions& options) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (std::ranges::find(masks(), name) == masks().end())
    throw InvalidArgument(message("mask: expected none, auto or auto:SHARE, got ", text));
  options.mask = mask_named(name);
  if (colon == std::string_view::npos) return;
  const std::string_view share = text.substr(colon + 1);
  const auto [end, failure] = std::from_chars(share.data(), share.data() + share.size(), options.mask_share);
  if (options.mask == Mask::none || failure != std::errc{} || end != share.data() + share.size())
    throw InvalidArgument(message("mask: expected none, auto or auto:SHARE, got ", text));
}

Mask mask_named(std::string_view name) { return choice_named<Mask>(name, masks(), "mask"); }

GappySnapshots gappy_snapshots_named(std::string_view name) {
  return choice_named<GappySnapshots>(name, gappy_snapshots_policies(), "gappy_snapshots");
}

GappyStates gappy_states_named(std::string_view name) {
  return choice_named<GappyStates>(name, gappy_states_policies(), "gappy_states");
}

void validate(const FieldOptions& options, const std::vector<std::string>& fields) {
  check_names(options.normalize_field, fields, "normalize_field");
  check_names(options.field_weights, fields, "field_weights");
  const auto normalizations = normalizations_of(options, fields);
  for (std::size_t field = 0; field < fields.size(); ++field)
    transform_of(normalizations[field], {.deviation = 1.0, .low = 0.0, .high = 1.0}, fields[field]);
  // With a mask, `learn_space` checks the weights of the points that are left.
  if (options.point_weights && options.mask == Mask::none) check_weights(*options.point_weights, "point_weights");
  if (options.sample_weights) check_sample_weights(*options.sample_weights);
  if (!(options.mask_share >= 0.0 && options.mask_share <= 1.0))
    throw InvalidArgument(message("mask_share: expected a share from 0 to 1, got ", options.mask_share));
  for (const double value : options.missing_values)
    if (!std::isfinite(value))
      throw InvalidArgument(
          message("missing_values: expected finite numbers, got ", value, "; NaN and infinity are always missing"));
  for (const auto& [name, weight] : options.field_weights) check_weights({weight}, message("field_weights of ", name));
  if (options.point_weights && options.mass)
    throw InvalidArgument("point_weights: expected none with a mass matrix, which weights the points itself");
}

bool is_plain(const FieldOptions& options) {
  const auto none = [](const Normalization& normalization) {
    return normalization.method == NormalizationMethod::none;
  };
  return none(options.normalize) &&
         std::ranges::all_of(options.normalize_field, [&](const auto& entry) { return none(entry.second); }) &&
         !options.center && !options.standardize && !options.point_weights && options.field_weights.empty() &&
         !options.sample_weights && !options.mass && options.mask == Mask::none &&
         options.gappy_snapshots == GappySnapshots::drop;
}

}  // namespace fieldfold
