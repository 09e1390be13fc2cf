/// Errors of maps on snapshots that they have not learned, and angles between maps. Both are collective where points
/// are distributed among ranks.
export module fieldfold.pod.validation;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.fields.space;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.source;

export namespace fieldfold {

/// The space of a map; that of untransformed states, if it has none. \throws NotReady  there is no map
template <class T>
FieldSpace space_of(const BasicSVD<T>& svd);

/// The relative projection errors of snapshots, as those of the training snapshots. Snapshots with a missing number
/// that is not masked have the error NaN, and are not counted in those of the fields.
/// \param snapshots  `(dof, num_samples)`, read by blocks of columns
/// \throws InvalidArgument  another dof; no snapshots; the logarithm of a number that is not positive
/// \throws NotReady         there is no map; its mass matrix was a function, which files do not hold
template <class T>
SnapshotErrors projection_errors(const BasicSVD<T>& svd, const RowSource<double>& snapshots);

/// The angles between the spans of two maps, in radians, ascending, `(min(rank_a, rank_b),)` (principal angles; Bjorck
/// and Golub 1973, doi:10.2307/2005662), in the inner product of the first. Small angles come from sines, so that they
/// are accurate. \throws InvalidArgument  maps of different dof
template <class T>
xt::xarray<double> principal_angles(const BasicSVD<T>& a, const BasicSVD<T>& b);

}  // namespace fieldfold
