module;

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The space in which fields are compared and compressed: their units, their mean, and an inner product.
export module fieldfold.fields.space;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.inner_product;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.statistics;
import fieldfold.rows.source;

export namespace fieldfold {

/// What is done about points without values.
enum class Mask {
  none,       ///< nothing: a snapshot that lacks a number is gappy
  automatic,  ///< numbers that are finite in no snapshot (land in an ocean) leave the map, and come back as NaN
};

/// What is done with snapshots to learn from in which numbers are missing.
enum class GappySnapshots {
  drop,  ///< they are left out, and counted
  fill,  ///< what is missing is what the modes say, which are learned from all, again and again until both agree; the
         ///< basis and these snapshots are in memory meanwhile
};

/// What is done with states to compress in which numbers are missing.
enum class GappyStates {
  nan,    ///< their coefficients are not finite either
  fill,   ///< coefficients by least squares over what is there (Everson and Sirovich 1995,
          ///< doi:10.1364/JOSAA.12.001657)
  error,  ///< they are an error
};

/// How fields are brought into one space. The default leaves them as they are.
struct FieldOptions {
  /// Of all fields, and of some by name, which come first. Means and deviations weigh points and snapshots as below;
  /// with a mass matrix points count the sums of its rows, if these are all above 0.
  Normalization normalize = {};
  std::map<std::string, Normalization> normalize_field = {};
  /// Whether the mean snapshot is taken away, and put back by `reconstruct`.
  bool center = false;
  /// Whether each number is divided by its own deviation over the snapshots; it centres too. A number that is the same
  /// in all snapshots is divided by nothing.
  bool standardize = false;
  /// `(num_pts,)`, or another shape of as many, above 0: what each point counts in inner products, such as the volume
  /// of its cell.
  std::optional<xt::xarray<double>> point_weights = std::nullopt;
  /// Above 0: what a field counts; 1 for those without a name here.
  std::map<std::string, double> field_weights = {};
  /// `(num_samples,)`, above 0: what each snapshot counts.
  std::optional<xt::xarray<double>> sample_weights = std::nullopt;
  /// The inner product of each field, instead of point weights.
  std::optional<MassMatrix> mass = std::nullopt;
  Mask mask = Mask::none;
  GappySnapshots gappy_snapshots = GappySnapshots::drop;
  GappyStates gappy_states = GappyStates::nan;

  /// Of a field by its name.
  const Normalization& normalization_of(const std::string& field) const {
    const auto own = normalize_field.find(field);
    return own == normalize_field.end() ? normalize : own->second;
  }
};

/// The names of the enumerations, in their order.
const std::vector<std::string_view>& masks();
const std::vector<std::string_view>& gappy_snapshots_policies();
const std::vector<std::string_view>& gappy_states_policies();

/// By their names. \throws InvalidArgument  an unknown name; the message lists the known ones
Mask mask_named(std::string_view name);
GappySnapshots gappy_snapshots_named(std::string_view name);
GappyStates gappy_states_named(std::string_view name);

/// Checks what can be checked before there is data. \param fields  their names
/// \throws InvalidArgument  a field of another name; a weight that is not finite and above 0; both point weights and a
///                          mass matrix; a normalization that cannot be used
void validate(const FieldOptions& options, const std::vector<std::string>& fields);

/// Whether learning with these options is learning from the numbers as they are.
bool is_plain(const FieldOptions& options);

/// What a space consists of.
struct FieldSpaceParts {
  std::vector<std::string> fields;         ///< names
  std::vector<FieldTransform> transforms;  ///< one a field
  bool is_centered = false;
  xt::xarray<double> mean = xt::zeros<double>({0});           ///< `(dof,)`, of g(x), if centred; or empty
  xt::xarray<double> deviation = xt::zeros<double>({0});      ///< `(dof,)`, of g(x), 0: nothing; or empty
  xt::xarray<double> point_weights = xt::zeros<double>({0});  ///< `(num_pts,)`; or empty
  std::vector<double> field_weights;                          ///< one a field
  std::optional<MassMatrix> mass;
  std::vector<std::uint8_t> absent;  ///< `(dof,)`, 1 for a number that left the map; or empty
};

/// The space in which states of `dof` numbers are compressed. A state x has there the coordinates
///
///     y_i = (g(x_i) - shift_i) factor_i
///
/// with g the logarithm or the number itself, shift the mean or what the normalization takes away, and factor that of
/// the normalization or 1 over the deviation; 0 for numbers that left the map. The inner product is `y^T W y`, with
/// `W = field weight * point weight` on its diagonal, or field weight times the mass matrix.
class FieldSpace {
 public:
  /// \param num_pts  the points of a state
  /// \throws InvalidArgument  parts that do not fit each other
  FieldSpace(FieldSpaceParts parts, std::size_t num_pts);

  const FieldSpaceParts& parts() const { return parts_; }
  std::size_t dof() const { return shift_.size(); }
  std::size_t num_qoi() const { return parts_.fields.size(); }
  bool is_absent(std::size_t i) const { return !parts_.absent.empty() && parts_.absent[i] != 0; }
  std::size_t num_absent() const;
  /// Whether going back is no linear function of y.
  bool is_logarithmic() const;

  /// \param states  `(k, count)`: the numbers from `first` on  \param result  y, `(k, count)`; NaN where there is none
  /// \throws InvalidArgument  the logarithm of a number that is not positive
  template <class T>
  void enter(MatrixView<const T> states, std::size_t first, MatrixView<T> result) const;

  /// Back from y, in place. \param states  `(k, dof)`; numbers that left the map become NaN
  template <class T>
  void leave(MatrixView<T> states) const;

  /// What changes x when y changes, for spaces that are not logarithmic. \param changes  `(k, dof)`, in place
  template <class T>
  void leave_difference(MatrixView<T> changes) const;

  /// The diagonal of W; without the mass matrix if there is one.
  double weight(std::size_t i) const {
    const std::size_t point = i / num_qoi();
    return parts_.field_weights[i % num_qoi()] * (parts_.point_weights.size() > 0 ? parts_.point_weights(point) : 1.0);
  }
  /// Whether all of these are 1, and there is no mass matrix.
  bool is_unweighted() const;

  /// `W y`. \param y  `(dof, k)`  \param result  `(dof, k)`  \param threads  0: as many as the machine has
  /// \throws NotReady  the mass matrix was a function, which is not kept in files
  void weigh(MatrixView<const double> y, MatrixView<double> result, std::size_t threads = 1) const;

  /// The rows of what is decomposed, by which y is multiplied, so that a metric of unit diagonal remains: roots of
  /// weights, and of the diagonal of the mass matrix. 0 for numbers that left the map.
  std::vector<double> row_scales() const;

  /// The inner product of rows scaled so; null where it is the plain one.
  template <class T>
  std::unique_ptr<Metric<T>> metric() const;

  double shift(std::size_t i) const { return shift_[i]; }
  double factor(std::size_t i) const { return factor_[i]; }
  /// The logarithm of a number, or the number.
  double transformed(std::size_t i, double x) const;

  /// The same space with another mean of a number.
  void set_mean(std::size_t i, double mean);

 private:
  FieldSpaceParts parts_;
  std::vector<double> shift_;
  std::vector<double> factor_;
};

/// The space of options that learn nothing from snapshots: for these to be added one by one.
/// \param fields  their names
/// \throws InvalidArgument  options that learn, or know an end: means, deviations, `minmax`, `zscore`, masks, weights
/// of
///                          snapshots, gaps that are filled; a mass matrix; weights for another number of points
FieldSpace fixed_space(const FieldOptions& options, const std::vector<std::string>& fields, std::size_t num_pts);

/// A space, and what is missing in the snapshots that it was learned from.
struct LearnedSpace {
  FieldSpace space;
  Survey survey;
};

/// Learns the space of snapshots `(dof, num_samples)`.
/// \param fields           their names
/// \param leave_out_every  of so many columns the last is not learned from; 0: all are
/// \param progress         as of `SurveyRequest`
/// \throws InvalidArgument  weights or a mass matrix for another number of points or snapshots; what `survey` and
///                          `transform_of` throw
template <class T>
LearnedSpace learn_space(const RowSource<T>& snapshots, const FieldOptions& options,
                         const std::vector<std::string>& fields, std::size_t leave_out_every, std::size_t threads,
                         const std::function<void(double share)>& progress = {});

/// The rows that are decomposed: y of the snapshots, times row scales and the roots of sample weights.
template <class T>
class SpaceRows final : public RowSource<T> {
 public:
  /// All of these must outlive this object. \param sample_roots  `(num_samples,)`; empty: 1
  SpaceRows(const RowSource<T>& source, const FieldSpace& space, const std::vector<double>& row_scales,
            const std::vector<T>& sample_roots, const std::vector<Gap>& gaps)
      : source_(source), space_(space), row_scales_(row_scales), sample_roots_(sample_roots), gaps_(gaps) {}
  std::size_t rows() const override { return source_.rows(); }
  std::size_t cols() const override { return source_.cols(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

 private:
  const RowSource<T>& source_;
  const FieldSpace& space_;
  const std::vector<double>& row_scales_;
  const std::vector<T>& sample_roots_;
  const std::vector<Gap>& gaps_;
};

}  // namespace fieldfold
