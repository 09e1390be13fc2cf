/// Linear interpolation on a Delaunay triangulation.
export module fieldfold.interpolation.delaunay;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.sparse;
import fieldfold.rbf.interpolator;

export namespace fieldfold {

/// Whether the library is built with Qhull, which computes the triangulation.
bool delaunay_is_built();

/// Linear interpolation as a matrix: the barycentric coordinates of each query in its triangle or tetrahedron of a
/// Delaunay triangulation (Barber, Dobkin and Huhdanpaa 1996, doi:10.1145/235815.235821), or in its interval for points
/// on a line; outside the convex hull, the nearest point. The interpolant is continuous inside the hull, and exact for
/// linear functions. Points in an affine subspace are triangulated there, and queries projected to it.
/// \param points   `(P, N)`, finite; they span up to three dimensions. One of several coincident points is used.
/// \param queries  `(Q, N)`, finite
/// \param options  `scales`, `threads`
/// \returns        `(Q, P)`; rows add up to 1
/// \throws InvalidArgument  points that span more dimensions; a periodic axis
/// \throws NumericalError   the points have no triangulation: they are too few, or coincide
/// \throws NotReady         the library is built without Qhull
SparseRows linear_weights(MatrixView<const double> points, MatrixView<const double> queries, const RBFOptions& options);

}  // namespace fieldfold
