/// Snapshots whose samples are distributed among ranks.
export module fieldfold.rows.samples;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// Distributes snapshots by points that are distributed by samples: where each rank has run other parameters, and has
/// whole states. Each number is sent once, to the rank that has its point afterwards; collective.
/// \param states   `(*loop_shape, dof)`: those of this rank, possibly none  \param num_qoi  fields at a point
/// \returns  snapshots for `compute_map`, `(dof of this rank, samples of all)`: those of an equal share of the points,
///           with the samples in the order of the ranks
/// \throws InvalidArgument  states of other lengths on other ranks, or not of whole points
template <class T>
xt::xarray<T> distributed_by_points(const Communicator& communicator, const ArrayRef<T>& states,
                                    std::size_t num_qoi = 1);

}  // namespace fieldfold
