/// Compression by a truncated SVD (proper orthogonal decomposition; Sirovich 1987, doi:10.1090/qam/910462).
export module fieldfold.pod.svd;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.options;
import fieldfold.pod.map;
import fieldfold.pod.projection;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// Options of an SVD.
struct SVDOptions {
  FieldOptions field_opts = {};  ///< units, mean, weights and holes; the default is the reference's behaviour
  RankRule rule = {};            ///< replaced by a rule given to `compute_map`
  /// k: every k-th snapshot is held out of learning, and its error is reported; 2 or more, or 0: none.
  std::size_t validate_every = 0;
  /// Whether to keep the latent coefficients of the snapshots. The snapshots themselves are never kept.
  bool keep_training_latents = false;
  /// The decomposition method, and the threads to use (0: as many as the machine has, or the communicator says). Not
  /// saved.
  DecompositionMethod method = DecompositionMethod::automatic;
  std::size_t threads = 0;
  /// Progress callback: the phase of learning, and the share of it that is done; an exception thrown by it aborts
  /// learning. Not saved.
  std::function<void(std::string_view phase, double share)> progress = {};
};

/// Compresses a state x of `dof` numbers to its coefficients `U^T W y` in the leading left singular vectors U of the
/// training snapshots. With the default options y is x, and W the identity; `FieldSpace` defines both in general.
/// Copies are independent; const members are safe to call from many threads at once.
template <class T>
class BasicSVD : public BasicCompression<T> {
 public:
  /// \param grid  the fields and their grid; its mask and missing values are those of the field options, and holes are
  ///              skipped if these fill gappy states
  /// \throws InvalidArgument  as `BasicCompression`; a rank rule out of range; invalid field options; a
  ///                          `validate_every` of 1
  explicit BasicSVD(CompressionOptions grid = {}, SVDOptions options = {});

  /// An SVD that learns its map from snapshots, as by `compute_map`.
  BasicSVD(CompressionOptions grid, SVDOptions options, const ArrayRef<T>& snapshots);
  BasicSVD(CompressionOptions grid, SVDOptions options, const BasicFields<T>& fields);

  /// An SVD with a given map.
  /// \throws InvalidArgument  the map is inconsistent, or does not fit the options: wrong shapes, numbers that are not
  ///                          finite, columns that are not orthonormal
  BasicSVD(CompressionOptions grid, SVDOptions options, BasicSVDMap<T> map);

  /// Learns the map. Snapshots with NaN or infinity are dropped and counted, or filled, as `gappy_snapshots` requests.
  /// \param snapshots  `(dof, num_samples)`
  /// \param rule       replaces the rule of the options if it is not empty
  /// \throws InvalidArgument  snapshots not 2-D; rows that do not fit the coords or fields; no finite snapshot, or
  ///                          only zeros; a rank of 0 or above min(dof, num_samples), with dof without masked numbers;
  ///                          a tolerance out of range; a field that cannot be normalized; weights of another number
  ///                          of points or snapshots
  /// \throws NumericalError   the decomposition did not converge, squares of the snapshots overflow, or a mass matrix
  ///                          is not positive definite
  /// The map is unchanged by a call that throws.
  void compute_map(const ArrayRef<T>& snapshots, const RankRule& rule = {});

  /// Learns the map from fields by name.
  /// \param fields  each `(*loop_shape, num_pts)`, one sample per loop index; names not in `fields()` are ignored
  /// \throws  as above; InvalidArgument also if a field is missing or shapes differ
  void compute_map(const BasicFields<T>& fields, const RankRule& rule = {});

  /// Learns the map from rows of snapshots, `(dof, num_samples)`, that need not be in memory.
  void compute_map(const RowSource<T>& snapshots, const RankRule& rule = {});

  /// Learns a map and returns it, with the basis in a store. The object is unchanged.
  /// \param basis  receives the projection matrix, `(dof, rank)`
  /// \returns  the map, with an empty projection matrix, and a report
  std::pair<BasicSVDMap<T>, DecompositionReport> learn(const RowSource<T>& snapshots, RowStore<T>& basis,
                                                       const RankRule& rule = {}) const {
    return learn_from(snapshots, basis, rule);
  }

  /// The same from snapshots in double precision, for a map in single precision: they are rounded after means have been
  /// subtracted and scales applied.
  std::pair<BasicSVDMap<T>, DecompositionReport> learn(const RowSource<double>& snapshots, RowStore<T>& basis,
                                                       const RankRule& rule = {}) const
    requires(!std::same_as<T, double>)
  {
    return learn_from(snapshots, basis, rule);
  }

  /// Whether a map has been computed or given.
  bool map_exists() const { return map_.has_value(); }

  /// The map. \throws NotReady  there is none; so do the members below
  const BasicSVDMap<T>& map() const;

  /// Compresses states, with `gappy_states` of the options as the policy for missing numbers. These affect only the
  /// coefficients of their own state. One warning counts the states whose coefficients are NaN: those with missing
  /// numbers, or with the policy `fill` those whose known entries do not determine them.
  /// \param states  `(*loop_shape, dof)` \returns  `(*loop_shape, rank)`
  /// \throws InvalidArgument  states of another length; a missing number, if the policy is `error`; the logarithm of a
  ///                          number that is not positive
  xt::xarray<T> compress(const ArrayRef<T>& states) const { return compress(states, options_.field_opts.gappy_states); }

  /// The same with another policy for missing numbers.
  xt::xarray<T> compress(const ArrayRef<T>& states, GappyStates policy) const {
    return compress_states(states, policy);
  }

  /// The same in single precision for states in double precision, which are rounded after they have been shifted and
  /// scaled.
  template <class States>
    requires(std::same_as<States, xt::xarray<double>> && !std::same_as<T, double>)
  xt::xarray<T> compress(const States& states) const {
    return compress_states(ArrayRef<double>(states), options_.field_opts.gappy_states);
  }
  template <class States>
    requires(std::same_as<States, xt::xarray<double>> && !std::same_as<T, double>)
  xt::xarray<T> compress(const States& states, GappyStates policy) const {
    return compress_states(ArrayRef<double>(states), policy);
  }

  /// The same for the columns of a source, `(dof, num_states)`, read by blocks. \returns  `(num_states, rank)`
  xt::xarray<T> compress(const RowSource<double>& states, GappyStates policy) const;

  /// The same into memory of the caller, which must not overlap the states.
  /// \param latent  for `(*loop_shape, rank)` numbers  \throws InvalidArgument  also if it has another length
  void compress(const ArrayRef<T>& states, std::span<T> latent) const;

  /// Compresses states, and measures the residuals of their projections: large ones show states unlike the training
  /// snapshots. Missing numbers are filled by least squares.
  /// \param states  `(*loop_shape, dof)`
  /// \throws NotReady  the map was loaded, and its mass matrix was a function
  /// \throws           as `compress`, except for states with undetermined coefficients
  BasicAssessment<T> assess(const ArrayRef<T>& states) const { return assess_states(states); }

  /// The same for the columns of a source, `(dof, num_states)`, read by blocks.
  BasicAssessment<T> assess(const RowSource<double>& states) const;

  /// The same in single precision for states in double precision.
  template <class States>
    requires(std::same_as<States, xt::xarray<double>> && !std::same_as<T, double>)
  BasicAssessment<T> assess(const States& states) const {
    return assess_states(ArrayRef<double>(states));
  }

  /// Reconstructs states. \param latent  `(*loop_shape, rank)` \returns  `(*loop_shape, dof)`
  /// \throws InvalidArgument  a number of coefficients other than the rank
  xt::xarray<T> reconstruct(const ArrayRef<T>& latent) const;

  /// The same into memory of the caller, which must not overlap the coefficients.
  /// \param states  for `(*loop_shape, dof)` numbers  \throws InvalidArgument  also if it has another length
  void reconstruct(const ArrayRef<T>& latent, std::span<T> states) const;

  /// Reconstructs fields at any points, as `reconstruct_fields` does. For more samples than modes, the modes are
  /// interpolated instead of the samples; interpolation is linear, so results differ by rounding only.
  /// \param latent      `(*loop_shape, rank)`
  /// \param new_coords  `(*coord_shape, dim)`, as in `interpolate_from_grid`
  /// \returns           each `(*loop_shape, *coord_shape)`
  /// \throws            as `reconstruct` and `interpolate_from_grid`
  BasicFields<T> reconstruct_at(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const;

  /// The numbers of a state that this rank has, if the points are distributed among ranks; set with the map.
  const RowPartition& partition() const { return partition_; }

  /// The number of modes, which is the latent size.
  std::size_t latent_size() const { return rank(); }
  std::size_t rank() const { return map().projection_matrix.shape(1); }

  /// The range of each latent coefficient over the training snapshots, widened on both sides by `margin` times its
  /// width. \throws InvalidArgument  a margin that is negative or not finite
  LatentRanges estimate_latent_ranges(double margin = 0.0) const;

  /// The mean snapshot, `(dof,)`, whose coefficients are 0; the geometric mean for fields with a logarithm.
  /// \throws NotReady  snapshots were not centred
  xt::xarray<T> mean() const;

  /// The orthonormal basis `(dof, rank)` in the space of the fields, `U^T W U = I`. The largest entry in magnitude of
  /// each column is positive.
  const xt::xarray<T>& projection_matrix() const { return map().projection_matrix; }

  /// The singular values of the training snapshots in that space, descending: all, unless the method computes the
  /// leading ones only.
  const xt::xarray<T>& singular_values() const { return map().singular_values; }

  /// The share of the kept singular values in the sum of squares, in (0, 1].
  double energy() const;

  /// The relative Frobenius error on the training snapshots: the root of the truncated share of the sum of squares.
  double reconstruction_error() const;

  /// The number of training snapshots, and of snapshots dropped because of missing numbers.
  std::size_t num_samples() const { return map().num_samples; }
  std::size_t num_dropped() const { return map().num_dropped; }

  /// The errors of the training snapshots, and of those held out by `validate_every`.
  /// \throws NotReady  the map does not have them
  const SnapshotErrors& errors() const;
  const SnapshotErrors& validation_errors() const;

  /// `(num_samples, rank)`: the coefficients of the training snapshots. \throws NotReady  they were not kept
  const xt::xarray<T>& training_latents() const;

  /// A report of the last `compute_map`. \throws NotReady  the map was given or loaded
  const DecompositionReport& report() const;

  /// The options.
  const SVDOptions& options() const { return options_; }

 private:
  BasicFields<T> reconstruct_at_together(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const;
  template <class S>
  xt::xarray<T> compress_states(const ArrayRef<S>& states, GappyStates policy) const;
  template <class S>
  BasicAssessment<T> assess_states(const ArrayRef<S>& states) const;
  void for_blocks_of_states(const RowSource<double>& states,
                            const std::function<void(std::size_t first, MatrixView<const double> block)>& work) const;
  DecompositionRequest<T> request_for(const RankRule& rule, const RowPartition& partition) const;
  template <class S>
  std::pair<BasicSVDMap<T>, DecompositionReport> learn_from(const RowSource<S>& snapshots, RowStore<T>& basis,
                                                            const RankRule& rule) const;
  template <class S>
  std::pair<BasicSVDMap<T>, DecompositionReport> learn_together(const RowSource<S>& snapshots, RowStore<T>& basis,
                                                                const RankRule& rule) const;
  template <class S>
  std::pair<BasicSVDMap<T>, DecompositionReport> learn_complete(const RowSource<S>& snapshots, RowStore<T>& basis,
                                                                const DecompositionRequest<T>& common,
                                                                const FieldOptions& field_opts) const;

  void set_map(BasicSVDMap<T> map);
  SpaceProjection<T> projection() const { return map().projection(partition_); }

  SVDOptions options_;
  std::optional<BasicSVDMap<T>> map_;
  RowPartition partition_;  ///< of the rows of the map
  std::optional<DecompositionReport> report_;
};

/// The same in double precision.
using SVD = BasicSVD<double>;
using SVDMap = BasicSVDMap<double>;

static_assert(Compressor<SVD> && Compressor<BasicSVD<float>>);

}  // namespace fieldfold
