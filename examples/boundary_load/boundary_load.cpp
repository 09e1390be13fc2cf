// Wind on a barrel roof: pressure on a fine wetted surface becomes nodal forces on a coarse structural mesh. The
// transpose of the operator that interpolates displacements from the structure to the surface keeps force, moment and
// work to rounding. Interpolation of the pressure itself does not keep them.

#include <fieldfold.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

using Vector = std::array<double, 3>;

constexpr double radius = 25.0;       // m, of the cylinder
constexpr double length = 50.0;       // m, of the roof
constexpr double half_angle = 0.7;    // radians, on both sides of the crest
constexpr double stagnation = 562.0;  // Pa, of air at 30 m/s

/// Points of a roof, one after another, and the triangles between them, which turn counterclockwise seen from outside.
struct Mesh {
  std::vector<double> points;  ///< (num_points, 3), m
  std::vector<std::array<std::size_t, 3>> triangles;

  std::size_t size() const { return points.size() / 3; }
};

/// A mesh of the roof. \param around, along  numbers of points on its arc and on its length
Mesh roof(std::size_t around, std::size_t along) {
  Mesh mesh;
  for (std::size_t i = 0; i < around; ++i)
    for (std::size_t j = 0; j < along; ++j) {
      const double angle = half_angle * (2.0 * static_cast<double>(i) / static_cast<double>(around - 1) - 1.0);
      const double y = length * static_cast<double>(j) / static_cast<double>(along - 1);
      mesh.points.insert(mesh.points.end(), {radius * std::sin(angle), y, radius * std::cos(angle)});
      if (i == 0 || j == 0) continue;
      const std::size_t corner = i * along + j;
      mesh.triangles.push_back({corner, corner - 1, corner - along - 1});
      mesh.triangles.push_back({corner, corner - along - 1, corner - along});
    }
  return mesh;
}

/// The pressure of a wind across the roof, which turns to suction at the crest, with the peak of a vortex behind a
/// corner. \returns  Pa, (num_points,)
std::vector<double> wind_pressure(const Mesh& mesh) {
  std::vector<double> pressure;
  for (std::size_t i = 0; i < mesh.size(); ++i) {
    const double x = mesh.points[3 * i];
    const double y = mesh.points[3 * i + 1];
    const double around = std::asin(x / radius) + half_angle;
    const double vortex = 3.0 * std::exp(-(std::pow(x + 12.0, 2) + std::pow(y - 4.0, 2)) / (2.0 * 1.5 * 1.5));
    pressure.push_back(stagnation * (0.8 * std::cos(3.0 * around) * std::exp(-around) - 0.4 - vortex));
  }
  return pressure;
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double norm(const Vector& a) { return std::hypot(a[0], a[1], a[2]); }

Vector vector_at(const std::vector<double>& numbers, std::size_t i) {
  return {numbers[3 * i], numbers[3 * i + 1], numbers[3 * i + 2]};
}

/// The work-equivalent forces of a pressure that is linear in each triangle: integrals of the pressure times the hat
/// function of a point, times the normal. \returns  N, (num_points, 3)
std::vector<double> nodal_forces(const Mesh& mesh, const std::vector<double>& pressure) {
  std::vector<double> forces(mesh.points.size(), 0.0);
  for (const auto& corners : mesh.triangles) {
    Vector edge{};
    Vector other{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      edge[axis] = mesh.points[3 * corners[1] + axis] - mesh.points[3 * corners[0] + axis];
      other[axis] = mesh.points[3 * corners[2] + axis] - mesh.points[3 * corners[0] + axis];
    }
    const Vector twice_area = cross(edge, other);
    const double sum = pressure[corners[0]] + pressure[corners[1]] + pressure[corners[2]];
    for (const std::size_t corner : corners)
      for (std::size_t axis = 0; axis < 3; ++axis)
        forces[3 * corner + axis] -= (sum + pressure[corner]) / 24.0 * twice_area[axis];
  }
  return forces;
}

/// Displacements of a translation by 1 m and a small rotation. \returns  m, (num_points, 3)
std::vector<double> rigid_displacements(const Mesh& mesh) {
  std::vector<double> displacements;
  for (std::size_t i = 0; i < mesh.size(); ++i) {
    const Vector turned = cross({0.01, -0.02, 0.03}, vector_at(mesh.points, i));
    displacements.insert(displacements.end(), {0.6 + turned[0], turned[1], 0.8 + turned[2]});
  }
  return displacements;
}

/// The sums of a load.
struct Resultant {
  Vector force{};   ///< N
  Vector moment{};  ///< N m, about the origin
  double work = 0;  ///< J, in a displacement
};

/// \param forces, displacements  N and m, (num_points, 3)
Resultant resultant(const Mesh& mesh, const std::vector<double>& forces, const std::vector<double>& displacements) {
  Resultant sums;
  for (std::size_t i = 0; i < mesh.size(); ++i) {
    const Vector force = vector_at(forces, i);
    const Vector moment = cross(vector_at(mesh.points, i), force);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      sums.force[axis] += force[axis];
      sums.moment[axis] += moment[axis];
      sums.work += force[axis] * displacements[3 * i + axis];
    }
  }
  return sums;
}

/// Prints a load and its differences from that of the wetted surface. \returns  the largest of them
double compare(const char* name, const Resultant& load, const Resultant& reference) {
  const auto difference = [](const Vector& a, const Vector& b) {
    return norm({a[0] - b[0], a[1] - b[1], a[2] - b[2]}) / norm(b);
  };
  const double force = difference(load.force, reference.force);
  const double moment = difference(load.moment, reference.moment);
  const double work = std::abs(load.work / reference.work - 1.0);
  std::printf("%-22s %10.3f %13.3f %10.3f   %8.1e  %8.1e  %8.1e\n", name, norm(load.force) / 1e3,
              norm(load.moment) / 1e3, load.work / 1e3, force, moment, work);
  return std::max({force, moment, work});
}

}  // namespace

int main() try {
  const Mesh surface = roof(251, 207);
  const Mesh structure = roof(15, 13);
  const std::vector<double> pressure = wind_pressure(surface);
  const std::vector<double> forces = nodal_forces(surface, pressure);

  // With its polynomials of degree 1 it reproduces translations and small rotations, x -> t + w x x.
  const fieldfold::InterpolationOperator to_surface(structure.points, surface.points, 3,
                                                    R"({"kernel": "thin_plate_spline", "degree": 1})");
  const std::vector<double> structural_forces = to_surface.transposed(forces);

  // Any displacement serves for the work. Here the roof sags, and sways along its length.
  std::vector<double> displacements;
  for (std::size_t i = 0; i < structure.size(); ++i) {
    const Vector x = vector_at(structure.points, i);
    displacements.insert(displacements.end(), {0.02 * std::sin(6.0 * x[1] / length), 0.0,
                                               -0.05 * std::sin(3.0 * x[1] / length) * std::cos(0.1 * x[0])});
  }

  const std::vector<double> rigid_motion = to_surface(rigid_displacements(structure));
  const std::vector<double> expected = rigid_displacements(surface);
  double rigid_error = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    rigid_error = std::max(rigid_error, std::abs(rigid_motion[i] - expected[i]));

  // For contrast: the pressure at the points of the structure, and its forces there.
  const fieldfold::InterpolationOperator to_structure(surface.points, structure.points, 3, R"({"neighbors": 32})");
  const std::vector<double> interpolated_forces = nodal_forces(structure, to_structure(pressure));

  std::printf("%zu points of the wetted surface, %zu of the structure\n", surface.size(), structure.size());
  std::printf("largest error of a rigid motion of about 1 m: %.1e m\n\n", rigid_error);
  std::printf("%-22s %10s %13s %10s   %s\n", "", "force, kN", "moment, kN m", "work, kJ",
              "relative differences of these");
  const Resultant reference = resultant(surface, forces, to_surface(displacements));
  compare("wetted surface", reference, reference);
  const double kept =
      compare("structure, transposed", resultant(structure, structural_forces, displacements), reference);
  const double lost =
      compare("structure, pressure", resultant(structure, interpolated_forces, displacements), reference);
  // Rounding of sums of fifty thousand terms, and of a system of two hundred points.
  if (kept < 1e-11 && rigid_error < 1e-11 && lost > 1e-3) return 0;
  std::fprintf(stderr, "expected the transpose alone to keep force, moment and work\n");
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
