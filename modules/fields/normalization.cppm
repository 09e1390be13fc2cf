/// Normalization of fields with different units.
export module fieldfold.fields.normalization;

import fieldfold.base.standard;

export namespace fieldfold {

/// The spread of numbers, relative to the size of their field, up to which they are taken as constant: the rounding
/// errors of a computation.
constexpr double spread_of_a_constant = 1e-13;

/// The transform of a number x of a field.
enum class NormalizationMethod {
  none,    ///< `x`
  linear,  ///< `slope x + offset`, given by the caller
  minmax,  ///< `(x - low) / (high - low)`, with the minimum and the maximum of the field
  zscore,  ///< `(x - mean) / deviation`, with the mean and the standard deviation of the field
  log10,   ///< `log10(x + offset)`
};

/// A method and its parameters.
struct Normalization {
  NormalizationMethod method = NormalizationMethod::none;
  double slope = 1.0;   ///< for `linear`, not 0
  double offset = 0.0;  ///< for `linear`, and for `log10` (in the units of the field)

  // Not defaulted: g++ 16 crashes where that is first used after an import.
  friend bool operator==(const Normalization& a, const Normalization& b) {
    return a.method == b.method && a.slope == b.slope && a.offset == b.offset;
  }
};

/// The names of all methods, in the order of the enumeration.
const std::vector<std::string_view>& normalization_methods();

/// A method by its name. \throws InvalidArgument  an unknown name; the message lists the known ones
NormalizationMethod normalization_method_named(std::string_view name);

/// Parses a normalization: `zscore`, `log10:OFFSET`, `linear:SLOPE,OFFSET`.
/// \throws InvalidArgument  an unknown name; missing, surplus or malformed numbers
Normalization normalization_from(std::string_view text);

/// Statistics of a field.
struct FieldStatistics {
  double mean = 0.0;
  double deviation = 0.0;  ///< population standard deviation
  double low = 0.0;        ///< minimum, for `minmax` only
  double high = 0.0;
};

/// A learned normalization: `(g(x) - shift) * factor`, with `g(x) = log10(x + offset)` or x.
struct FieldTransform {
  bool is_logarithmic = false;
  double offset = 0.0;
  double shift = 0.0;
  double factor = 1.0;

  friend bool operator==(const FieldTransform& a, const FieldTransform& b) {
    return a.is_logarithmic == b.is_logarithmic && a.offset == b.offset && a.shift == b.shift && a.factor == b.factor;
  }
};

/// Learns a normalization. For `minmax` and `zscore`, a field whose spread is below 1e-13 of its size is taken as
/// constant, with a warning: noise of that size is no signal. \param name  of the field, for messages
/// \throws InvalidArgument  squares or reciprocals overflow; an invalid slope or offset
FieldTransform transform_of(const Normalization& normalization, const FieldStatistics& statistics,
                            std::string_view name);

/// Whether a method needs the statistics of the field.
bool needs_statistics(NormalizationMethod method);

}  // namespace fieldfold
