module;

#include <cstddef>

/// Linear interpolation on a Delaunay triangulation.
export module fieldfold.interpolation.delaunay;

import fieldfold.base.arrays;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// Whether the library is built with Qhull, which triangulates.
bool delaunay_is_built();

/// Barycentric coordinates in the triangle or tetrahedron of a Delaunay triangulation (Barber, Dobkin and Huhdanpaa
/// 1996, doi:10.1145/235815.235821) that a query is in; outside of the convex hull the nearest point. The interpolant
/// is continuous inside, and exact for linear functions.
/// \param points   `(P, N)`, finite, N = 2 or 3, not all on a line or in a plane. Of points that coincide one counts.
/// \param queries  `(Q, N)`, finite
/// \param options  `scales`, `threads`
/// \returns        `(Q, P)`; rows add up to 1
/// \throws InvalidArgument  another dimension; an axis has a period
/// \throws NumericalError   the points have no triangulation
/// \throws NotReady         the library is built without Qhull
SparseRows linear_weights(MatrixView<const double> points, MatrixView<const double> queries, const RBFOptions& options);

}  // namespace fieldfold
