module;

#include <string>
#include <string_view>
#include <vector>

/// Bringing quantities of different units together.
export module fieldfold.fields.normalization;

export namespace fieldfold {

/// What becomes of a number x of a field.
enum class NormalizationMethod {
  none,    ///< `x`
  linear,  ///< `slope x + offset`, of the caller
  minmax,  ///< `(x - low) / (high - low)`, of the lowest and the highest of the field
  zscore,  ///< `(x - mean) / deviation`, of the field
  log10,   ///< `log10(x + offset)`
};

/// A method, and its numbers.
struct Normalization {
  NormalizationMethod method = NormalizationMethod::none;
  double slope = 1.0;   ///< of `linear`, not 0
  double offset = 0.0;  ///< of `linear`, and of `log10` (in the units of the field)

  friend bool operator==(const Normalization&, const Normalization&) = default;
};

/// The names of all methods, in the order of the enumeration.
const std::vector<std::string_view>& normalization_methods();

/// A method by its name. \throws InvalidArgument  an unknown name; the message lists the known ones
NormalizationMethod normalization_method_named(std::string_view name);

/// A normalization in one word: `zscore`, `log10:OFFSET`, `linear:SLOPE,OFFSET`.
/// \throws InvalidArgument  an unknown name; numbers that are missing, too many or none
Normalization normalization_from(std::string_view text);

/// What is known of the numbers of a field.
struct FieldStatistics {
  double mean = 0.0;
  double deviation = 0.0;  ///< the root of the mean squared distance from the mean
  double low = 0.0;        ///< of fields for `minmax`
  double high = 0.0;
};

/// A normalization with what it has learned: `(g(x) - shift) * factor`, with `g(x) = log10(x + offset)` or x.
struct FieldTransform {
  bool is_logarithmic = false;
  double offset = 0.0;
  double shift = 0.0;
  double factor = 1.0;

  friend bool operator==(const FieldTransform&, const FieldTransform&) = default;
};

/// Learns a normalization. \param name  what messages call the field
/// \throws InvalidArgument  a constant field, for `minmax` and `zscore`; a slope or an offset that cannot be used
FieldTransform transform_of(const Normalization& normalization, const FieldStatistics& statistics,
                            std::string_view name);

/// Whether a method learns from the numbers of the field.
bool needs_statistics(NormalizationMethod method);

}  // namespace fieldfold
