#pragma once

// What a picture shows of a grid.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "../commands.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {

/// An axis of a picture. Its unit is that of the coordinates, which a map does not know.
struct ViewAxis {
  std::string name;
  double lower = 0.0;
  double upper = 1.0;
};

/// At most `most` of the numbers below a count, evenly spaced, with the first and the last.
std::vector<std::size_t> evenly(std::size_t count, std::size_t most);

/// The limits of the colors of a picture.
struct ColorRange {
  double lower = 0.0;
  double upper = 0.0;

  /// Widens the range to another one.
  void include(const ColorRange& other) {
    lower = std::min(lower, other.lower);
    upper = std::max(upper, other.upper);
  }
};

/// The range of the numbers that are finite; 0 to 0 if none is.
ColorRange range_of(const std::vector<double>& picture);
/// The same with 0 in the middle.
ColorRange symmetric_range_of(const std::vector<double>& picture);

/// The points of a grid that the places of a picture show. A plane, a surface and a slice of a volume are rasters; a
/// grid on a line is a list of points in the order of their coordinate.
class View {
 public:
  /// Cells in two dimensions are split into triangles from their first corner, on which values at nodes are linear, and
  /// others constant. Without such cells a pixel has the value of the nearest point, or none where that is farther than
  /// points are from each other. Of a volume a slice is shown: a layer of a grid of three axes, or the points nearest
  /// to a plane.
  /// \param grid_shape  of the fields; two axes, or a layer, make cells of a grid without a mesh
  /// \throws InvalidArgument  `--slice` of an unknown axis, or of a grid that is not a volume; `--from` of a grid that
  /// is
  ///                          not a surface in space, or that is not a direction
  View(const Grid& grid, const Shape& grid_shape, const ViewArguments& arguments);

  bool is_line() const { return !positions_.empty(); }
  std::size_t width() const { return width_; }
  std::size_t height() const { return height_; }
  const ViewAxis& horizontal() const { return horizontal_; }
  const ViewAxis& vertical() const { return vertical_; }
  /// The coordinates of a line, ascending.
  const std::vector<double>& positions() const { return positions_; }
  /// What part of the grid it is, such as `slice z = 0.5`; empty: all.
  const std::string& part() const { return part_; }

  /// The values of a field, `(num_pts,)`, at all places: of a raster by rows from its lower edge. NaN: nothing is
  /// shown.
  template <class T>
  std::vector<double> of(const xt::xarray<T>& field) const;

 private:
  class Raster;

  /// The points of a place, and their weights; all 0: nothing.
  struct Place {
    std::array<std::size_t, 3> points{};
    std::array<double, 3> weights{};
  };

  void show_line(const xt::xarray<double>& coords, ViewAxis horizontal, std::size_t axis);
  void show_surface(const Mesh& mesh, const xt::xarray<double>& nodes, const std::vector<double>& from);
  /// \param shown  the axes to the right and upwards
  void show_plane(const Mesh& mesh, const xt::xarray<double>& nodes, const std::vector<ViewAxis>& axes,
                  const std::array<std::size_t, 2>& shown);
  /// \param nodes  `(num_nodes, 3)`: to the right, upwards and towards the viewer
  void show_cells(const Mesh& mesh, const xt::xarray<double>& nodes);
  void show_slice(const Grid& grid, const xt::xarray<double>& coords, const Shape& grid_shape,
                  const std::vector<ViewAxis>& axes, const std::string& slice);
  /// \param scales  factors of the coordinates for distances  \param place  the coordinates that are the same
  /// everywhere
  void show_nearest(const xt::xarray<double>& coords, const std::vector<double>& scales,
                    const std::array<std::size_t, 2>& shown, std::vector<double> place);
  void set_size(std::size_t num_pts);

  std::size_t width_ = 0;
  std::size_t height_ = 1;
  ViewAxis horizontal_;
  ViewAxis vertical_;
  std::vector<double> positions_;
  std::string part_;
  std::vector<Place> places_;
};

}  // namespace fieldfold::cli
