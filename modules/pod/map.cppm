module;

#include <cstddef>
#include <optional>
#include <vector>

/// What an SVD learns from snapshots.
export module fieldfold.pod.map;

import fieldfold.base.arrays;
import fieldfold.compression.grid;
import fieldfold.fields.space;
import fieldfold.pod.projection;

export namespace fieldfold {

/// The lowest and highest of each of the coefficients `(samples, rank)`.
template <class T>
LatentRanges ranges_of(const xt::xarray<T>& latents);

/// How far snapshots are from their projections, `||y - U U^T W y|| / ||y||`, of snapshots y in the norm of the space
/// in which they are compressed (`FieldSpace`): what compressing and reconstructing them would give. With the default
/// options y is the snapshot and the norm the 2-norm; where snapshots are centred, y is the deviation from the mean,
/// and the mean is counted nowhere. 0 where both norms are 0.
struct SnapshotErrors {
  xt::xarray<double> snapshots;        ///< `(num_samples,)`: of each snapshot
  xt::xarray<double> fields;           ///< `(num_qoi,)`: of each field, of all snapshots together
  xt::xarray<double> snapshot_fields;  ///< `(num_samples, num_qoi)`: of each field of each snapshot

  /// The largest error of a snapshot, and of a field of a snapshot.
  double largest_of_snapshots() const;
  double largest_of_fields() const;
};

/// What is learned from snapshots.
template <class T>
struct BasicSVDMap {
  xt::xarray<T> projection_matrix;  ///< `(dof, rank)`, orthonormal columns: `U^T W U = I` in the space
  xt::xarray<T> singular_values;    ///< descending: all `(min(dof, num_samples),)`, or those that the method finds
  double unresolved_squares = 0.0;  ///< the sum of squares of the singular values that are not there
  LatentRanges latent_ranges;       ///< one a mode, over the training snapshots
  std::optional<xt::xarray<T>> training_latents;    ///< `(num_samples, rank)`
  std::size_t num_samples = 0;                      ///< snapshots that were learned from
  std::size_t num_dropped = 0;                      ///< snapshots left out because of NaN or infinity
  std::optional<SnapshotErrors> errors;             ///< of the snapshots that were learned from
  std::optional<SnapshotErrors> validation_errors;  ///< of those that were left out to validate the map
  std::optional<FieldSpace> space = std::nullopt;   ///< in which the basis lies; none: that of the numbers themselves
  /// `(dof, rank)`: W U, where there is a mass matrix; made from it if empty. Kept for one that is a function.
  xt::xarray<T> dual_basis = xt::zeros<T>({0, 0});
  std::size_t num_filled = 0;  ///< numbers that were missing in the snapshots, and were filled
  /// Over the training snapshots, with their weights: `(rank,)` and `(rank, rank)`, the mean and the mean of products
  /// of deviations from it. Empty in maps of format 3 and before.
  xt::xarray<double> latent_mean = xt::zeros<double>({0});
  xt::xarray<double> latent_covariance = xt::zeros<double>({0, 0});

  /// Sets the mean and the covariance.
  /// \param latents  `(samples, rank)`  \param weights  `(samples,)`: what each sample counts
  void describe_latents(const xt::xarray<T>& latents, const std::vector<double>& weights);

  /// Makes what is not kept: the dual basis of a mass matrix.
  void complete(std::size_t threads);

  /// \throws InvalidArgument  it is none that could have been learned: shapes that do not fit, numbers that are not
  ///                          finite or out of order, columns that are not orthonormal
  void validate() const;

  /// What projects on the basis. It refers to this map.
  SpaceProjection<T> projection() const;
};

}  // namespace fieldfold
