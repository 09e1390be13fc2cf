#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../terminal/words.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../input/options.hpp"
#include "view.hpp"

import fieldfold;
import fieldfold.formats;
import fieldfold.points.neighbors;

namespace fieldfold::cli {
namespace {

constexpr std::size_t most_pixels = 49152;
constexpr std::size_t most_positions = 2000;

using Direction = std::array<double, 3>;

double dot(const Direction& a, const Direction& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Direction cross(const Direction& a, const Direction& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

/// \throws InvalidArgument  it has no length
Direction normalized(Direction direction) {
  const double length = std::sqrt(dot(direction, direction));
  if (!(length > 0.0) || !std::isfinite(length))
    throw InvalidArgument("--from: expected a direction, three numbers that are not all 0");
  for (double& x : direction) x /= length;
  return direction;
}

/// The axes of points, with the extents of these.
std::vector<ViewAxis> axes_of(const xt::xarray<double>& points) {
  const std::size_t dim = points.shape(1);
  std::vector<ViewAxis> axes(dim);
  for (std::size_t a = 0; a < dim; ++a) {
    axes[a].name = dim <= 3 ? std::string(1, static_cast<char>('x' + a)) : message("x", a + 1);
    axes[a].lower = axes[a].upper = points(0, a);
    for (std::size_t p = 0; p < points.shape(0); ++p) {
      axes[a].lower = std::min(axes[a].lower, points(p, a));
      axes[a].upper = std::max(axes[a].upper, points(p, a));
    }
  }
  return axes;
}

/// Names the axes of latitude and longitude, and those of a grid without coordinates.
void name_axes(std::vector<ViewAxis>& axes, const Grid& grid) {
  const std::size_t dim = axes.size();
  if (grid.latitudes.size() > 0 && dim >= 2) {
    axes[dim - 2].name = "latitude (degrees)";
    axes[dim - 1].name = "longitude (degrees)";
  } else if (!grid.coords && !grid.mesh) {
    for (std::size_t a = 0; a < dim; ++a) axes[a].name = dim == 1 ? "point" : message("axis", a);
  }
}

/// The axes to the right and upwards: the first two, but a longitude to the right.
std::array<std::size_t, 2> on_paper(const std::vector<std::size_t>& axes, const Grid& grid, std::size_t dim) {
  const bool is_earth = grid.latitudes.size() > 0 && axes[0] + 2 == dim && axes[1] + 1 == dim;
  return is_earth ? std::array{axes[1], axes[0]} : std::array{axes[0], axes[1]};
}

/// Factors of the coordinates by which the steps of a grid have the length 1; 1 for points in no order.
std::vector<double> scales_of(const std::vector<ViewAxis>& axes, const Shape& grid_shape) {
  std::vector<double> scales(axes.size(), 1.0);
  if (grid_shape.size() != axes.size()) return scales;
  for (std::size_t a = 0; a < axes.size(); ++a)
    if (grid_shape[a] > 1 && axes[a].upper > axes[a].lower)
      scales[a] = static_cast<double>(grid_shape[a] - 1) / (axes[a].upper - axes[a].lower);
  return scales;
}

/// The coordinate of the center of a pixel.
double center_of(const ViewAxis& axis, std::size_t count, std::size_t pixel) {
  return axis.lower + (static_cast<double>(pixel) + 0.5) * (axis.upper - axis.lower) / static_cast<double>(count);
}

/// The axes on which points differ.
std::vector<std::size_t> varying(const std::vector<ViewAxis>& axes) {
  double largest = 0.0;
  for (const ViewAxis& axis : axes) largest = std::max(largest, axis.upper - axis.lower);
  std::vector<std::size_t> result;
  for (std::size_t a = 0; a < axes.size(); ++a)
    if (axes[a].upper - axes[a].lower > 1e-9 * largest) result.push_back(a);
  return result;
}

/// The coordinates of a grid, `(num_pts, dim)`; without any, the indices of its axes.
xt::xarray<double> coords_of(const Grid& grid, const Shape& grid_shape) {
  if (grid.coords) {
    xt::xarray<double> coords = *grid.coords;
    const std::size_t dim = coords.shape(coords.dimension() - 1);
    coords.reshape(Shape{coords.size() / dim, dim});
    return coords;
  }
  auto coords = xt::xarray<double>::from_shape({size_of(grid_shape), grid_shape.size()});
  for (std::size_t p = 0; p < coords.shape(0); ++p) {
    std::size_t rest = p;
    for (std::size_t a = grid_shape.size(); a-- > 0; rest /= grid_shape[a])
      coords(p, a) = static_cast<double>(rest % grid_shape[a]);
  }
  return coords;
}

/// The axes of a grid that have more than one point.
Shape long_axes(const Shape& grid_shape) {
  Shape shape;
  for (const std::size_t length : grid_shape)
    if (length > 1) shape.push_back(length);
  return shape;
}

/// Two axes of a grid: their lengths, the distances of their points in memory, and the first point.
struct Layer {
  std::array<std::size_t, 2> lengths;
  std::array<std::size_t, 2> strides;
  std::size_t first = 0;
};

/// The quadrilaterals between the points of a layer.
Mesh mesh_of(const Layer& layer) {
  Mesh mesh;
  const auto [down, right] = layer.strides;
  for (std::size_t i = 0; i + 1 < layer.lengths[0]; ++i)
    for (std::size_t j = 0; j + 1 < layer.lengths[1]; ++j) {
      const std::size_t corner = layer.first + i * down + j * right;
      mesh.nodes.insert(mesh.nodes.end(), {corner, corner + right, corner + right + down, corner + down});
      mesh.offsets.push_back(mesh.nodes.size());
      mesh.types.push_back(static_cast<std::uint8_t>(CellType::quadrilateral));
    }
  return mesh;
}

/// The layer of a grid of three axes that is nearest to a place on an axis of its coordinates; none: the layers of the
/// grid have no common place. \param place  becomes that of the layer
std::optional<Layer> layer_at(const xt::xarray<double>& coords, const Shape& shape, std::size_t axis, double& place) {
  const std::array<std::size_t, 3> strides{shape[1] * shape[2], shape[2], 1};
  for (std::size_t across = 0; across < 3; ++across) {
    const std::size_t a = across == 0 ? 1 : 0;
    const std::size_t b = across == 2 ? 1 : 2;
    const double length = std::abs(coords((shape[across] - 1) * strides[across], axis) - coords(0, axis));
    Layer layer{{shape[a], shape[b]}, {strides[a], strides[b]}};
    const auto position = [&](std::size_t index) { return coords(index * strides[across], axis); };
    std::size_t nearest = 0;
    for (std::size_t k = 1; k < shape[across]; ++k)
      if (std::abs(position(k) - place) < std::abs(position(nearest) - place)) nearest = k;
    layer.first = nearest * strides[across];
    double deviation = 0.0;
    for (std::size_t i = 0; i < shape[a]; ++i)
      for (std::size_t j = 0; j < shape[b]; ++j)
        deviation = std::max(deviation,
                             std::abs(coords(layer.first + i * strides[a] + j * strides[b], axis) - position(nearest)));
    if (length == 0.0 || deviation > 1e-6 * length) continue;
    place = position(nearest);
    return layer;
  }
  return std::nullopt;
}

/// The axis and the place of `AXIS=VALUE`.
std::pair<std::size_t, double> slice_of(const std::string& text, const std::vector<ViewAxis>& axes) {
  const std::size_t split = text.find('=');
  const auto value = split == std::string::npos ? std::nullopt : number_in(text.substr(split + 1));
  for (std::size_t a = 0; value && a < axes.size(); ++a)
    if (axes[a].name.substr(0, axes[a].name.find(' ')) == text.substr(0, split)) {
      if (!(*value >= axes[a].lower && *value <= axes[a].upper))
        throw InvalidArgument(message("--slice: expected a value of ", axes[a].name, " between ",
                                      rounded(axes[a].lower), " and ", rounded(axes[a].upper), ", got ", *value));
      return {a, *value};
    }
  std::vector<std::string> names;
  for (const ViewAxis& axis : axes) names.push_back(axis.name.substr(0, axis.name.find(' ')));
  throw InvalidArgument(message("--slice: expected AXIS=VALUE with an axis of ", listing(names), ", got ", text));
}

}  // namespace

std::vector<std::size_t> evenly(std::size_t count, std::size_t most) {
  std::vector<std::size_t> numbers(std::min(count, most));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = numbers.size() == 1 ? 0 : i * (count - 1) / (numbers.size() - 1);
  return numbers;
}

ColorRange range_of(const std::vector<double>& picture) {
  ColorRange range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const double value : picture)
    if (std::isfinite(value)) range.include({value, value});
  return range.lower <= range.upper ? range : ColorRange{};
}

ColorRange symmetric_range_of(const std::vector<double>& picture) {
  const ColorRange range = range_of(picture);
  const double largest = std::max(std::abs(range.lower), std::abs(range.upper));
  return {-largest, largest};
}

/// Triangles on the places of a view; of several at one place the nearest to the viewer shows.
class View::Raster {
 public:
  struct Corner {
    double x;
    double y;
    double height;  ///< towards the viewer
    std::size_t point;
  };

  explicit Raster(View& view) : view_(view), heights_(view.places_.size(), -std::numeric_limits<double>::infinity()) {}

  void draw(const Corner& a, const Corner& b, const Corner& c) {
    const double area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
    if (area == 0.0 || !std::isfinite(area)) return;
    const auto [left, right] =
        pixels(view_.horizontal_, view_.width_, std::min({a.x, b.x, c.x}), std::max({a.x, b.x, c.x}));
    const auto [low, high] =
        pixels(view_.vertical_, view_.height_, std::min({a.y, b.y, c.y}), std::max({a.y, b.y, c.y}));
    for (std::size_t row = low; row < high; ++row)
      for (std::size_t column = left; column < right; ++column) {
        const double x = center_of(view_.horizontal_, view_.width_, column);
        const double y = center_of(view_.vertical_, view_.height_, row);
        const double of_b = ((x - a.x) * (c.y - a.y) - (c.x - a.x) * (y - a.y)) / area;
        const double of_c = ((b.x - a.x) * (y - a.y) - (x - a.x) * (b.y - a.y)) / area;
        const double of_a = 1.0 - of_b - of_c;
        constexpr double rounding = -1e-9;
        if (of_a < rounding || of_b < rounding || of_c < rounding) continue;
        const double height = of_a * a.height + of_b * b.height + of_c * c.height;
        const std::size_t place = row * view_.width_ + column;
        if (height <= heights_[place]) continue;
        heights_[place] = height;
        view_.places_[place] = {{a.point, b.point, c.point}, {of_a, of_b, of_c}};
      }
  }

 private:
  /// The range of pixels whose centers may lie between two places.
  static std::pair<std::size_t, std::size_t> pixels(const ViewAxis& axis, std::size_t count, double from, double to) {
    const double most = static_cast<double>(count);
    const auto pixel = [&](double x) {
      return std::clamp((x - axis.lower) / (axis.upper - axis.lower) * most, 0.0, most);
    };
    return {static_cast<std::size_t>(std::max(0.0, std::ceil(pixel(from) - 1.5))),
            static_cast<std::size_t>(std::min(most, std::floor(pixel(to) + 1.5)))};
  }

  View& view_;
  std::vector<double> heights_;
};

View::View(const Grid& grid, const Shape& grid_shape, const ViewArguments& arguments) {
  const xt::xarray<double> coords = coords_of(grid, grid_shape);
  const xt::xarray<double>& nodes = grid.mesh ? grid.mesh->points : coords;
  const Shape shape = long_axes(grid_shape);
  std::shared_ptr<const Mesh> mesh = grid.mesh;
  if (!mesh && shape.size() == 2) mesh = std::make_shared<Mesh>(mesh_of({{shape[0], shape[1]}, {shape[1], 1}}));
  if (mesh && dimension_of(*mesh) != 2) mesh = nullptr;
  std::vector<ViewAxis> axes = axes_of(nodes);
  name_axes(axes, grid);
  const auto free_axes = varying(axes);
  const bool is_surface = free_axes.size() == 3 && mesh;
  if (!arguments.from.empty() && !is_surface)
    throw InvalidArgument("--from: expected the map of a surface in space, got another grid");
  if (!arguments.slice.empty() && (free_axes.size() < 3 || is_surface))
    throw InvalidArgument("--slice: expected the map of a volume, got another grid");
  if (free_axes.size() < 2) {
    show_line(coords, axes[free_axes.empty() ? 0 : free_axes[0]], free_axes.empty() ? 0 : free_axes[0]);
  } else if (is_surface) {
    show_surface(*mesh, nodes, arguments.from);
  } else if (mesh && free_axes.size() == 2) {
    show_plane(*mesh, nodes, axes, on_paper(free_axes, grid, axes.size()));
  } else {
    show_slice(grid, coords, grid_shape, axes, arguments.slice);
  }
}

void View::set_size(std::size_t num_pts) {
  const double pixels = static_cast<double>(std::clamp<std::size_t>(4 * num_pts, 4096, most_pixels));
  const double extents = (vertical_.upper - vertical_.lower) / (horizontal_.upper - horizontal_.lower);
  const double aspect = std::clamp(extents, 1.0 / 16.0, 16.0);
  width_ = static_cast<std::size_t>(std::round(std::sqrt(pixels / aspect)));
  height_ = static_cast<std::size_t>(std::round(std::sqrt(pixels * aspect)));
  places_.resize(width_ * height_);
}

void View::show_line(const xt::xarray<double>& coords, ViewAxis horizontal, std::size_t axis) {
  horizontal_ = std::move(horizontal);
  std::vector<std::size_t> order(coords.shape(0));
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t p) { return std::pair(coords(p, axis), p); });
  for (const std::size_t i : evenly(order.size(), most_positions)) {
    const std::size_t p = order[i];
    positions_.push_back(coords(p, axis));
    places_.push_back({{p, p, p}, {1.0, 0.0, 0.0}});
  }
  width_ = positions_.size();
}

void View::show_surface(const Mesh& mesh, const xt::xarray<double>& nodes, const std::vector<double>& from) {
  if (!from.empty() && from.size() != 3)
    throw InvalidArgument(message("--from: expected three numbers, got ", from.size()));
  const Direction towards = normalized(from.empty() ? Direction{1.0, -2.0, 1.0} : Direction{from[0], from[1], from[2]});
  const bool is_from_above = std::abs(towards[2]) > 0.999;
  const Direction right =
      normalized(cross(is_from_above ? Direction{0.0, 1.0, 0.0} : Direction{0.0, 0.0, 1.0}, towards));
  const Direction up = cross(towards, right);
  auto projected = zeros<double>({nodes.shape(0), 3});
  for (std::size_t p = 0; p < nodes.shape(0); ++p) {
    const Direction point{nodes(p, 0), nodes(p, 1), nodes(p, 2)};
    projected(p, 0) = dot(point, right);
    projected(p, 1) = dot(point, up);
    projected(p, 2) = dot(point, towards);
  }
  const auto axes = axes_of(projected);
  horizontal_ = {"", axes[0].lower, axes[0].upper};
  vertical_ = {"", axes[1].lower, axes[1].upper};
  part_ =
      message("surface, seen from (", rounded(towards[0]), ", ", rounded(towards[1]), ", ", rounded(towards[2]), ")");
  show_cells(mesh, projected);
}

void View::show_plane(const Mesh& mesh, const xt::xarray<double>& nodes, const std::vector<ViewAxis>& axes,
                      const std::array<std::size_t, 2>& shown) {
  horizontal_ = axes[shown[0]];
  vertical_ = axes[shown[1]];
  auto plane = zeros<double>({nodes.shape(0), 3});
  for (std::size_t p = 0; p < nodes.shape(0); ++p) {
    plane(p, 0) = nodes(p, shown[0]);
    plane(p, 1) = nodes(p, shown[1]);
  }
  show_cells(mesh, plane);
}

void View::show_cells(const Mesh& mesh, const xt::xarray<double>& nodes) {
  set_size(mesh.num_cells());
  const bool is_at_nodes = mesh.location == FieldLocation::points;
  Raster raster(*this);
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    if (dimension_of(mesh, cell) != 2) continue;
    std::vector<std::uint64_t> ring(mesh.nodes_of(cell).begin(), mesh.nodes_of(cell).end());
    if (mesh.type_of(cell) == CellType::pixel) std::swap(ring[2], ring[3]);
    const auto corner = [&](std::size_t i) {
      return Raster::Corner{nodes(ring[i], 0), nodes(ring[i], 1), nodes(ring[i], 2), is_at_nodes ? ring[i] : cell};
    };
    for (std::size_t i = 1; i + 1 < ring.size(); ++i) raster.draw(corner(0), corner(i), corner(i + 1));
  }
}

void View::show_slice(const Grid& grid, const xt::xarray<double>& coords, const Shape& grid_shape,
                      const std::vector<ViewAxis>& axes, const std::string& slice) {
  std::vector<std::size_t> free_axes = varying(axes);
  std::vector<double> place;
  for (const ViewAxis& axis : axes) place.push_back(0.5 * (axis.lower + axis.upper));
  if (free_axes.size() > 2) {
    // The slice across the shortest axis is the largest.
    const auto extent = [&](std::size_t a) { return axes[a].upper - axes[a].lower; };
    std::size_t across = *std::ranges::min_element(free_axes, {}, extent);
    if (!slice.empty()) {
      const auto [axis, value] = slice_of(slice, axes);
      across = axis;
      place[across] = value;
    } else {
      if (grid.latitudes.size() > 0) across = 0;
      // The place of a point: halfway between two layers, rounding would mix them.
      std::size_t nearest = 0;
      for (std::size_t p = 1; p < coords.shape(0); ++p)
        if (std::abs(coords(p, across) - place[across]) < std::abs(coords(nearest, across) - place[across]))
          nearest = p;
      place[across] = coords(nearest, across);
    }
    std::erase(free_axes, across);
    const Shape shape = long_axes(grid_shape);
    const bool has_layers = !grid.mesh && shape.size() == 3;
    const auto layer = has_layers ? layer_at(coords, shape, across, place[across]) : std::nullopt;
    part_ = message("slice at ", axes[across].name, " = ", rounded(place[across]));
    for (std::size_t i = 2; i < free_axes.size(); ++i)
      part_ += message(", ", axes[free_axes[i]].name, " = ", rounded(place[free_axes[i]]));
    if (layer) return show_plane(mesh_of(*layer), coords, axes, on_paper(free_axes, grid, axes.size()));
  }
  const std::array<std::size_t, 2> shown = on_paper(free_axes, grid, axes.size());
  horizontal_ = axes[shown[0]];
  vertical_ = axes[shown[1]];
  set_size(coords.shape(0));
  show_nearest(coords, scales_of(axes, grid_shape), shown, place);
}

void View::show_nearest(const xt::xarray<double>& coords, const std::vector<double>& scales,
                        const std::array<std::size_t, 2>& shown, std::vector<double> place) {
  const std::size_t dim = scales.size();
  xt::xarray<double> points = coords;
  for (std::size_t p = 0; p < points.shape(0); ++p)
    for (std::size_t a = 0; a < dim; ++a) points(p, a) *= scales[a];
  const NearestNeighbors neighbors(as_matrix(std::as_const(points)));
  // A place that is farther from a point than the neighbors of this point lies in a hole, or outside.
  std::vector<std::size_t> around(std::min<std::size_t>(9, points.shape(0)));
  std::unordered_map<std::size_t, double> reaches;
  const auto distance = [&](const double* a, const double* b) {
    double square = 0.0;
    for (std::size_t k = 0; k < dim; ++k) square += (a[k] - b[k]) * (a[k] - b[k]);
    return std::sqrt(square);
  };
  const auto reach_of = [&](std::size_t point) {
    const auto [found, is_new] = reaches.try_emplace(point, 0.0);
    if (!is_new) return found->second;
    const double* const center = points.data() + point * dim;
    neighbors.find({center, dim}, around);
    for (const std::size_t other : around)
      found->second = std::max(found->second, distance(center, points.data() + other * dim));
    // Pits between random points are a little wider. Copies of one point say nothing of its distance from others.
    return found->second = found->second > 0.0 ? 1.2 * found->second : std::numeric_limits<double>::infinity();
  };
  NearestNeighbors::Walk walk(neighbors);
  std::vector<double> query(dim);
  for (std::size_t row = 0; row < height_; ++row)
    for (std::size_t column = 0; column < width_; ++column) {
      place[shown[0]] = center_of(horizontal_, width_, column);
      place[shown[1]] = center_of(vertical_, height_, row);
      for (std::size_t a = 0; a < dim; ++a) query[a] = place[a] * scales[a];
      std::size_t nearest = 0;
      walk.find(query, {&nearest, 1});
      if (distance(query.data(), points.data() + nearest * dim) <= reach_of(nearest))
        places_[row * width_ + column] = {{nearest, nearest, nearest}, {1.0, 0.0, 0.0}};
    }
}

template <class T>
std::vector<double> View::of(const xt::xarray<T>& field) const {
  std::vector<double> values;
  values.reserve(places_.size());
  for (const Place& place : places_) {
    double value = 0.0;
    double sum = 0.0;
    for (std::size_t k = 0; k < 3; ++k) {
      sum += place.weights[k];
      if (place.weights[k] != 0.0) value += place.weights[k] * static_cast<double>(field.data()[place.points[k]]);
    }
    values.push_back(sum > 0.0 ? value : std::numeric_limits<double>::quiet_NaN());
  }
  return values;
}

template std::vector<double> View::of(const xt::xarray<double>&) const;
template std::vector<double> View::of(const xt::xarray<float>&) const;

}  // namespace fieldfold::cli
