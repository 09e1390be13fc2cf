#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "support/closeness.hpp"
#include "support/failing.hpp"

import fieldfold.base.arrays;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.quadrature;

namespace {

using fieldfold::as_matrix;

/// A mesh of a box with edges 1 to dim and nonuniform planes, with each cell split into simplices round its diagonal
/// (Kuhn).
struct Mesh {
  xt::xarray<double> points;
  xt::xarray<int> cells;
};

Mesh box(std::size_t n, std::size_t dim) {
  std::vector<double> planes;
  for (std::size_t i = 0; i <= n; ++i) planes.push_back(std::pow(static_cast<double>(i) / static_cast<double>(n), 1.5));
  const std::size_t side = n + 1;
  const std::size_t count = dim == 2 ? side * side : side * side * side;
  Mesh mesh{xt::xarray<double>::from_shape({count, dim}), {}};
  const auto number = [&](std::vector<std::size_t> at) {
    return at[0] + side * (at[1] + (dim == 3 ? side * at[2] : 0));
  };
  std::vector<std::vector<std::size_t>> paths{{0, 1}, {1, 0}};
  if (dim == 3) paths = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  std::vector<int> corners;
  for (std::size_t k = 0; k < (dim == 3 ? side : 1); ++k)
    for (std::size_t j = 0; j < side; ++j)
      for (std::size_t i = 0; i < side; ++i) {
        std::vector<std::size_t> at{i, j, k};
        for (std::size_t axis = 0; axis < dim; ++axis)
          mesh.points(number(at), axis) = planes[at[axis]] * static_cast<double>(axis + 1);
        if (i == n || j == n || (dim == 3 && k == n)) continue;
        for (const auto& path : paths) {
          auto corner = at;
          corners.push_back(static_cast<int>(number(corner)));
          for (const std::size_t axis : path) {
            ++corner[axis];
            corners.push_back(static_cast<int>(number(corner)));
          }
        }
      }
  mesh.cells = xt::adapt(corners, fieldfold::Shape{corners.size() / (dim + 1), dim + 1});
  return mesh;
}

double inner(const fieldfold::MassMatrix& mass, const xt::xarray<double>& x, const xt::xarray<double>& y) {
  auto product = xt::xarray<double>::from_shape({y.size()});
  mass.multiply(as_matrix(y, y.size(), 1), as_matrix(product, y.size(), 1));
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x(i) * product(i);
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_CASE(mass_matrices_integrate_products_of_linear_functions) {
  for (const std::size_t dim : {2U, 3U}) {
    const Mesh mesh = box(4, dim);
    const auto mass = fieldfold::consistent_mass(mesh.points, mesh.cells);
    const std::size_t n = mesh.points.shape(0);
    const xt::xarray<double> one = xt::ones<double>({n});
    const xt::xarray<double> x = xt::view(mesh.points, xt::all(), 0);
    const xt::xarray<double> y = xt::view(mesh.points, xt::all(), 1);
    // The volume of a box with edges 1, 2 (and 3), and the integrals of x, x^2 and x y over it.
    const double volume = dim == 2 ? 2.0 : 6.0;
    BOOST_TEST(std::abs(inner(mass, one, one) / volume - 1.0) < 1e-14);
    BOOST_TEST(std::abs(inner(mass, one, x) / (volume / 2.0) - 1.0) < 1e-14);
    BOOST_TEST(std::abs(inner(mass, x, x) / (volume / 3.0) - 1.0) < 1e-14);
    BOOST_TEST(std::abs(inner(mass, x, y) / (volume / 2.0) - 1.0) < 1e-14);
    BOOST_TEST(relative_difference(fieldfold::lumped_mass(mesh.points, mesh.cells), mass.row_sums()) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(triangles_in_space_have_their_area) {
  const xt::xarray<double> points{{0.0, 0.0, 0.0}, {0.0, 3.0, 0.0}, {0.0, 0.0, 4.0}};
  const auto weights = fieldfold::lumped_mass(points, xt::xarray<int>{{0, 1, 2}});
  BOOST_TEST((weights == xt::xarray<double>{2.0, 2.0, 2.0}));
}

BOOST_AUTO_TEST_CASE(invalid_meshes_are_rejected) {
  const xt::xarray<double> points{{0.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {2.0, 0.0}};
  using fieldfold::lumped_mass;
  BOOST_TEST(fails([&] { lumped_mass(points, xt::xarray<int>{{0, 1, 2}}); }, "none at point 3"));
  BOOST_TEST(fails([&] { lumped_mass(points, xt::xarray<int>{{0, 1, 2}, {0, 1, 3}}); },
                   "nondegenerate cell, got none at point 3"));
  BOOST_TEST(fails([&] { lumped_mass(points, xt::xarray<int>{{0, 1, 4}}); }, "indices of the 4 points, got 4"));
  BOOST_TEST(fails([&] { lumped_mass(points, xt::xarray<int>{{0, 1, 2, 3}}); }, "expected triangles (cells, 3)"));
  BOOST_TEST(fails([&] { lumped_mass(xt::xarray<double>{1.0, 2.0}, xt::xarray<int>{{0, 1, 2}}); }, "points: expected"));
  xt::xarray<double> broken = points;
  broken(1, 1) = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(fails([&] { lumped_mass(broken, xt::xarray<int>{{0, 1, 2}, {1, 2, 3}}); }, "finite coordinates"));
}

BOOST_AUTO_TEST_CASE(latitude_longitude_areas_sum_to_the_area_of_the_sphere) {
  xt::xarray<double> centres = xt::linspace<double>(-88.75, 88.75, 72);
  xt::xarray<double> with_poles = xt::linspace<double>(90.0, -90.0, 73);
  xt::xarray<double> longitudes = xt::linspace<double>(0.0, 357.5, 144);
  for (const auto& latitudes : {centres, with_poles}) {
    const auto areas = fieldfold::latitude_longitude_areas(latitudes, longitudes, 2.0);
    BOOST_TEST(areas.size() == latitudes.size() * 144);
    double sum = 0.0;
    for (const double area : areas) {
      BOOST_TEST(area > 0.0);
      sum += area;
    }
    BOOST_TEST(std::abs(sum / (16.0 * std::numbers::pi) - 1.0) < 1e-13);
  }
  // A cell from 15 to 45 degrees of latitude, a twelfth of the circle wide: R^2 dlon (sin 45 - sin 15).
  const auto areas =
      fieldfold::latitude_longitude_areas(xt::xarray<double>{0.0, 30.0, 60.0}, xt::xarray<double>{0.0, 30.0});
  const double expected =
      std::numbers::pi / 6.0 * (std::sin(std::numbers::pi / 4.0) - std::sin(std::numbers::pi / 12.0));
  BOOST_TEST(std::abs(areas(2) / expected - 1.0) < 1e-14);
}

BOOST_AUTO_TEST_CASE(invalid_latitudes_and_longitudes_are_rejected) {
  using fieldfold::latitude_longitude_areas;
  const xt::xarray<double> some{0.0, 10.0};
  BOOST_TEST(fails([&] { latitude_longitude_areas(xt::xarray<double>{0.0}, some); },
                   "latitudes: expected a 1-D array of at least two"));
  BOOST_TEST(fails([&] { latitude_longitude_areas(xt::xarray<double>{0.0, 10.0, 5.0}, some); }, "got 5 at index 2"));
  BOOST_TEST(
      fails([&] { latitude_longitude_areas(xt::xarray<double>{80.0, 95.0}, some); }, "-90 to 90 degrees, got 95"));
  BOOST_TEST(fails([&] { latitude_longitude_areas(some, xt::xarray<double>{0.0, 180.0, 360.0}); }, "got 540 degrees"));
  BOOST_TEST(fails([&] { latitude_longitude_areas(some, some, -1.0); }, "radius"));
}
