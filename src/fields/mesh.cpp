module fieldfold.fields.mesh;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

using Vector = std::array<double, 3>;

constexpr std::size_t most_nodes = 8;

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
double norm(const Vector& a) { return std::sqrt(dot(a, a)); }
Vector difference(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
void add(double factor, const Vector& a, Vector& sum) {
  for (std::size_t axis = 0; axis < 3; ++axis) sum[axis] += factor * a[axis];
}

/// The number of dimensions of a cell and of its nodes; 0 nodes: any number.
struct Kind {
  CellType type;
  std::size_t dim;
  std::size_t nodes;
};
constexpr std::array kinds{
    Kind{CellType::vertex, 0, 1},      Kind{CellType::line, 1, 2},    Kind{CellType::triangle, 2, 3},
    Kind{CellType::polygon, 2, 0},     Kind{CellType::pixel, 2, 4},   Kind{CellType::quadrilateral, 2, 4},
    Kind{CellType::tetrahedron, 3, 4}, Kind{CellType::voxel, 3, 8},   Kind{CellType::hexahedron, 3, 8},
    Kind{CellType::wedge, 3, 6},       Kind{CellType::pyramid, 3, 5}, Kind{CellType::polyhedron, 3, 0}};

const Kind* kind_of(std::uint8_t type) {
  const auto found = std::ranges::find(kinds, static_cast<CellType>(type), &Kind::type);
  return found == kinds.end() ? nullptr : &*found;
}

/// A point of a reference element and its weight.
struct QuadraturePoint {
  Vector at;
  double weight;
};

/// Gauss-Legendre on (0, 1), exact to degree 5.
std::array<std::pair<double, double>, 3> gauss() {
  const double offset = std::sqrt(0.15);
  return {{{0.5 - offset, 5.0 / 18.0}, {0.5, 8.0 / 18.0}, {0.5 + offset, 5.0 / 18.0}}};
}

/// Exact to degree 4 on the triangle (Dunavant 1985, doi:10.1002/nme.1620210612).
std::vector<QuadraturePoint> triangle_points() {
  std::vector<QuadraturePoint> points;
  for (const auto& [a, weight] : {std::pair{0.44594849091596488632, 0.22338158967801146570 / 2.0},
                                  std::pair{0.09157621350977074346, 0.10995174365532186764 / 2.0}}) {
    points.push_back({{a, a, 0.0}, weight});
    points.push_back({{1.0 - 2.0 * a, a, 0.0}, weight});
    points.push_back({{a, 1.0 - 2.0 * a, 0.0}, weight});
  }
  return points;
}

/// The points of the unit interval, square or cube.
std::vector<QuadraturePoint> cube_points(std::size_t dim) {
  std::vector<QuadraturePoint> points{{{0.0, 0.0, 0.0}, 1.0}};
  for (std::size_t axis = 0; axis < dim; ++axis) {
    std::vector<QuadraturePoint> finer;
    for (const auto& point : points)
      for (const auto& [x, weight] : gauss()) {
        finer.push_back({point.at, point.weight * weight});
        finer.back().at[axis] = x;
      }
    points = std::move(finer);
  }
  return points;
}

/// Exact to degree 2 on the tetrahedron (Hammer, Marlowe and Stroud 1956, doi:10.2307/2002483).
std::vector<QuadraturePoint> tetrahedron_points() {
  const double a = (5.0 - std::sqrt(5.0)) / 20.0;
  const double b = 1.0 - 3.0 * a;
  return {{{a, a, a}, 1.0 / 24.0}, {{b, a, a}, 1.0 / 24.0}, {{a, b, a}, 1.0 / 24.0}, {{a, a, b}, 1.0 / 24.0}};
}

std::vector<QuadraturePoint> wedge_points() {
  std::vector<QuadraturePoint> points;
  for (const auto& [at, weight] : triangle_points())
    for (const auto& [t, own] : gauss()) points.push_back({{at[0], at[1], t}, weight * own});
  return points;
}

/// The values of the shape functions at a point of the reference element, and their derivatives.
struct ShapeFunctions {
  std::array<double, most_nodes> values{};
  std::array<Vector, most_nodes> slopes{};
};

/// Products of linear functions of each coordinate: node k has the value 1 at the corner of the unit cube whose
/// coordinates are the k-th entry of `corners`.
ShapeFunctions multilinear(const Vector& at, std::size_t dim, std::span<const std::array<int, 3>> corners) {
  ShapeFunctions result;
  for (std::size_t k = 0; k < corners.size(); ++k) {
    std::array<double, 3> factor{1.0, 1.0, 1.0};
    std::array<double, 3> slope{};
    for (std::size_t axis = 0; axis < dim; ++axis) {
      factor[axis] = corners[k][axis] == 1 ? at[axis] : 1.0 - at[axis];
      slope[axis] = corners[k][axis] == 1 ? 1.0 : -1.0;
    }
    result.values[k] = factor[0] * factor[1] * factor[2];
    result.slopes[k] = {slope[0] * factor[1] * factor[2], factor[0] * slope[1] * factor[2],
                        factor[0] * factor[1] * slope[2]};
  }
  return result;
}

/// Corners in the order of VTK.
constexpr std::array<std::array<int, 3>, 8> hexahedron_corners{
    {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 1}, {1, 1, 1}, {0, 1, 1}}};
constexpr std::array<std::array<int, 3>, 8> voxel_corners{
    {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0}, {0, 0, 1}, {1, 0, 1}, {0, 1, 1}, {1, 1, 1}}};

/// Barycentric coordinates of a simplex.
ShapeFunctions barycentric(const Vector& at, std::size_t dim) {
  ShapeFunctions result;
  result.values[0] = 1.0;
  for (std::size_t axis = 0; axis < dim; ++axis) {
    result.values[0] -= at[axis];
    result.slopes[0][axis] = -1.0;
    result.values[axis + 1] = at[axis];
    result.slopes[axis + 1][axis] = 1.0;
  }
  return result;
}

/// The product of barycentric coordinates of the triangle and a linear function of the height.
ShapeFunctions prismatic(const Vector& at) {
  const ShapeFunctions triangle = barycentric(at, 2);
  ShapeFunctions result;
  for (std::size_t k = 0; k < 6; ++k) {
    const std::size_t i = k % 3;
    const double height = k < 3 ? 1.0 - at[2] : at[2];
    result.values[k] = triangle.values[i] * height;
    result.slopes[k] = {triangle.slopes[i][0] * height, triangle.slopes[i][1] * height,
                        k < 3 ? -triangle.values[i] : triangle.values[i]};
  }
  return result;
}

/// Bilinear on the base, which the height shrinks to the apex.
ShapeFunctions collapsed(const Vector& at) {
  ShapeFunctions result = multilinear(at, 3, std::span(hexahedron_corners).first(4));
  result.values[4] = at[2];
  result.slopes[4] = {0.0, 0.0, 1.0};
  return result;
}

ShapeFunctions shape_functions(CellType type, const Vector& at) {
  const auto first = [](const auto& corners, std::size_t count) { return std::span(corners).first(count); };
  switch (type) {
    case CellType::line:
      return barycentric(at, 1);
    case CellType::triangle:
      return barycentric(at, 2);
    case CellType::tetrahedron:
      return barycentric(at, 3);
    case CellType::pixel:
      return multilinear(at, 2, first(voxel_corners, 4));
    case CellType::quadrilateral:
      return multilinear(at, 2, first(hexahedron_corners, 4));
    case CellType::voxel:
      return multilinear(at, 3, voxel_corners);
    case CellType::wedge:
      return prismatic(at);
    case CellType::pyramid:
      return collapsed(at);
    default:
      return multilinear(at, 3, hexahedron_corners);
  }
}

const std::vector<QuadraturePoint>& quadrature_points(CellType type) {
  static const std::array rules{cube_points(1),       triangle_points(), cube_points(2),
                                tetrahedron_points(), wedge_points(),    cube_points(3)};
  switch (type) {
    case CellType::line:
      return rules[0];
    case CellType::triangle:
      return rules[1];
    case CellType::pixel:
    case CellType::quadrilateral:
      return rules[2];
    case CellType::tetrahedron:
      return rules[3];
    case CellType::wedge:
      return rules[4];
    default:
      return rules[5];
  }
}

Vector point_of(const Mesh& mesh, std::uint64_t node) {
  const double* const at = mesh.points.data() + 3 * node;
  return {at[0], at[1], at[2]};
}

/// Calls `visit(weight, values)` at each quadrature point of a cell with shape functions.
template <class Visit>
void integrate(const Mesh& mesh, std::size_t cell, const Visit& visit) {
  const CellType type = mesh.type_of(cell);
  const std::size_t dim = kind_of(mesh.types[cell])->dim;
  const auto nodes = mesh.nodes_of(cell);
  for (const auto& [at, weight] : quadrature_points(type)) {
    const ShapeFunctions shapes = shape_functions(type, at);
    std::array<Vector, 3> tangents{};
    for (std::size_t k = 0; k < nodes.size(); ++k)
      for (std::size_t axis = 0; axis < dim; ++axis)
        add(shapes.slopes[k][axis], point_of(mesh, nodes[k]), tangents[axis]);
    const double stretch = dim == 1   ? norm(tangents[0])
                           : dim == 2 ? norm(cross(tangents[0], tangents[1]))
                                      : std::abs(dot(cross(tangents[0], tangents[1]), tangents[2]));
    visit(weight * stretch, std::span(shapes.values).first(nodes.size()));
  }
}

/// A size and the centroid weighted by it.
struct Moments {
  double size = 0.0;
  Vector first{};
  void add_part(double part, const Vector& center) {
    size += part;
    add(part, center, first);
  }
};

Vector mean_of(const Mesh& mesh, std::span<const std::uint64_t> nodes) {
  Vector mean{};
  for (const std::uint64_t node : nodes) add(1.0 / static_cast<double>(nodes.size()), point_of(mesh, node), mean);
  return mean;
}

/// Calls `visit(a, b, c)` for the triangles of a polygon round the mean of its nodes.
template <class Visit>
void for_triangles(const Mesh& mesh, std::span<const std::uint64_t> nodes, const Visit& visit) {
  const Vector middle = mean_of(mesh, nodes);
  for (std::size_t k = 0; k < nodes.size(); ++k)
    visit(middle, point_of(mesh, nodes[k]), point_of(mesh, nodes[(k + 1) % nodes.size()]));
}

Moments polygon_moments(const Mesh& mesh, std::span<const std::uint64_t> nodes) {
  Moments moments;
  for_triangles(mesh, nodes, [&](const Vector& a, const Vector& b, const Vector& c) {
    Vector center{};
    for (const Vector* corner : {&a, &b, &c}) add(1.0 / 3.0, *corner, center);
    moments.add_part(norm(cross(difference(b, a), difference(c, a))) / 2.0, center);
  });
  return moments;
}

/// Calls `visit(nodes)` for the faces of a polyhedron.
template <class Visit>
void for_faces(std::span<const std::uint64_t> stream, const Visit& visit) {
  std::size_t place = 1;
  for (std::uint64_t face = 0; face < stream[0]; ++face) {
    const auto count = static_cast<std::size_t>(stream[place]);
    visit(stream.subspan(place + 1, count));
    place += 1 + count;
  }
}

Moments polyhedron_moments(const Mesh& mesh, std::span<const std::uint64_t> stream) {
  Vector middle{};
  for_faces(stream, [&](std::span<const std::uint64_t> nodes) {
    add(1.0 / static_cast<double>(stream[0]), mean_of(mesh, nodes), middle);
  });
  Moments moments;
  for_faces(stream, [&](std::span<const std::uint64_t> nodes) {
    for_triangles(mesh, nodes, [&](const Vector& a, const Vector& b, const Vector& c) {
      Vector center{};
      for (const Vector* corner : {&a, &b, &c, static_cast<const Vector*>(&middle)}) add(0.25, *corner, center);
      const Vector edge = difference(a, middle);
      moments.add_part(std::abs(dot(cross(difference(b, middle), difference(c, middle)), edge)) / 6.0, center);
    });
  });
  return moments;
}

Moments moments_of(const Mesh& mesh, std::size_t cell) {
  const auto nodes = mesh.nodes_of(cell);
  switch (mesh.type_of(cell)) {
    case CellType::vertex:
      return {1.0, point_of(mesh, nodes[0])};
    case CellType::polygon:
      return polygon_moments(mesh, nodes);
    case CellType::polyhedron:
      return polyhedron_moments(mesh, nodes);
    default:
      break;
  }
  Moments moments;
  integrate(mesh, cell, [&](double weight, std::span<const double> values) {
    Vector at{};
    for (std::size_t k = 0; k < nodes.size(); ++k) add(values[k], point_of(mesh, nodes[k]), at);
    moments.add_part(weight, at);
  });
  return moments;
}

void expect_node(std::uint64_t node, const Mesh& mesh, std::size_t cell) {
  if (node >= mesh.num_nodes())
    throw InvalidArgument(message("mesh: expected nodes below ", mesh.num_nodes(), ", got ", node, " in cell ", cell));
}

void validate_polyhedron(const Mesh& mesh, std::size_t cell) {
  const auto stream = mesh.nodes_of(cell);
  std::size_t place = 1;
  bool fits = !stream.empty() && stream[0] >= 4;
  for (std::uint64_t face = 0; fits && face < stream[0]; ++face) {
    fits = place < stream.size() && stream[place] >= 3 && stream[place] < stream.size() - place;
    if (!fits) break;
    const auto count = static_cast<std::size_t>(stream[place]);
    for (const std::uint64_t node : stream.subspan(place + 1, count)) expect_node(node, mesh, cell);
    place += 1 + count;
  }
  if (!fits || place != stream.size())
    throw InvalidArgument(message("mesh: the faces of the polyhedron ", cell, " are inconsistent"));
}

}  // namespace

void validate(const Mesh& mesh) {
  if (mesh.points.dimension() != 2 || mesh.points.shape(1) != 3)
    throw InvalidArgument(message("mesh: expected points of the shape (num_nodes, 3), got ",
                                  shape_text(Shape(mesh.points.shape().begin(), mesh.points.shape().end()))));
  for (const double x : mesh.points)
    if (!std::isfinite(x)) throw InvalidArgument("mesh: expected finite points, got NaN or infinity");
  if (mesh.offsets.size() != mesh.num_cells() + 1 || mesh.offsets.front() != 0 ||
      mesh.offsets.back() != mesh.nodes.size() || !std::ranges::is_sorted(mesh.offsets))
    throw InvalidArgument(
        message("mesh: expected ", mesh.num_cells() + 1, " offsets that ascend from 0 to ", mesh.nodes.size()));
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    const Kind* const kind = kind_of(mesh.types[cell]);
    if (kind == nullptr)
      throw InvalidArgument(message("mesh: the cell ", cell, " is of the unsupported VTK type ",
                                    static_cast<int>(mesh.types[cell]),
                                    "; supported are linear cells, polygons and polyhedra"));
    if (kind->type == CellType::polyhedron) {
      validate_polyhedron(mesh, cell);
      continue;
    }
    const auto nodes = mesh.nodes_of(cell);
    if (kind->nodes == 0 ? nodes.size() < 3 : nodes.size() != kind->nodes)
      throw InvalidArgument(message("mesh: expected ", kind->nodes == 0 ? 3 : kind->nodes, " nodes of the cell ", cell,
                                    " of the VTK type ", static_cast<int>(mesh.types[cell]), ", got ", nodes.size()));
    for (const std::uint64_t node : nodes) expect_node(node, mesh, cell);
  }
}

CellGeometry cell_geometry(const Mesh& mesh) {
  CellGeometry geometry{xt::xarray<double>::from_shape({mesh.num_cells(), std::size_t{3}}),
                        xt::xarray<double>::from_shape({mesh.num_cells()})};
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    const Moments moments = moments_of(mesh, cell);
    geometry.sizes(cell) = moments.size;
    // A degenerate cell has its nodes as the only hint at its place.
    const bool is_degenerate = !(moments.size > 0.0);
    Vector mean{};
    if (is_degenerate && mesh.type_of(cell) == CellType::polyhedron)
      for_faces(mesh.nodes_of(cell), [&](std::span<const std::uint64_t> nodes) {
        add(1.0 / static_cast<double>(mesh.nodes_of(cell)[0]), mean_of(mesh, nodes), mean);
      });
    else if (is_degenerate)
      mean = mean_of(mesh, mesh.nodes_of(cell));
    for (std::size_t axis = 0; axis < 3; ++axis)
      geometry.centers(cell, axis) = is_degenerate ? mean[axis] : moments.first[axis] / moments.size;
  }
  return geometry;
}

std::size_t dimension_of(const Mesh& mesh, std::size_t cell) { return kind_of(mesh.types[cell])->dim; }

std::size_t dimension_of(const Mesh& mesh) {
  std::size_t dim = 0;
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) dim = std::max(dim, dimension_of(mesh, cell));
  return dim;
}

ElementMass element_mass(const Mesh& mesh, std::size_t cell) {
  const auto nodes = mesh.nodes_of(cell);
  const CellType type = mesh.type_of(cell);
  if (type == CellType::polygon || type == CellType::polyhedron)
    throw InvalidArgument(message("mesh: the cell ", cell, " is a poly", type == CellType::polygon ? "gon" : "hedron",
                                  ", which has no shape functions for a mass matrix; fields at cells have volumes"));
  const std::size_t n = nodes.size();
  ElementMass mass{{nodes.begin(), nodes.end()}, std::vector<double>(n * n, 0.0)};
  if (type == CellType::vertex) return mass;
  integrate(mesh, cell, [&](double weight, std::span<const double> values) {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) mass.entries[i * n + j] += weight * values[i] * values[j];
  });
  return mass;
}

}  // namespace fieldfold
