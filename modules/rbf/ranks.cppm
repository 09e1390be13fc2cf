/// Radial basis function interpolation of points distributed among ranks.
export module fieldfold.rbf.ranks;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.rbf.schemes;
import fieldfold.rbf.stencils;

export namespace fieldfold {

/// The interpolants of `LocalScheme` as a matrix; collective.
/// \param cloud    the points of this rank, in coordinates of all ranks
/// \param queries  `(q, dim)` of this rank
/// \throws  as `LocalScheme`, with the numbers of points among those of all ranks
RowsOnRanks local_rows(const RowPartition& partition, const PointCloud& cloud, MatrixView<const double> queries,
                       std::size_t neighbors, Threads threads);

/// The blend of `PartitionScheme` as a matrix; collective. Its cells are those of the points of all ranks, whichever
/// rank has them.
RowsOnRanks partition_rows(const RowPartition& partition, const PointCloud& cloud, MatrixView<const double> queries,
                           std::size_t cluster_size, double overlap, Threads threads);

}  // namespace fieldfold
