module;

#include <cstddef>

/// Weights and mass matrices of grids: how much of the domain the points stand for.
export module fieldfold.fields.quadrature;

import fieldfold.base.arrays;
import fieldfold.fields.mass_matrix;

export namespace fieldfold {

/// The integrals of the linear shape functions of a mesh of triangles (in the plane or in space) or tetrahedra,
/// `(num_pts,)`, in the units of area or volume: the row sums of `consistent_mass`, to be used as point weights.
/// \param points  `(num_pts, dim)`, dim 2 or 3
/// \param cells   `(cells, 3)` or `(cells, 4)`: the numbers of their points
/// \throws InvalidArgument  another shape; a coordinate that is not finite; a number of no point; a point without a
///                          cell around it
xt::xarray<double> lumped_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells);

/// The integrals of products of the linear shape functions, for the same arguments.
MassMatrix consistent_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells);

/// The areas on a sphere of the cells around the points of a grid of latitudes and longitudes, to be used as point
/// weights. Cells meet in the middle between two points, and end at the poles.
/// \param latitudes, longitudes  in degrees, `(m,)` and `(n,)` with at least two each, ascending or descending
/// \param radius                 of the sphere
/// \returns  `(m * n,)`, longitudes fastest
/// \throws InvalidArgument  fewer than two; not monotonic; a latitude beyond a pole; longitudes round the globe more
///                          than once
xt::xarray<double> latitude_longitude_areas(const ArrayRef<double>& latitudes, const ArrayRef<double>& longitudes,
                                            double radius = 1.0);

}  // namespace fieldfold
