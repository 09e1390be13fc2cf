module fieldfold.fields.quadrature;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.mesh;
import fieldfold.points.checks;

namespace fieldfold {
namespace {

/// A mesh of triangles or tetrahedra from arrays, checked.
Mesh simplex_mesh(const ArrayRef<double>& points, const ArrayRef<double>& cells) {
  const Shape& shape = points.shape();
  if (shape.size() != 2 || (shape[1] != 2 && shape[1] != 3) || shape[0] == 0)
    throw InvalidArgument(message("points: expected the shape (num_pts, 2) or (num_pts, 3), got ", shape_text(shape)));
  if (cells.dimension() != 2 || (cells.shape()[1] != 3 && !(cells.shape()[1] == 4 && shape[1] == 3)))
    throw InvalidArgument(message("cells: expected triangles (cells, 3), or tetrahedra (cells, 4) of points in space, ",
                                  "got ", shape_text(cells.shape())));
  expect_finite_coordinates(points.values(), "points");
  for (const double index : cells.values())
    if (!(index >= 0.0 && index < static_cast<double>(shape[0]) && index == std::floor(index)))
      throw InvalidArgument(message("cells: expected indices of the ", shape[0], " points, got ", index));
  const auto [num_cells, corners] = std::pair{cells.shape()[0], cells.shape()[1]};
  Mesh mesh{.points = zeros<double>({shape[0], 3})};
  for (std::size_t p = 0; p < shape[0]; ++p)
    std::copy_n(points.data() + p * shape[1], shape[1], mesh.points.data() + 3 * p);
  for (std::size_t cell = 1; cell <= num_cells; ++cell) mesh.offsets.push_back(cell * corners);
  for (const double index : cells.values()) mesh.nodes.push_back(static_cast<std::uint64_t>(index));
  mesh.types.assign(num_cells, static_cast<std::uint8_t>(corners == 3 ? CellType::triangle : CellType::tetrahedron));
  return mesh;
}

/// The cell edges around points on a line: halfway between neighbors, and as far beyond the first and the last point.
std::vector<double> cell_edges(const ArrayRef<double>& points, std::string_view name) {
  const auto x = points.values();
  if (points.dimension() != 1 || x.size() < 2)
    throw InvalidArgument(
        message(name, ": expected a 1-D array of at least two, got the shape ", shape_text(points.shape())));
  const double direction = x[1] > x[0] ? 1.0 : -1.0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!std::isfinite(x[i]) || (i > 0 && !(direction * (x[i] - x[i - 1]) > 0.0)))
      throw InvalidArgument(
          message(name, ": expected finite degrees, ascending or descending, got ", x[i], " at index ", i));
  std::vector<double> edges{x[0] - (x[1] - x[0]) / 2.0};
  for (std::size_t i = 1; i < x.size(); ++i) edges.push_back((x[i - 1] + x[i]) / 2.0);
  edges.push_back(x.back() + (x.back() - x[x.size() - 2]) / 2.0);
  return edges;
}

}  // namespace

xt::xarray<double> lumped_mass(const Mesh& mesh) {
  auto weights = zeros<double>({mesh.num_nodes()});
  const std::size_t dim = dimension_of(mesh);
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    if (dimension_of(mesh, cell) < dim) continue;
    const auto [nodes, entries] = element_mass(mesh, cell);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      for (std::size_t j = 0; j < nodes.size(); ++j) weights(nodes[i]) += entries[i * nodes.size() + j];
  }
  for (std::size_t p = 0; p < mesh.num_nodes(); ++p)
    if (!(weights(p) > 0.0))
      throw InvalidArgument(
          message("cells: expected each point to be a corner of a nondegenerate cell, got none at ", "point ", p));
  return weights;
}

MassMatrix consistent_mass(const Mesh& mesh) {
  lumped_mass(mesh);
  const std::size_t dim = dimension_of(mesh);
  std::size_t num_entries = 0;
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell)
    if (dimension_of(mesh, cell) == dim) num_entries += mesh.nodes_of(cell).size() * mesh.nodes_of(cell).size();
  auto rows = xt::xarray<double>::from_shape({num_entries});
  xt::xarray<double> columns = rows;
  xt::xarray<double> values = rows;
  std::size_t entry = 0;
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    if (dimension_of(mesh, cell) < dim) continue;
    const auto [nodes, entries] = element_mass(mesh, cell);
    for (std::size_t i = 0; i < nodes.size(); ++i)
      for (std::size_t j = 0; j < nodes.size(); ++j, ++entry) {
        rows(entry) = static_cast<double>(nodes[i]);
        columns(entry) = static_cast<double>(nodes[j]);
        values(entry) = entries[i * nodes.size() + j];
      }
  }
  // Each element's matrix is positive definite on its corners, and each point belongs to one.
  return {mesh.num_nodes(), rows, columns, values, Definiteness::known};
}

xt::xarray<double> lumped_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells) {
  return lumped_mass(simplex_mesh(points, cells));
}

MassMatrix consistent_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells) {
  return consistent_mass(simplex_mesh(points, cells));
}

xt::xarray<double> latitude_longitude_areas(const ArrayRef<double>& latitudes, const ArrayRef<double>& longitudes,
                                            double radius) {
  auto parallels = cell_edges(latitudes, "latitudes");
  const auto meridians = cell_edges(longitudes, "longitudes");
  for (const double latitude : latitudes.values())
    if (std::abs(latitude) > 90.0)
      throw InvalidArgument(message("latitudes: expected -90 to 90 degrees, got ", latitude));
  for (double& parallel : parallels) parallel = std::clamp(parallel, -90.0, 90.0);
  // Rounded degrees may exceed a full circle slightly.
  if (std::abs(meridians.back() - meridians.front()) > 360.0 + 1e-6)
    throw InvalidArgument(message("longitudes: expected cells that span at most 360 degrees, got ",
                                  std::abs(meridians.back() - meridians.front()), " degrees"));
  if (!(radius > 0.0 && std::isfinite(radius)))
    throw InvalidArgument(message("radius: expected a finite number above 0, got ", radius));
  constexpr double degree = std::numbers::pi / 180.0;
  const std::size_t m = latitudes.size();
  const std::size_t n = longitudes.size();
  auto areas = xt::xarray<double>::from_shape({m * n});
  for (std::size_t i = 0; i < m; ++i) {
    // The difference of sines as a product, which does not suffer cancellation in thin cells.
    const double middle = (parallels[i] + parallels[i + 1]) / 2.0 * degree;
    const double height = 2.0 * std::cos(middle) * std::sin(std::abs(parallels[i + 1] - parallels[i]) / 2.0 * degree);
    for (std::size_t j = 0; j < n; ++j)
      areas(i * n + j) = radius * radius * height * std::abs(meridians[j + 1] - meridians[j]) * degree;
  }
  return areas;
}

}  // namespace fieldfold
