/// Nearest-neighbor and inverse-distance interpolation of scattered data.
export module fieldfold.interpolation.local_weights;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// Nearest-neighbor interpolation as a matrix; ties are broken by the lowest index.
/// \param points   `(P, N)`, finite, P >= 1  \param queries  `(Q, N)`, finite
/// \param options  `scales`, `periods`, `threads`
/// \returns        `(Q, P)`
SparseRows nearest_weights(MatrixView<const double> points, MatrixView<const double> queries,
                           const RBFOptions& options);

/// Inverse-distance interpolation as a matrix: the mean of the nearest points, weighted by an inverse power of their
/// distances (Shepard 1968, doi:10.1145/800186.810616).
/// \param options  `neighbors` (none: 12), `power`, `scales`, `periods`, `threads`
/// \returns        `(Q, P)`; rows add up to 1, and values at points are reproduced exactly
SparseRows inverse_distance_weights(MatrixView<const double> points, MatrixView<const double> queries,
                                    const RBFOptions& options);

/// The number of points that it uses for a query, of so many.
std::size_t inverse_distance_neighbors(std::size_t num_points, const RBFOptions& options);

}  // namespace fieldfold
