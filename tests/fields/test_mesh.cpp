#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.mesh;
import fieldfold.fields.quadrature;

namespace {

using fieldfold::CellType;
using fieldfold::Mesh;

void add_cell(Mesh& mesh, CellType type, const std::vector<std::uint64_t>& nodes) {
  mesh.nodes.insert(mesh.nodes.end(), nodes.begin(), nodes.end());
  mesh.offsets.push_back(mesh.nodes.size());
  mesh.types.push_back(static_cast<std::uint8_t>(type));
}

/// The faces of a hexahedron as a polyhedron.
std::vector<std::uint64_t> polyhedron(const std::vector<std::uint64_t>& h) {
  std::vector<std::uint64_t> stream{6};
  for (const auto& face : std::vector<std::vector<std::size_t>>{
           {0, 3, 2, 1}, {4, 5, 6, 7}, {0, 1, 5, 4}, {1, 2, 6, 5}, {2, 3, 7, 6}, {3, 0, 4, 7}}) {
    stream.push_back(4);
    for (const std::size_t corner : face) stream.push_back(h[corner]);
  }
  return stream;
}

/// Splits a hexahedron into cells of a type.
void add_split(Mesh& mesh, CellType type, const std::vector<std::uint64_t>& h) {
  const auto add = [&](const std::vector<std::size_t>& corners) {
    std::vector<std::uint64_t> nodes;
    for (const std::size_t corner : corners) nodes.push_back(h[corner]);
    add_cell(mesh, type, nodes);
  };
  switch (type) {
    case CellType::tetrahedron:
      for (const auto& corners : std::vector<std::vector<std::size_t>>{
               {0, 1, 2, 6}, {0, 1, 5, 6}, {0, 3, 2, 6}, {0, 3, 7, 6}, {0, 4, 5, 6}, {0, 4, 7, 6}})
        add(corners);
      return;
    case CellType::wedge:
      add({0, 1, 2, 4, 5, 6});
      add({0, 2, 3, 4, 6, 7});
      return;
    case CellType::pyramid:
      // The apex is the ninth node.
      for (const auto& base : std::vector<std::vector<std::size_t>>{
               {0, 1, 2, 3}, {4, 5, 6, 7}, {0, 1, 5, 4}, {1, 2, 6, 5}, {2, 3, 7, 6}, {3, 0, 4, 7}})
        add({base[0], base[1], base[2], base[3], 8});
      return;
    case CellType::voxel:
      add({0, 1, 3, 2, 4, 5, 7, 6});
      return;
    case CellType::polyhedron:
      add_cell(mesh, type, polyhedron(h));
      return;
    default:
      add({0, 1, 2, 3, 4, 5, 6, 7});
  }
}

/// The box (0, 1) x (0, 2) x (0, 3) in n^3 hexahedra, each split into cells of a type. Inner nodes are moved, so that
/// faces are not planar, unless it `is_regular`.
Mesh box(std::size_t n, CellType type, bool is_regular) {
  const std::size_t side = n + 1;
  const bool has_centers = type == CellType::pyramid;
  const std::size_t corners = side * side * side;
  Mesh mesh;
  mesh.points = xt::xarray<double>::from_shape({corners + (has_centers ? n * n * n : 0), std::size_t{3}});
  const auto number = [&](std::size_t i, std::size_t j, std::size_t k) { return (i * side + j) * side + k; };
  std::size_t center = corners;
  for (std::size_t i = 0; i <= n; ++i)
    for (std::size_t j = 0; j <= n; ++j)
      for (std::size_t k = 0; k <= n; ++k) {
        const std::array<std::size_t, 3> at{i, j, k};
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const bool is_inner = at[axis] > 0 && at[axis] < n;
          const double shift =
              is_regular || !is_inner ? 0.0 : 0.2 * std::sin(static_cast<double>(3 * i + 5 * j + 7 * k + axis));
          mesh.points(number(i, j, k), axis) =
              static_cast<double>(axis + 1) * (static_cast<double>(at[axis]) + shift) / static_cast<double>(n);
        }
      }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t k = 0; k < n; ++k) {
        std::vector<std::uint64_t> h{
            number(i, j, k),     number(i + 1, j, k),     number(i + 1, j + 1, k),     number(i, j + 1, k),
            number(i, j, k + 1), number(i + 1, j, k + 1), number(i + 1, j + 1, k + 1), number(i, j + 1, k + 1)};
        if (has_centers) {
          for (std::size_t axis = 0; axis < 3; ++axis) {
            mesh.points(center, axis) = 0.0;
            for (const std::uint64_t corner : h) mesh.points(center, axis) += mesh.points(corner, axis) / 8.0;
          }
          h.push_back(center++);
        }
        add_split(mesh, type, h);
      }
  return mesh;
}

double inner(const fieldfold::MassMatrix& mass, const xt::xarray<double>& x, const xt::xarray<double>& y) {
  auto product = xt::xarray<double>::from_shape({y.size()});
  mass.multiply(fieldfold::as_matrix(y, y.size(), 1), fieldfold::as_matrix(product, y.size(), 1));
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x(i) * product(i);
  return sum;
}

/// One cell with these nodes.
Mesh one(CellType type, const xt::xarray<double>& points) {
  Mesh mesh{.points = points};
  std::vector<std::uint64_t> nodes;
  for (std::size_t p = 0; p < points.shape(0); ++p) nodes.push_back(p);
  add_cell(mesh, type, nodes);
  return mesh;
}

}  // namespace

BOOST_AUTO_TEST_CASE(mass_matrices_integrate_products_of_linear_functions_on_distorted_cells) {
  // Isoparametric elements reproduce linear functions, so that the integrals over the box are exact. A tolerance of
  // 1e-13 allows for the rounding of some hundred terms.
  for (const CellType type : {CellType::tetrahedron, CellType::hexahedron, CellType::wedge, CellType::pyramid}) {
    const Mesh mesh = box(3, type, false);
    const auto mass = fieldfold::consistent_mass(mesh);
    const xt::xarray<double> one = xt::ones<double>({mesh.num_nodes()});
    const xt::xarray<double> x = xt::view(mesh.points, xt::all(), 0);
    const xt::xarray<double> y = xt::view(mesh.points, xt::all(), 1);
    BOOST_TEST_CONTEXT("VTK type " << static_cast<int>(type)) {
      BOOST_TEST(std::abs(inner(mass, one, one) / 6.0 - 1.0) < 1e-13);
      BOOST_TEST(std::abs(inner(mass, one, x) / 3.0 - 1.0) < 1e-13);
      BOOST_TEST(std::abs(inner(mass, x, x) / 2.0 - 1.0) < 1e-13);
      BOOST_TEST(std::abs(inner(mass, x, y) / 3.0 - 1.0) < 1e-13);
      const auto lumped = fieldfold::lumped_mass(mesh);
      const auto sums = mass.row_sums();
      for (std::size_t p = 0; p < mesh.num_nodes(); ++p) BOOST_TEST(std::abs(lumped(p) - sums(p)) < 1e-14);
    }
  }
}

BOOST_AUTO_TEST_CASE(boundary_cells_take_no_part_in_the_mass_of_a_volume) {
  const Mesh volume = box(2, CellType::tetrahedron, true);
  Mesh with_boundary = volume;
  add_cell(with_boundary, CellType::triangle, {0, 1, 3});
  add_cell(with_boundary, CellType::line, {0, 1});
  const auto expected = fieldfold::lumped_mass(volume);
  const auto found = fieldfold::lumped_mass(with_boundary);
  BOOST_TEST((found == expected));
  const auto sums = fieldfold::consistent_mass(with_boundary).row_sums();
  for (std::size_t p = 0; p < expected.size(); ++p) BOOST_TEST(std::abs(sums(p) - expected(p)) < 1e-14);
}

BOOST_AUTO_TEST_CASE(voxels_and_hexahedra_have_the_same_mass) {
  const auto voxels = fieldfold::lumped_mass(box(2, CellType::voxel, true));
  const auto hexahedra = fieldfold::lumped_mass(box(2, CellType::hexahedron, true));
  // A corner of the box belongs to one cell of volume 6 / 8, an eighth of which is its share.
  BOOST_TEST(std::abs(hexahedra(0) - 6.0 / 64.0) < 1e-15);
  for (std::size_t p = 0; p < voxels.size(); ++p) BOOST_TEST(std::abs(voxels(p) - hexahedra(p)) < 1e-15);
}

BOOST_AUTO_TEST_CASE(the_mass_of_a_cube_is_the_product_of_the_masses_of_its_edges) {
  const Mesh mesh = box(1, CellType::hexahedron, true);
  const auto [nodes, entries] = fieldfold::element_mass(mesh, 0);
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t j = 0; j < 8; ++j) {
      double expected = 6.0;
      for (std::size_t axis = 0; axis < 3; ++axis)
        expected *= mesh.points(nodes[i], axis) == mesh.points(nodes[j], axis) ? 1.0 / 3.0 : 1.0 / 6.0;
      BOOST_TEST(std::abs(entries[i * 8 + j] - expected) < 1e-15);
    }
}

BOOST_AUTO_TEST_CASE(volumes_add_up_and_their_centroids_to_that_of_the_box) {
  for (const CellType type : {CellType::tetrahedron, CellType::hexahedron, CellType::wedge, CellType::pyramid,
                              CellType::voxel, CellType::polyhedron}) {
    const auto geometry = fieldfold::cell_geometry(box(3, type, type == CellType::voxel));
    std::array<double, 3> moment{};
    double volume = 0.0;
    for (std::size_t cell = 0; cell < geometry.sizes.size(); ++cell) {
      volume += geometry.sizes(cell);
      for (std::size_t axis = 0; axis < 3; ++axis) moment[axis] += geometry.sizes(cell) * geometry.centers(cell, axis);
    }
    BOOST_TEST_CONTEXT("VTK type " << static_cast<int>(type)) {
      BOOST_TEST(std::abs(volume / 6.0 - 1.0) < 1e-13);
      for (std::size_t axis = 0; axis < 3; ++axis)
        BOOST_TEST(std::abs(moment[axis] / 6.0 - static_cast<double>(axis + 1) / 2.0) < 1e-13);
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_and_centroids_of_single_cells_are_those_of_geometry) {
  // A square in an inclined plane, a segment, a pentagon, and a pyramid of height 3 with its centroid at a quarter of
  // it.
  const double r = std::sqrt(0.5);
  const auto square = fieldfold::cell_geometry(
      one(CellType::quadrilateral, {{0.0, 0.0, 0.0}, {1.0, 0.0, 0.0}, {1.0, r, r}, {0.0, r, r}}));
  BOOST_TEST(std::abs(square.sizes(0) - 1.0) < 1e-15);
  BOOST_TEST(std::abs(square.centers(0, 2) - r / 2.0) < 1e-15);
  const auto segment = fieldfold::cell_geometry(one(CellType::line, {{0.0, 0.0, 0.0}, {3.0, 4.0, 0.0}}));
  BOOST_TEST(std::abs(segment.sizes(0) - 5.0) < 1e-14);
  const auto house = fieldfold::cell_geometry(
      one(CellType::polygon, {{0.0, 0.0, 1.0}, {2.0, 0.0, 1.0}, {2.0, 2.0, 1.0}, {1.0, 3.0, 1.0}, {0.0, 2.0, 1.0}}));
  BOOST_TEST(std::abs(house.sizes(0) - 5.0) < 1e-14);
  // (4 * 1 + 1 * (2 + 1/3)) / 5
  BOOST_TEST(std::abs(house.centers(0, 1) - 19.0 / 15.0) < 1e-14);
  const auto pyramid = fieldfold::cell_geometry(
      one(CellType::pyramid, {{0.0, 0.0, 0.0}, {2.0, 0.0, 0.0}, {2.0, 1.0, 0.0}, {0.0, 1.0, 0.0}, {0.5, 0.5, 3.0}}));
  BOOST_TEST(std::abs(pyramid.sizes(0) - 2.0) < 1e-14);
  BOOST_TEST(std::abs(pyramid.centers(0, 2) - 0.75) < 1e-14);
}

BOOST_AUTO_TEST_CASE(inconsistent_meshes_are_refused) {
  const auto error = [](const Mesh& mesh) { return error_of([&] { fieldfold::validate(mesh); }); };
  Mesh mesh = box(1, CellType::hexahedron, true);
  BOOST_TEST(error(mesh) == "no error");
  Mesh beyond = mesh;
  beyond.nodes[3] = 8;
  BOOST_TEST(error(beyond) == "mesh: expected nodes below 8, got 8 in cell 0");
  Mesh quadratic = mesh;
  quadratic.types[0] = 25;
  BOOST_TEST(error(quadratic).find("the cell 0 is of the unsupported VTK type 25") != std::string::npos);
  Mesh short_cell = mesh;
  short_cell.types[0] = static_cast<std::uint8_t>(CellType::wedge);
  BOOST_TEST(error(short_cell) == "mesh: expected 6 nodes of the cell 0 of the VTK type 13, got 8");
  Mesh offsets = mesh;
  offsets.offsets[1] = 7;
  BOOST_TEST(error(offsets) == "mesh: expected 2 offsets that ascend from 0 to 8");
  Mesh faces = box(1, CellType::polyhedron, true);
  BOOST_TEST(error(faces) == "no error");
  faces.nodes[6] = ~std::uint64_t{0};
  BOOST_TEST(error(faces) == "mesh: the faces of the polyhedron 0 are inconsistent");
  BOOST_TEST(error_of([&] { fieldfold::lumped_mass(box(1, CellType::polyhedron, true)); }).find("no shape functions") !=
             std::string::npos);
  Mesh lonely = mesh;
  lonely.points = xt::zeros<double>({9, 3});
  BOOST_TEST(error_of([&] { fieldfold::lumped_mass(lonely); }).find("a corner of a nondegenerate cell") !=
             std::string::npos);
}
