/// Quadrature weights and mass matrices of grids.
export module fieldfold.fields.quadrature;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.mesh;

export namespace fieldfold {

/// The lumped mass of a mesh of triangles (in the plane or in space) or tetrahedra, `(num_pts,)`, in units of area or
/// volume: the integrals of the linear shape functions, and the row sums of `consistent_mass`. To be used as point
/// weights.
/// \param points  `(num_pts, dim)`, dim 2 or 3
/// \param cells   `(cells, 3)` or `(cells, 4)`: point indices
/// \throws InvalidArgument  another shape; a coordinate that is not finite; an index out of range; a point without a
///                          nondegenerate cell
xt::xarray<double> lumped_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells);

/// The consistent mass matrix: the integrals of products of the linear shape functions. Arguments as for `lumped_mass`.
MassMatrix consistent_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells);

/// The lumped mass of a mesh, `(num_nodes,)`, in units of length, area or volume: the integrals of the shape functions
/// of `element_mass` over the cells of the most dimensions. To be used as point weights of fields at points.
/// \throws InvalidArgument  a polygon or polyhedron; a node without a nondegenerate cell
xt::xarray<double> lumped_mass(const Mesh& mesh);

/// The consistent mass matrix of a mesh: the integrals of products of the shape functions. Errors as for `lumped_mass`.
MassMatrix consistent_mass(const Mesh& mesh);

/// Cell areas of a latitude-longitude grid on a sphere, to be used as point weights. Cells meet halfway between points;
/// the outermost ones reach as far beyond their points, at most to the poles.
/// \param latitudes, longitudes  in degrees, `(m,)` and `(n,)` with at least two each, ascending or descending
/// \param radius                 of the sphere
/// \returns  `(m * n,)`, longitudes fastest
/// \throws InvalidArgument  fewer than two; not monotonic; a latitude beyond a pole; cells that span more than 360
///                          degrees of longitude
xt::xarray<double> latitude_longitude_areas(const ArrayRef<double>& latitudes, const ArrayRef<double>& longitudes,
                                            double radius = 1.0);

}  // namespace fieldfold
