/// Nearest neighbors among points distributed among ranks.
export module fieldfold.points.neighborhoods;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.regions;

export namespace fieldfold {

/// A matrix whose rows need the nearest points of queries, ties by number: computed where the points are, by regions of
/// a distributed k-d tree. Collective.
/// \param partition  numbers the points
/// \param rows       `(n, dim + attributes)`: the points of this rank, and numbers that go with them
/// \param queries    `(q, dim)` of this rank
/// \param count      nearest points that a query needs, at most as many as there are
/// \param weights    computes rows `(queries, known)` from points among which the nearest ones are
RowsOnRanks rows_from_neighbors(
    const RowPartition& partition, MatrixView<const double> rows, MatrixView<const double> queries, std::size_t count,
    const std::function<SparseRows(const KnownPoints& known, MatrixView<const double> queries)>& weights);

/// All points, in the order of their numbers; collective. \param rows  `(n, dim)` of this rank  \returns  `(total,
/// dim)`
xt::xarray<double> gathered_rows(const RowPartition& partition, MatrixView<const double> rows);

}  // namespace fieldfold
