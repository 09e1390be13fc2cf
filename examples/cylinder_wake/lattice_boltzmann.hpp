#pragma once

#include <array>
#include <cstddef>
#include <vector>

/// Two-dimensional flow past a cylinder by the lattice Boltzmann method: nine velocities, one relaxation time
/// (Bhatnagar, Gross, Krook 1954, doi:10.1103/PhysRev.94.511; Qian, d'Humieres, Lallemand 1992,
/// doi:10.1209/0295-5075/17/6/001), bounce-back at the cylinder, prescribed velocity at the inlet, zero gradient at the
/// outlet, periodic across the stream. Lengths are in lattice spacings, times in steps.
class LatticeBoltzmann {
 public:
  struct Settings {
    std::size_t length = 400;
    std::size_t width = 120;
    double diameter = 20.0;
    double inlet_speed = 0.1;
    double reynolds = 100.0;
  };

  struct Node {
    std::size_t x;
    std::size_t y;
  };

  explicit LatticeBoltzmann(const Settings& settings);

  void step();

  /// The nodes outside the cylinder, and the velocity at each.
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<double>& ux() const { return ux_; }
  const std::vector<double>& uy() const { return uy_; }

 private:
  static constexpr std::size_t directions = 9;

  double speed_;
  double relaxation_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> inlet_;
  std::vector<std::size_t> sources_;  ///< for each population of each node, its source in a step
  std::vector<double> populations_;
  std::vector<double> next_;
  std::vector<double> ux_;
  std::vector<double> uy_;
};
