/// Sparse matrices for values at points of all ranks.
export module fieldfold.linalg.rows_on_ranks;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// A matrix `(q, n + needed)` for values at points of all ranks: those of this rank, and then those of others.
struct RowsOnRanks {
  std::variant<SparseRows, xt::xarray<double>> weights;
  std::vector<std::uint64_t> needed = {};  ///< numbers of points of other ranks, ascending
};

/// Rows that are parts of the rows of a partition of unity, to be added up and normalized.
struct BlendedRows {
  SparseRows rows = {};
  std::vector<double> blends = {};  ///< `(rows,)`: the sums of the weights before normalization
};

/// Rows for queries that other ranks compute; collective.
/// \param points   numbers the columns  \param own  those of this rank
/// \param queries  `(q, dim)` of this rank
/// \param ranks    `(q,)`: those that compute a row, ascending; the row is the sum of theirs over the sum of the blends
/// \param compute  the rows of queries from all ranks; called once on each rank
/// \param numbers  of the columns of these rows, called after it
RowsOnRanks computed_on_ranks(const RowPartition& points, std::size_t own, MatrixView<const double> queries,
                              const std::vector<std::vector<std::size_t>>& ranks,
                              const std::function<BlendedRows(MatrixView<const double> queries)>& compute,
                              const std::function<std::span<const std::uint64_t>()>& numbers);

/// A matrix whose columns are those of points of all ranks, in terms of their numbers. \param weights  `(q, total)`
RowsOnRanks with_own_columns(const RowPartition& points, std::size_t own,
                             const std::variant<SparseRows, xt::xarray<double>>& weights);

}  // namespace fieldfold
