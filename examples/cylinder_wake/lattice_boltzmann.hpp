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

  /// Rows of nodes along the stream.
  struct Rows {
    std::size_t first;
    std::size_t end;
  };

  explicit LatticeBoltzmann(const Settings& settings) : LatticeBoltzmann(settings, {0, settings.width}) {}

  /// A part of the flow, whose neighbors have the other rows. Where these are not all, the populations of the rows
  /// before and after come from `set_neighbors` before each step.
  LatticeBoltzmann(const Settings& settings, Rows rows);

  void step();

  /// The populations of the first and the last row, which the neighbors need.
  std::vector<double> first_row() const { return populations_of(first_row_); }
  std::vector<double> last_row() const { return populations_of(last_row_); }

  /// \param before, after  the last row of the neighbor before, and the first of the one after
  void set_neighbors(const std::vector<double>& before, const std::vector<double>& after);

  /// The nodes outside the cylinder, and the velocity at each.
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<double>& ux() const { return ux_; }
  const std::vector<double>& uy() const { return uy_; }

 private:
  static constexpr std::size_t directions = 9;

  std::vector<double> populations_of(const std::vector<std::size_t>& places) const;

  double speed_;
  double relaxation_;
  std::vector<Node> nodes_;
  std::size_t places_ = 0;  ///< of the nodes, and after them those of the rows before and after
  std::vector<std::size_t> first_row_;
  std::vector<std::size_t> last_row_;
  std::vector<std::size_t> row_before_;
  std::vector<std::size_t> row_after_;
  std::vector<std::size_t> inlet_;
  std::vector<std::size_t> sources_;  ///< for each population of each node, its source in a step
  std::vector<double> populations_;
  std::vector<double> next_;
  std::vector<double> ux_;
  std::vector<double> uy_;
};
