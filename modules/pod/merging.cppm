/// Maps from maps: with fewer modes, with further snapshots, and of parts of the snapshots. Maps whose points are
/// distributed among ranks are truncated, but neither merged nor appended to: `BasicIncrementalSVD` does that.
export module fieldfold.pod.merging;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.decomposition.rank_rule;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.source;

export namespace fieldfold {

/// The rule by which maps are merged: the given one, or else that of the options of a map, unless it needs snapshots.
/// \throws InvalidArgument  the given one needs snapshots
template <class T>
RankRule merging_rule(const BasicSVD<T>& svd, const RankRule& given);

/// The sum of squares that a map of fewer modes truncates, and of all modes.
/// \param rank  of these modes; at least that of the map counts as that
template <class T>
double truncated_squares(const BasicSVDMap<T>& map, std::size_t rank);
template <class T>
double sum_of_squares(const BasicSVDMap<T>& map) {
  return truncated_squares(map, 0);
}

/// A map with fewer modes: the leading ones. Errors of snapshots are not known without them; the energy is.
/// \param rule  rank, energy_tol or reconstruction_tol; on the singular values of the map
/// \throws NotReady         there is no map
/// \throws InvalidArgument  another rule, or none; a rank above that of the map, or a tolerance that needs one
template <class T>
BasicSVD<T> truncated(const BasicSVD<T>& svd, const RankRule& rule);

/// The map of the snapshots of two maps, by the singular value decomposition of their scaled bases (Iwen and Ong 2016,
/// doi:10.1137/16M1058467), with an exact update of the mean. It is the map of all snapshots, up to what the two maps
/// have truncated, which `reconstruction_error` counts. Latent ranges enclose those of the snapshots; they are exact if
/// both maps keep their training latents. Errors of snapshots are not known.
/// \param rule  rank, energy_tol or reconstruction_tol; default: that of the options of a, or without one of these 0.95
///              of the energy
/// \throws NotReady         a map is missing
/// \throws InvalidArgument  maps of different fields, dof, coordinates or weights, or of fields that are normalized
///                          differently; sample weights; another rule
template <class T>
BasicSVD<T> merged(const BasicSVD<T>& a, const BasicSVD<T>& b, const RankRule& rule = {});

/// The map of the snapshots of a map and further ones, in the same way. Snapshots with missing numbers are dropped, and
/// counted. They are transformed by the space of the map, whose normalization stays.
/// \param snapshots  `(dof, num_samples)`, read by blocks
/// \throws InvalidArgument  also snapshots of another dof, or none that is finite
template <class T>
BasicSVD<T> appended(const BasicSVD<T>& svd, const RowSource<double>& snapshots, const RankRule& rule = {});

}  // namespace fieldfold
