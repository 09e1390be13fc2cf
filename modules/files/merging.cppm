/// Maps of snapshots whose samples are distributed among ranks.
export module fieldfold.files.merging;

import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.decomposition.rank_rule;
import fieldfold.pod.svd;

export namespace fieldfold {

/// The map of the snapshots of all ranks, from a map of its own snapshots on each: the hierarchical approximate proper
/// orthogonal decomposition (Himpel, Leibner and Rave 2018, doi:10.1137/16M1085413) on a binary tree of ranks, whose
/// messages are maps. The squared error exceeds the best one of its rank by at most 1 %, and by what the maps of the
/// ranks have truncated, which `reconstruction_error` counts. Training latents are in the order of the ranks.
///
/// A rank sends its modes, or those of all ranks below it in the tree, and the modes of the result, whatever the number
/// of its snapshots. `distributed_by_points` sends each snapshot once, and its map is exact: it costs less unless ranks
/// have many times as many snapshots as modes (docs/scaling.md). Collective.
/// \param own   of whole states; a rank without snapshots has no map
/// \param rule  as for `merged`
/// \returns     the same map on all ranks, each with all points
/// \throws NotReady         no rank has a map
/// \throws InvalidArgument  as `merged`
template <class T>
BasicSVD<T> merged(const Communicator& communicator, const BasicSVD<T>& own, const RankRule& rule = {});

}  // namespace fieldfold
