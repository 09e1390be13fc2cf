/// Options of the space in which fields are compressed.
export module fieldfold.fields.options;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;

export namespace fieldfold {

/// Treatment of numbers without a value.
enum class Mask {
  none,       ///< every snapshot with a missing number is gappy
  automatic,  ///< numbers that are finite in no snapshot (land in an ocean) are masked, and reconstructed as NaN
};

/// Treatment of training snapshots with missing numbers.
enum class GappySnapshots {
  drop,  ///< dropped, and counted
  fill,  ///< gaps are filled iteratively from the modes until convergence; the basis and these snapshots are in memory
};

/// Treatment of states with missing numbers in `compress`.
enum class GappyStates {
  nan,    ///< their coefficients are NaN
  fill,   ///< least-squares coefficients from the known entries (Everson and Sirovich 1995,
          ///< doi:10.1364/JOSAA.12.001657)
  error,  ///< an exception
};

/// Options of a field space: units, mean, weights, missing numbers. The default leaves states unchanged.
struct FieldOptions {
  /// The normalization of all fields, and overrides by name. Means and deviations are weighted by the point and sample
  /// weights below; with a mass matrix, by its row sums in place of point weights if all of them are above 0.
  Normalization normalize = {};
  std::map<std::string, Normalization> normalize_field = {};
  /// Whether the mean snapshot is subtracted, and added back by `reconstruct`.
  bool center = false;
  /// Whether each number is divided by its standard deviation over the snapshots, after centring. Constant numbers are
  /// not divided.
  bool standardize = false;
  /// `(num_pts,)` or another shape of that size, above 0: point weights of the inner product, such as cell volumes.
  /// With a mask, weights of masked points are ignored, and may be 0 or NaN.
  std::optional<xt::xarray<double>> point_weights = std::nullopt;
  /// The origin of the weights or the mass matrix, such as `lumped`, for descriptions of a map; saved with it.
  std::string inner_product_name = {};
  /// Field weights by name, above 0; 1 for all others.
  std::map<std::string, double> field_weights = {};
  /// `(num_samples,)`, at least 0: sample weights. Snapshots of weight 0 are left out.
  std::optional<xt::xarray<double>> sample_weights = std::nullopt;
  /// The inner product of each field, in place of point weights.
  std::optional<MassMatrix> mass = std::nullopt;
  Mask mask = Mask::none;
  /// With the automatic mask: numbers that are finite in fewer than this share of the snapshots are masked too.
  double mask_share = 0.0;
  /// Numbers that stand for a missing value, such as 1e20 or -9999; a relative difference of 1e-6 is ignored,
  /// and of 1e-3 for those above 1e10.
  std::vector<double> missing_values = {};
  GappySnapshots gappy_snapshots = GappySnapshots::drop;
  GappyStates gappy_states = GappyStates::nan;

  /// The normalization of a field.
  const Normalization& normalization_of(const std::string& field) const {
    const auto own = normalize_field.find(field);
    return own == normalize_field.end() ? normalize : own->second;
  }
};

/// The normalizations of fields, in the order of the fields.
std::vector<Normalization> normalizations_of(const FieldOptions& options, const std::vector<std::string>& fields);

/// The names of the values of each enumeration, in its order.
const std::vector<std::string_view>& masks();
const std::vector<std::string_view>& gappy_snapshots_policies();
const std::vector<std::string_view>& gappy_states_policies();

/// A value by its name. \throws InvalidArgument  an unknown name; the message lists the known ones
Mask mask_named(std::string_view name);
GappySnapshots gappy_snapshots_named(std::string_view name);
GappyStates gappy_states_named(std::string_view name);

/// Checks what can be checked without data. \param fields  names
/// \throws InvalidArgument  an unknown field; a weight that is not finite and above 0; both point weights and a mass
///                          matrix; an invalid normalization
void validate(const FieldOptions& options, const std::vector<std::string>& fields);

/// The mask and its share from `none`, `auto` or `auto:SHARE`. \throws InvalidArgument  another text
void set_mask(std::string_view text, FieldOptions& options);

/// Whether options leave snapshots unchanged.
bool is_plain(const FieldOptions& options);

}  // namespace fieldfold
