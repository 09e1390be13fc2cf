module;

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Compression by a truncated singular value decomposition of snapshots (proper orthogonal decomposition; Sirovich
/// 1987, doi:10.1090/qam/910462).
export module fieldfold.pod.svd;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.grid;
import fieldfold.decomposition.inner_product;
export import fieldfold.decomposition.rank_rule;
export import fieldfold.decomposition.truncated_svd;
export import fieldfold.fields.space;
export import fieldfold.pod.map;
export import fieldfold.pod.projection;
import fieldfold.pod.whitening;
import fieldfold.rbf.interpolator;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// What an SVD compression needs to know before it sees data: `CompressionOptions` and `RankRule` in one aggregate.
struct SVDOptions {
  std::vector<std::string> fields = {};                     ///< as in `CompressionOptions`
  std::optional<xt::xarray<double>> coords = std::nullopt;  ///< as in `CompressionOptions`
  std::string interpolate_method = "rbf";                   ///< as in `CompressionOptions`
  RBFOptions interpolate_opts = {};                         ///< as in `CompressionOptions`
  FieldOptions field_opts = {};                             ///< units, mean, weights and holes; none: as the reference
  std::optional<std::size_t> rank = std::nullopt;           ///< as in `RankRule`; so are the five below
  std::optional<double> energy_tol = std::nullopt;
  std::optional<double> reconstruction_tol = std::nullopt;
  std::optional<double> sample_tol = std::nullopt;
  std::optional<double> noise = std::nullopt;
  bool optimal_threshold = false;
  /// k: every k-th snapshot is left out of learning, and its error is told; 2 or more, or 0: all are learned from.
  std::size_t validate_every = 0;
  /// Whether to keep the latent coefficients of the snapshots. The snapshots themselves are never kept.
  bool keep_training_latents = false;
  /// How to decompose the snapshots, and by how many threads (0: as many as the machine has). Not kept in files.
  DecompositionMethod method = DecompositionMethod::automatic;
  std::size_t threads = 0;
  std::size_t operator_cache_bytes = std::size_t{512} << 20;  ///< as in `CompressionOptions`
  /// Hears which share of a phase of learning is done; what it throws ends the learning. Not kept in files.
  std::function<void(std::string_view phase, double share)> progress = {};

  RankRule rank_rule() const {
    return {.rank = rank,
            .energy_tol = energy_tol,
            .reconstruction_tol = reconstruction_tol,
            .sample_tol = sample_tol,
            .noise = noise,
            .optimal_threshold = optimal_threshold};
  }
};

/// Folds a state x of `dof` numbers into its coefficients `U^T W y` in the leading left singular vectors U of the
/// training snapshots. With the default options y is x, and W the identity; what else they can be says `FieldSpace`.
/// Copies are independent; calls of const members are safe from many threads at once.
template <class T>
class BasicSVD : public BasicCompression<T> {
 public:
  /// \throws InvalidArgument  as `BasicCompression`; a rank rule out of its range; field options that cannot be used
  explicit BasicSVD(SVDOptions options = {});

  /// An SVD with a map that was learned before.
  /// \throws InvalidArgument  the map contradicts itself or the options: shapes that do not fit, numbers that are not
  ///                          finite, columns that are not orthonormal
  BasicSVD(SVDOptions options, BasicSVDMap<T> map);

  /// Learns the map. Snapshots with NaN or infinity are left out and counted, or filled if the options say so.
  /// \param snapshots  `(dof, num_samples)`
  /// \param rule       replaces the rule of the options if it is not empty
  /// \throws InvalidArgument  snapshots not 2-D; rows that do not fit the coords or fields; no finite snapshot, or
  ///                          only zeros; a rank of 0 or above min(dof, num_samples), dof without numbers that left the
  ///                          map; a tolerance out of its range; a field that cannot be normalized; weights of another
  ///                          number of points or snapshots
  /// \throws NumericalError   the decomposition did not converge, squares of the snapshots overflow, or a mass matrix
  ///                          is not positive definite
  /// The map is unchanged then.
  void compute_map(const ArrayRef<T>& snapshots, const RankRule& rule = {});

  /// Learns the map from fields by name.
  /// \param fields  each `(*loop_shape, num_pts)`, one sample for each index; names beside `fields()` are ignored
  /// \throws  as above; and InvalidArgument where a field is missing or their shapes differ
  void compute_map(const BasicFields<T>& fields, const RankRule& rule = {});

  /// Learns the map from rows of snapshots, `(dof, num_samples)`, that need not be in memory.
  void compute_map(const RowSource<T>& snapshots, const RankRule& rule = {});

  /// Learns a map without keeping it, or its basis in memory. The object is unchanged.
  /// \param basis  gets the projection matrix, `(dof, rank)`
  /// \returns  the map, with an empty projection matrix, and how it was found
  std::pair<BasicSVDMap<T>, DecompositionReport> learn(const RowSource<T>& snapshots, RowStore<T>& basis,
                                                       const RankRule& rule = {}) const;

  /// Whether a map has been computed or given.
  bool map_exists() const { return map_.has_value(); }

  /// All that was learned. \throws NotReady  there is no map; so do the members below
  const BasicSVDMap<T>& map() const;

  /// Folds states. NaN in one spoils its own coefficients only, or is mended as `gappy_states` of the options says.
  /// \param states  `(*loop_shape, dof)` \returns  `(*loop_shape, rank)`
  /// \throws InvalidArgument  states of another length; a number that is missing, where that is to be an error; the
  ///                          logarithm of a number that is not positive
  /// \throws NumericalError   the numbers that are there do not determine the coefficients
  xt::xarray<T> compress(const ArrayRef<T>& states) const;

  /// The same with another policy for numbers that are missing.
  xt::xarray<T> compress(const ArrayRef<T>& states, GappyStates policy) const;

  /// The same into memory of the caller, which must not overlap the states.
  /// \param latent  for `(*loop_shape, rank)` numbers  \throws InvalidArgument  also if it has another length
  void compress(const ArrayRef<T>& states, std::span<T> latent) const;

  /// Folds states and says how far they are from what their coefficients give: a state that is unlike the training
  /// snapshots shows at once. What is missing is filled by least squares.
  /// \param states  `(*loop_shape, dof)`
  /// \throws         as `compress`, but for states that are not determined; NotReady  the mass matrix was a function,
  /// and the map has been loaded
  BasicAssessment<T> assess(const ArrayRef<T>& states) const;

  /// Places to measure: numbers of a state, `point * num_qoi + field`, from which `compress` with `gappy_states` fill
  /// finds the coefficients with little noise; see `sensor_rows`. At least as many as the rank are needed for that.
  /// \throws InvalidArgument  0, or more than there are
  std::vector<std::size_t> sensors(std::size_t count) const;

  /// Unfolds latent coefficients. \param latent  `(*loop_shape, rank)` \returns  `(*loop_shape, dof)`
  /// \throws InvalidArgument  a number of coefficients other than the rank
  xt::xarray<T> reconstruct(const ArrayRef<T>& latent) const;

  /// The same into memory of the caller, which must not overlap the coefficients.
  /// \param states  for `(*loop_shape, dof)` numbers  \throws InvalidArgument  also if it has another length
  void reconstruct(const ArrayRef<T>& latent, std::span<T> states) const;

  /// Unfolds latent coefficients onto any points, as `reconstruct_fields` does. Where there are more samples than modes
  /// it is the modes that are interpolated; interpolation is linear, so that this changes results by rounding.
  /// \param latent      `(*loop_shape, rank)`
  /// \param new_coords  `(*coord_shape, dim)`, as in `interpolate_from_grid`
  /// \returns           each `(*loop_shape, *coord_shape)`
  /// \throws            as `reconstruct` and `interpolate_from_grid`
  BasicFields<T> reconstruct_at(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const;

  /// The number of modes that are kept: what every compressor calls latent size, and decompositions call rank.
  std::size_t latent_size() const { return rank(); }
  std::size_t rank() const { return map().projection_matrix.shape(1); }

  /// The lowest and highest coefficient of each mode over the training snapshots, farther apart on both sides by a
  /// margin, a share of their distance. \throws InvalidArgument  a margin that is negative or not finite
  LatentRanges estimate_latent_ranges(double margin = 0.0) const;

  /// `(rank,)` and `(rank, rank)`: the mean of the coefficients of the training snapshots, and the mean of the products
  /// of their deviations from it, as the snapshots weigh. \throws NotReady  the map is of a file without them
  const xt::xarray<double>& latent_mean() const;
  const xt::xarray<double>& latent_covariance() const;

  /// Coefficients of mean 0 and covariance I over the training snapshots, `R^-T (z - mean)` with `R^T R` the
  /// covariance; and back. \param latent, white  `(*loop_shape, rank)`
  /// \throws NumericalError  the covariance is singular: fewer snapshots than coefficients, or these depend on each
  ///                         other
  xt::xarray<T> whiten(const ArrayRef<T>& latent) const;
  xt::xarray<T> unwhiten(const ArrayRef<T>& white) const;

  /// Whether deviations from the mean snapshot are compressed: energy and errors do not count the mean then.
  bool is_centered() const { return map().space && map().space->parts().is_centered; }

  /// `(dof,)`: the mean snapshot, which has coefficients of 0; of fields with a logarithm the geometric one.
  /// \throws NotReady  snapshots were not centred
  xt::xarray<T> mean() const;

  /// The orthonormal basis `(dof, rank)` in the space of the fields, `U^T W U = I`. The entry largest in magnitude of
  /// each column is positive.
  const xt::xarray<T>& projection_matrix() const { return map().projection_matrix; }

  /// The singular values of the training snapshots in that space, descending: all, unless the method finds the leading
  /// ones only.
  const xt::xarray<T>& singular_values() const { return map().singular_values; }

  /// The share of the sum of squared singular values that the kept ones have, in (0, 1].
  double energy() const;

  /// The relative Frobenius error on the training snapshots: the square root of the share that the dropped ones have.
  double reconstruction_error() const;

  /// The number of snapshots that were learned from, and of those left out because numbers are missing.
  std::size_t num_samples() const { return map().num_samples; }
  std::size_t num_dropped() const { return map().num_dropped; }

  /// The errors of the snapshots that were learned from, and of those that were left out by `validate_every`.
  /// \throws NotReady  the map does not have them
  const SnapshotErrors& errors() const;
  const SnapshotErrors& validation_errors() const;

  /// `(num_samples, rank)`: the coefficients of the training snapshots. \throws NotReady  they were not kept
  const xt::xarray<T>& training_latents() const;

  /// How the last `compute_map` did it. \throws NotReady  the map was given or loaded
  const DecompositionReport& report() const;

  /// The options it was made with.
  SVDOptions options() const;

 private:
  SpaceProjection<T> projection() const;
  /// \throws NumericalError  the covariance is singular
  Whitening whitening() const;

  RankRule rule_;
  FieldOptions field_opts_;
  std::size_t validate_every_ = 0;
  bool keep_training_latents_ = false;
  DecompositionMethod method_ = DecompositionMethod::automatic;
  std::size_t threads_ = 0;
  std::size_t operator_cache_bytes_;
  std::function<void(std::string_view, double)> progress_;
  std::optional<BasicSVDMap<T>> map_;
  std::optional<DecompositionReport> report_;
};

/// The same in double precision.
using SVD = BasicSVD<double>;
using SVDMap = BasicSVDMap<double>;

static_assert(Compressor<SVD> && Compressor<BasicSVD<float>>);

}  // namespace fieldfold
