module;

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Options of the space in which fields are compressed.
export module fieldfold.fields.options;

import fieldfold.base.arrays;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;

export namespace fieldfold {

/// Treatment of numbers of a state that have no value.
enum class Mask {
  none,       ///< a snapshot that lacks a number is gappy
  automatic,  ///< numbers that are finite in no snapshot (land in an ocean) leave the map, and are reconstructed as NaN
};

/// Treatment of training snapshots with missing numbers.
enum class GappySnapshots {
  drop,  ///< they are left out, and counted
  fill,  ///< gaps are filled iteratively from the modes until convergence; the basis and these snapshots are in memory
};

/// Treatment of states with missing numbers when they are compressed.
enum class GappyStates {
  nan,    ///< their coefficients are NaN
  fill,   ///< least-squares coefficients from the known entries (Everson and Sirovich 1995,
          ///< doi:10.1364/JOSAA.12.001657)
  error,  ///< an exception
};

/// How fields are brought into one space: units, mean, weights, holes. The default leaves numbers as they are.
struct FieldOptions {
  /// The normalization of all fields, and of some by name, which takes precedence. Means and deviations weight points
  /// and snapshots as below; with a mass matrix points have the row sums as weights, if these are all above 0.
  Normalization normalize = {};
  std::map<std::string, Normalization> normalize_field = {};
  /// Whether the mean snapshot is subtracted, and added again by `reconstruct`.
  bool center = false;
  /// Whether each number is divided by its own standard deviation over the snapshots, after centring. A number that is
  /// constant is not divided.
  bool standardize = false;
  /// `(num_pts,)`, or another shape of that size, above 0: weights of the points in inner products, such as cell volumes.
  std::optional<xt::xarray<double>> point_weights = std::nullopt;
  /// Weights of fields by name, above 0; 1 for all others.
  std::map<std::string, double> field_weights = {};
  /// `(num_samples,)`, above 0: weights of the snapshots.
  std::optional<xt::xarray<double>> sample_weights = std::nullopt;
  /// The inner product of each field, instead of point weights.
  std::optional<MassMatrix> mass = std::nullopt;
  Mask mask = Mask::none;
  GappySnapshots gappy_snapshots = GappySnapshots::drop;
  GappyStates gappy_states = GappyStates::nan;

  /// The normalization of a field.
  const Normalization& normalization_of(const std::string& field) const {
    const auto own = normalize_field.find(field);
    return own == normalize_field.end() ? normalize : own->second;
  }
};

/// The normalizations of fields, in their order.
std::vector<Normalization> normalizations_of(const FieldOptions& options, const std::vector<std::string>& fields);

/// The names of the enumerations, in their order.
const std::vector<std::string_view>& masks();
const std::vector<std::string_view>& gappy_snapshots_policies();
const std::vector<std::string_view>& gappy_states_policies();

/// By name. \throws InvalidArgument  an unknown name; the message lists the known ones
Mask mask_named(std::string_view name);
GappySnapshots gappy_snapshots_named(std::string_view name);
GappyStates gappy_states_named(std::string_view name);

/// Checks options before there is data. \param fields  their names
/// \throws InvalidArgument  an unknown field; a weight that is not finite and above 0; both point weights and a mass
///                          matrix; a normalization that cannot be used
void validate(const FieldOptions& options, const std::vector<std::string>& fields);

/// Whether options leave the numbers of snapshots as they are.
bool is_plain(const FieldOptions& options);

}  // namespace fieldfold
