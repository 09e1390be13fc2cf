/// The map that an SVD learns from snapshots.
export module fieldfold.pod.map;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.compression.compressor;
import fieldfold.fields.space;
import fieldfold.pod.projection;

export namespace fieldfold {

/// The range of each latent coefficient. \param latents  `(samples, rank)`
template <class T>
LatentRanges ranges_of(const xt::xarray<T>& latents);

/// Relative projection errors `||y - U U^T W y|| / ||y||` of snapshots y, in the norm of the space in which they are
/// compressed (`FieldSpace`): the errors of compressing and reconstructing them. With the default options y is the
/// snapshot and the norm the 2-norm; where snapshots are centred, y is the deviation from the mean. 0 where both
/// norms are 0.
struct SnapshotErrors {
  xt::xarray<double> snapshots;        ///< `(num_samples,)`: of each snapshot
  xt::xarray<double> fields;           ///< `(num_qoi,)`: of each field, over all snapshots
  xt::xarray<double> snapshot_fields;  ///< `(num_samples, num_qoi)`: of each field of each snapshot
  /// `(num_qoi,)`: the root mean square of the errors of each field over points and snapshots, in the unit of the
  /// field, and weighted like both; NaN where a field has no single unit: logarithms, standardized numbers. Empty in
  /// files up to format 4.
  std::vector<double> rms = {};

  /// The largest error of a snapshot, and of a field of a snapshot.
  double largest_of_snapshots() const;
  double largest_of_fields() const;
};

/// The map of an SVD.
template <class T>
struct BasicSVDMap {
  xt::xarray<T> projection_matrix;                  ///< `(dof, rank)`, orthonormal columns: `U^T W U = I` in the space
  xt::xarray<T> singular_values;                    ///< descending: all `(min(dof, num_samples),)`, or the leading ones
  double unresolved_squares = 0.0;                  ///< the sum of squares of the missing singular values
  LatentRanges latent_ranges;                       ///< one per mode, over the training snapshots
  std::optional<xt::xarray<T>> training_latents;    ///< `(num_samples, rank)`
  std::size_t num_samples = 0;                      ///< training snapshots
  std::size_t num_dropped = 0;                      ///< snapshots dropped because of NaN or infinity
  std::vector<std::size_t> snapshot_numbers = {};   ///< of the training snapshots among those given; empty: all
  std::optional<SnapshotErrors> errors;             ///< of the training snapshots
  std::optional<SnapshotErrors> validation_errors;  ///< of the snapshots held out to validate the map
  std::optional<FieldSpace> space = std::nullopt;   ///< the space of the basis; none: untransformed states
  /// `(dof, rank)`: W U for a mass matrix W; computed if empty. Saved only if the matrix is a function.
  xt::xarray<T> weighted_basis = zeros<T>({0, 0});
  std::size_t num_filled = 0;  ///< gaps filled in the snapshots
  /// `(rank,)` and `(rank, rank)`: the weighted mean and covariance of the latent coefficients over the training
  /// snapshots. Empty in files up to format 3.
  xt::xarray<double> latent_mean = zeros<double>({0});
  xt::xarray<double> latent_covariance = zeros<double>({0, 0});

  /// Whether deviations from the mean snapshot are compressed; energy and errors then exclude the mean.
  bool is_centered() const { return space && space->parts().is_centered; }

  /// Sets the mean and the covariance of the latent coefficients.
  /// \param latents  `(samples, rank)`  \param weights  `(samples,)`
  void set_latent_statistics(const xt::xarray<T>& latents, const std::vector<double>& weights);

  /// Computes W U for a mass matrix W, if it is empty.
  void complete(std::size_t threads);

  /// The length of a state, and of that part of it that this rank has.
  std::size_t num_rows() const { return projection_matrix.dimension() == 2 ? projection_matrix.shape(0) : 0; }

  /// \param partition  the rows of this rank, if the points are distributed among ranks
  /// \throws InvalidArgument  the map is inconsistent: shapes that do not fit, numbers that are not finite or out of
  ///                          order, columns that are not orthonormal
  void validate(const RowPartition& partition = {}) const;

  /// The same without the numbers of basis and space. \param dof, rank  the shape of the basis, on all ranks
  void validate_figures(std::size_t dof, std::size_t rank) const;

  /// The projection on the basis; a view of this map.
  SpaceProjection<T> projection(const RowPartition& partition = {}) const;
};

}  // namespace fieldfold
