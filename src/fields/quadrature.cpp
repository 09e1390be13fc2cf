module fieldfold.fields.quadrature;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.mass_matrix;
import fieldfold.points.checks;

namespace fieldfold {
namespace {

using Vector = std::array<double, 3>;

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// A mesh, checked.
class Mesh {
 public:
  Mesh(const ArrayRef<double>& points, const ArrayRef<double>& cells) {
    const Shape& shape = points.shape();
    if (shape.size() != 2 || (shape[1] != 2 && shape[1] != 3) || shape[0] == 0)
      throw InvalidArgument(
          message("points: expected the shape (num_pts, 2) or (num_pts, 3), got ", shape_text(shape)));
    if (cells.dimension() != 2 || (cells.shape()[1] != 3 && !(cells.shape()[1] == 4 && shape[1] == 3)))
      throw InvalidArgument(
          message("cells: expected triangles (cells, 3), or tetrahedra (cells, 4) of points in space, ", "got ",
                  shape_text(cells.shape())));
    points_ = {points.data(), shape[0], shape[1]};
    cells_ = {cells.data(), cells.shape()[0], cells.shape()[1]};
    expect_finite_coordinates(points.values(), "points");
    for (const double index : cells.values())
      if (!(index >= 0.0 && index < static_cast<double>(num_pts()) && index == std::floor(index)))
        throw InvalidArgument(message("cells: expected indices of the ", num_pts(), " points, got ", index));
  }

  std::size_t num_pts() const { return points_.rows; }
  std::size_t num_cells() const { return cells_.rows; }
  std::size_t corners() const { return cells_.cols; }
  std::size_t corner(std::size_t cell, std::size_t i) const { return static_cast<std::size_t>(cells_(cell, i)); }

  /// The area or volume of a cell.
  double measure(std::size_t cell) const {
    const Vector a = edge(cell, 1);
    const Vector b = edge(cell, 2);
    const Vector normal = cross(a, b);
    return corners() == 3 ? std::sqrt(dot(normal, normal)) / 2.0 : std::abs(dot(normal, edge(cell, 3))) / 6.0;
  }

  void check_that_each_point_has(const xt::xarray<double>& weights) const {
    for (std::size_t p = 0; p < num_pts(); ++p)
      if (!(weights(p) > 0.0))
        throw InvalidArgument(
            message("cells: expected each point to be a corner of a nondegenerate cell, got none at ", "point ", p));
  }

 private:
  Vector edge(std::size_t cell, std::size_t i) const {
    Vector result{};
    for (std::size_t axis = 0; axis < points_.cols; ++axis)
      result[axis] = points_(corner(cell, i), axis) - points_(corner(cell, 0), axis);
    return result;
  }

  MatrixView<const double> points_;
  MatrixView<const double> cells_;
};

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

xt::xarray<double> lumped_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells) {
  const Mesh mesh(points, cells);
  auto weights = xt::xarray<double>::from_shape({mesh.num_pts()});
  std::ranges::fill(weights, 0.0);
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell)
    for (std::size_t i = 0; i < mesh.corners(); ++i)
      weights(mesh.corner(cell, i)) += mesh.measure(cell) / static_cast<double>(mesh.corners());
  mesh.check_that_each_point_has(weights);
  return weights;
}

MassMatrix consistent_mass(const ArrayRef<double>& points, const ArrayRef<double>& cells) {
  const Mesh mesh(points, cells);
  mesh.check_that_each_point_has(lumped_mass(points, cells));
  const std::size_t n = mesh.corners();
  // The product of two shape functions of a simplex in d dimensions integrates to its measure over (d+1)(d+2), the
  // square of one to twice that.
  const double share = 1.0 / static_cast<double>(n * (n + 1));
  auto rows = xt::xarray<double>::from_shape({mesh.num_cells() * n * n});
  xt::xarray<double> columns = rows;
  xt::xarray<double> values = rows;
  std::size_t entry = 0;
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    const double measure = mesh.measure(cell);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j, ++entry) {
        rows(entry) = static_cast<double>(mesh.corner(cell, i));
        columns(entry) = static_cast<double>(mesh.corner(cell, j));
        values(entry) = measure * share * (i == j ? 2.0 : 1.0);
      }
  }
  // Each element's matrix is positive definite on its corners, and each point belongs to one.
  return {mesh.num_pts(), rows, columns, values, Definiteness::known};
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
