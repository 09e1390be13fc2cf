/// Meshes of cells.
export module fieldfold.fields.mesh;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// The shapes of cells, with the numbers and the order of nodes of VTK (Schroeder, Martin and Lorensen 2006).
enum class CellType : std::uint8_t {
  vertex = 1,
  line = 3,
  triangle = 5,
  polygon = 7,
  pixel = 8,
  quadrilateral = 9,
  tetrahedron = 10,
  voxel = 11,
  hexahedron = 12,
  wedge = 13,
  pyramid = 14,
  polyhedron = 42,
};

/// Where the fields of a mesh have their values.
enum class FieldLocation : std::uint8_t { points, cells };

/// A mesh of cells, and the place of fields on it.
struct Mesh {
  xt::xarray<double> points = zeros<double>({0, 3});  ///< `(num_nodes, 3)`
  std::vector<std::uint64_t> offsets = {0};           ///< `(num_cells + 1,)`: of the nodes of each cell
  /// The nodes of all cells. A polyhedron has, in place of its nodes, the number of its faces, and for each face the
  /// number of its nodes and these nodes.
  std::vector<std::uint64_t> nodes = {};
  std::vector<std::uint8_t> types = {};  ///< `(num_cells,)`: values of `CellType`
  FieldLocation location = FieldLocation::points;

  std::size_t num_nodes() const { return points.dimension() == 2 ? points.shape(0) : 0; }
  std::size_t num_cells() const { return types.size(); }
  /// The number of points of the fields.
  std::size_t num_pts() const { return location == FieldLocation::cells ? num_cells() : num_nodes(); }
  /// The nodes of a cell as stored.
  std::span<const std::uint64_t> nodes_of(std::size_t cell) const {
    return {nodes.data() + offsets[cell], offsets[cell + 1] - offsets[cell]};
  }
  CellType type_of(std::size_t cell) const { return static_cast<CellType>(types[cell]); }
};

/// Checks that a mesh is consistent.
/// \throws InvalidArgument  points of another shape or not finite; offsets that do not ascend from 0 to the number of
///                          nodes; an unknown type of cell; a number of nodes that does not fit the type; a node beyond
///                          the points
void validate(const Mesh& mesh);

/// The centroids of cells, `(num_cells, 3)`, and their lengths, areas or volumes, `(num_cells,)`; 1 for a vertex.
struct CellGeometry {
  xt::xarray<double> centers;
  xt::xarray<double> sizes;
};

/// Integrates over cells: exactly for those with planar faces, and for quadrilaterals in space by Gauss quadrature of
/// degree 5. Polygons and polyhedra are split into triangles and tetrahedra round the mean of their nodes, of which
/// they must be star-shaped. \param mesh  valid
CellGeometry cell_geometry(const Mesh& mesh);

/// The number of dimensions of a cell: 0 for a vertex to 3 for a polyhedron.
std::size_t dimension_of(const Mesh& mesh, std::size_t cell);

/// The largest number of dimensions of the cells. Meshes have boundaries of fewer as cells, too.
std::size_t dimension_of(const Mesh& mesh);

/// The mass matrix of an element.
struct ElementMass {
  std::vector<std::uint64_t> nodes;
  std::vector<double> entries;  ///< `(nodes, nodes)`, row by row
};

/// The integrals of the products of the shape functions of a cell: linear on lines, triangles and tetrahedra, bilinear,
/// trilinear, or collapsed trilinear (a pyramid) on the others.
/// \throws InvalidArgument  a polygon or polyhedron, which has no shape functions
ElementMass element_mass(const Mesh& mesh, std::size_t cell);

}  // namespace fieldfold
