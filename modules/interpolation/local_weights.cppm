module;

#include <cstddef>

/// Cheap interpolation of scattered data, by weights of few points.
export module fieldfold.interpolation.local_weights;

import fieldfold.base.arrays;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// The value of the nearest point; of those at the same distance, that of the lowest index.
/// \param points   `(P, N)`, finite, P >= 1  \param queries  `(Q, N)`, finite
/// \param options  `scales`, `periods`, `threads`
/// \returns        `(Q, P)`
SparseRows nearest_weights(MatrixView<const double> points, MatrixView<const double> queries,
                           const RBFOptions& options);

/// The mean of the nearest points, weighted by the inverse of a power of their distances (Shepard 1968,
/// doi:10.1145/800186.810616).
/// \param options  `neighbors` (none: 12), `power`, `scales`, `periods`, `threads`
/// \returns        `(Q, P)`; rows add up to 1, and values at points are met exactly
SparseRows inverse_distance_weights(MatrixView<const double> points, MatrixView<const double> queries,
                                    const RBFOptions& options);

}  // namespace fieldfold
