module fieldfold.fields.normalization;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

double number_in(std::string_view text, std::string_view whole) {
  double number = 0.0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size())
    throw InvalidArgument(message("normalize: expected a number in ", whole, ", got ", text));
  return number;
}

}  // namespace

const std::vector<std::string_view>& normalization_methods() {
  static const std::vector<std::string_view> names{"none", "linear", "minmax", "zscore", "log10"};
  return names;
}

NormalizationMethod normalization_method_named(std::string_view name) {
  return choice_named<NormalizationMethod>(name, normalization_methods(), "normalize");
}

Normalization normalization_from(std::string_view text) {
  const std::size_t colon = text.find(':');
  Normalization result{normalization_method_named(text.substr(0, colon))};
  const bool is_linear = result.method == NormalizationMethod::linear;
  if (colon == std::string_view::npos) {
    if (is_linear) throw InvalidArgument(message("normalize: expected linear:SLOPE,OFFSET, got ", text));
    return result;
  }
  const std::string_view rest = text.substr(colon + 1);
  const std::size_t comma = rest.find(',');
  if (is_linear && comma != std::string_view::npos) {
    result.slope = number_in(rest.substr(0, comma), text);
    result.offset = number_in(rest.substr(comma + 1), text);
    return result;
  }
  if (result.method != NormalizationMethod::log10)
    throw InvalidArgument(message("normalize: expected linear:SLOPE,OFFSET or log10:OFFSET, got ", text));
  result.offset = number_in(rest, text);
  return result;
}

bool needs_statistics(NormalizationMethod method) {
  return method == NormalizationMethod::minmax || method == NormalizationMethod::zscore;
}

FieldTransform transform_of(const Normalization& normalization, const FieldStatistics& statistics,
                            std::string_view name) {
  /// The transform of a field by its spread. A constant field is divided by its size, so that its noise stays noise.
  const auto scaled = [&](double shift, double spread, double size, const std::string& found) -> FieldTransform {
    if (!std::isfinite(spread) || (spread > 0.0 && !std::isfinite(1.0 / spread)))
      throw InvalidArgument(
          message("field ", name, ": expected numbers whose squares and reciprocals do not overflow, ", "got ", found));
    if (spread > spread_of_a_constant * size) return {.shift = shift, .factor = 1.0 / spread};
    warn(message("field ", name, ": taken as constant, and not scaled by ",
                 normalization_methods()[static_cast<std::size_t>(normalization.method)], ", because of ", found));
    return {.shift = shift, .factor = size > 0.0 ? 1.0 / size : 1.0};
  };
  switch (normalization.method) {
    case NormalizationMethod::none:
      break;
    case NormalizationMethod::linear:
      if (!std::isfinite(normalization.slope) || normalization.slope == 0.0 || !std::isfinite(normalization.offset))
        throw InvalidArgument(message("field ", name,
                                      ": expected a finite slope other than 0 and a finite offset, got ",
                                      normalization.slope, " and ", normalization.offset));
      return {.shift = -normalization.offset / normalization.slope, .factor = normalization.slope};
    case NormalizationMethod::minmax:
      return scaled(statistics.low, statistics.high - statistics.low,
                    std::max(std::abs(statistics.low), std::abs(statistics.high)),
                    message("values from ", statistics.low, " to ", statistics.high));
    case NormalizationMethod::zscore:
      return scaled(statistics.mean, statistics.deviation, std::abs(statistics.mean),
                    message("a deviation of ", statistics.deviation, " from the mean ", statistics.mean));
    case NormalizationMethod::log10:
      if (!std::isfinite(normalization.offset))
        throw InvalidArgument(message("field ", name, ": expected a finite offset, got ", normalization.offset));
      return {.is_logarithmic = true, .offset = normalization.offset};
  }
  return {};
}

}  // namespace fieldfold
