module;

#ifdef FIELDFOLD_QHULL
#include <libqhullcpp/Qhull.h>
#include <libqhullcpp/QhullFacetList.h>
#include <libqhullcpp/QhullVertexSet.h>
#endif

module fieldfold.interpolation.delaunay;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.linalg.sparse;
import fieldfold.points.affine;
import fieldfold.points.axes;
import fieldfold.points.boxes;
import fieldfold.points.morton;
import fieldfold.points.neighbors;
import fieldfold.rbf.interpolator;

namespace fieldfold {
namespace {

constexpr std::size_t most_axes = 3;
constexpr std::size_t most_corners = most_axes + 1;
constexpr std::size_t nothing = std::numeric_limits<std::size_t>::max();

using Weights = std::array<double, most_corners>;

/// A triangle or tetrahedron.
struct Simplex {
  std::array<std::size_t, most_corners> corners;
  std::array<std::size_t, most_corners> beyond;  ///< the simplex across the side opposite each corner, or `nothing`
};

[[noreturn]] void no_triangulation(std::size_t count) {
  throw NumericalError(message("linear interpolation: the ", count,
                               " points have no Delaunay triangulation; they are too few, or coincide"));
}

/// Links simplices that share the corners of a side.
void link_neighbors(std::vector<Simplex>& simplices, std::size_t corners) {
  struct Side {
    std::array<std::size_t, most_corners> corners;
    std::size_t simplex;
    std::size_t opposite;
  };
  std::vector<Side> sides;
  for (std::size_t s = 0; s < simplices.size(); ++s)
    for (std::size_t opposite = 0; opposite < corners; ++opposite) {
      Side side{simplices[s].corners, s, opposite};
      side.corners[opposite] = nothing;
      std::sort(side.corners.begin(), side.corners.begin() + static_cast<std::ptrdiff_t>(corners));
      sides.push_back(side);
    }
  std::ranges::sort(
      sides, [](const Side& a, const Side& b) { return std::ranges::lexicographical_compare(a.corners, b.corners); });
  for (std::size_t i = 1; i < sides.size(); ++i) {
    if (sides[i].corners != sides[i - 1].corners) continue;
    simplices[sides[i].simplex].beyond[sides[i].opposite] = sides[i - 1].simplex;
    simplices[sides[i - 1].simplex].beyond[sides[i - 1].opposite] = sides[i].simplex;
  }
}

#ifdef FIELDFOLD_QHULL
/// Clears the messages of Qhull, which its destructor would print.
struct WithoutMessages {
  orgQhull::Qhull& hull;
  ~WithoutMessages() { hull.clearQhullMessage(); }
};
#endif

/// \param points  `(P, dim)` in the unit cube
std::vector<Simplex> triangulate(MatrixView<const double> points) {
#ifdef FIELDFOLD_QHULL
  const std::size_t corners = points.cols + 1;
  std::vector<Simplex> simplices;
  try {
    // Qz adds a point at infinity, without which points on one circle or sphere have no initial simplex.
    // Out of memory, this constructor leaks; runQhull of a hull that exists ends the program when it is destroyed.
    orgQhull::Qhull hull("", static_cast<int>(points.cols), static_cast<int>(points.rows), points.data,
                         "d Qt Qbb Qc Qz Q12");
    const WithoutMessages no_messages{hull};
    for (const orgQhull::QhullFacet& facet : hull.facetList().toStdVector()) {
      if (facet.isUpperDelaunay()) continue;
      Simplex simplex{};
      simplex.beyond.fill(nothing);
      std::size_t count = 0;
      for (const orgQhull::QhullVertex& vertex : facet.vertices().toStdVector()) {
        const auto corner = static_cast<std::size_t>(vertex.point().id());
        if (count < corners && corner < points.rows) simplex.corners[count++] = corner;
      }
      if (count == corners) simplices.push_back(simplex);
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const orgQhull::QhullError& error) {
    // Its error code is that of the message, of which there are many.
    if (std::string_view(error.what()).find("insufficient memory") != std::string_view::npos) throw std::bad_alloc();
    no_triangulation(points.rows);
  } catch (const std::exception&) {
    no_triangulation(points.rows);
  }
  if (simplices.empty()) no_triangulation(points.rows);
  link_neighbors(simplices, corners);
  return simplices;
#else
  static_cast<void>(points);
  throw NotReady("linear interpolation: the library is built without Qhull");
#endif
}

/// The barycentric coordinates of a query, and how far their combination of the corners is from it.
struct Barycentric {
  Weights weights{};
  double residual = 0.0;
};

/// Gaussian elimination with complete pivoting: also in slivers the residual is at rounding level if the weights are
/// moderate. Not finite if the simplex is flat.
Barycentric barycentric(MatrixView<const double> points, const Simplex& simplex, std::span<const double> query) {
  const std::size_t dim = points.cols;
  // One row per axis: the edges from the first corner, and the query relative to it.
  double rows[most_axes][most_axes + 1];
  std::size_t order[most_axes] = {0, 1, 2};
  for (std::size_t axis = 0; axis < dim; ++axis) {
    const double origin = points(simplex.corners[0], axis);
    for (std::size_t k = 0; k < dim; ++k) rows[axis][k] = points(simplex.corners[k + 1], axis) - origin;
    rows[axis][dim] = query[axis] - origin;
  }
  for (std::size_t step = 0; step < dim; ++step) {
    std::size_t row = step;
    std::size_t col = step;
    for (std::size_t i = step; i < dim; ++i)
      for (std::size_t k = step; k < dim; ++k)
        if (std::abs(rows[i][k]) > std::abs(rows[row][col])) {
          row = i;
          col = k;
        }
    std::swap(rows[step], rows[row]);
    std::swap(order[step], order[col]);
    for (std::size_t i = 0; i < dim; ++i) std::swap(rows[i][step], rows[i][col]);
    for (std::size_t i = step + 1; i < dim; ++i) {
      const double factor = rows[i][step] / rows[step][step];
      for (std::size_t k = step + 1; k <= dim; ++k) rows[i][k] -= factor * rows[step][k];
    }
  }
  Barycentric result;
  result.weights[0] = 1.0;
  for (std::size_t step = dim; step-- > 0;) {
    double weight = rows[step][dim];
    for (std::size_t k = step + 1; k < dim; ++k) weight -= rows[step][k] * result.weights[order[k] + 1];
    result.weights[order[step] + 1] = weight / rows[step][step];
    result.weights[0] -= result.weights[order[step] + 1];
  }
  for (std::size_t axis = 0; axis < dim; ++axis) {
    double sum = -query[axis];
    for (std::size_t k = 0; k <= dim; ++k) sum += result.weights[k] * points(simplex.corners[k], axis);
    result.residual = std::isfinite(sum) ? std::max(result.residual, std::abs(sum)) : sum;
  }
  return result;
}

/// A plane through a side of the hull: points above it are outside.
struct Plane {
  std::array<double, most_axes> normal{};  ///< outward, of length 1
  double offset = 0.0;
  double rounding = 0.0;  ///< of heights

  double height_of(std::span<const double> point) const {
    double height = -offset;
    for (std::size_t axis = 0; axis < point.size(); ++axis) height += normal[axis] * point[axis];
    return height;
  }
  bool has_outside(std::span<const double> point) const { return height_of(point) > rounding; }
};

/// A triangulation, and the hull of its points.
class Triangulation {
 public:
  /// \param rounding   of the coordinates
  /// \param points     `(P, dim)`; each axis may have a unit of its own, as barycentric coordinates depend on none
  /// \param simplices  of these points
  Triangulation(MatrixView<const double> points, std::vector<Simplex> simplices, double rounding)
      : points_(points),
        rounding_(rounding),
        simplices_(std::move(simplices)),
        around_(points.rows),
        hull_of_(simplices_.size()) {
    const std::size_t corners = points.cols + 1;
    std::array<double, most_axes> centre{};
    for (std::size_t i = 0; i < points.rows; ++i)
      for (std::size_t axis = 0; axis < points.cols; ++axis)
        centre[axis] += (points(i, axis) - centre[axis]) / static_cast<double>(i + 1);
    for (std::size_t s = 0; s < simplices_.size(); ++s) {
      hull_of_[s].fill(nothing);
      for (std::size_t corner = 0; corner < corners; ++corner) {
        around_[simplices_[s].corners[corner]].push_back(s);
        if (simplices_[s].beyond[corner] != nothing) continue;
        if (const auto plane = side_of(s, corner, centre)) {
          hull_of_[s][corner] = hull_.size();
          hull_.push_back(*plane);
        }
      }
    }
  }

  MatrixView<const double> points() const { return points_; }
  std::span<const Simplex> simplices() const { return simplices_; }
  std::span<const std::size_t> around(std::size_t point) const { return around_[point]; }

  /// Whether a query is outside of the hull. \param simplex, corner  the side of the hull to try first
  bool is_outside(std::span<const double> query, std::size_t simplex, std::size_t corner) const {
    const std::size_t own = hull_of_[simplex][corner];
    if (own != nothing && hull_[own].has_outside(query)) return true;
    return std::ranges::any_of(hull_, [&](const Plane& plane) { return plane.has_outside(query); });
  }

 private:
  /// The plane of the side opposite a corner; none if its corners do not determine it.
  std::optional<Plane> side_of(std::size_t s, std::size_t opposite, const std::array<double, most_axes>& centre) const {
    const std::size_t dim = points_.cols;
    std::array<std::size_t, most_axes> corners{};
    for (std::size_t corner = 0, count = 0; corner <= dim; ++corner)
      if (corner != opposite) corners[count++] = simplices_[s].corners[corner];
    const auto edge = [&](std::size_t to, std::size_t axis) {
      return points_(corners[to], axis) - points_(corners[0], axis);
    };
    Plane plane;
    double longest = 0.0;
    for (std::size_t to = 1; to < dim; ++to)
      longest = std::max(longest, std::hypot(edge(to, 0), edge(to, 1), dim == 3 ? edge(to, 2) : 0.0));
    if (dim == 2) {
      plane.normal = {edge(1, 1), -edge(1, 0), 0.0};
    } else {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const std::size_t next = (axis + 1) % 3;
        const std::size_t last = (axis + 2) % 3;
        plane.normal[axis] = edge(1, next) * edge(2, last) - edge(1, last) * edge(2, next);
      }
    }
    const double size = std::hypot(plane.normal[0], plane.normal[1], plane.normal[2]);
    // Coordinates of 1 have rounding errors, which turn the plane by their share of its shortest altitude.
    const double altitude = dim == 2 ? size : size / longest;
    plane.rounding = rounding_ * (1.0 + 1.0 / altitude);
    if (!(plane.rounding < 1e-2)) return std::nullopt;
    for (double& entry : plane.normal) entry /= size;
    plane.offset = plane.height_of(points_.row(corners[0]));
    if (plane.height_of({centre.data(), dim}) > 0.0) {
      for (double& entry : plane.normal) entry = -entry;
      plane.offset = -plane.offset;
    }
    return plane;
  }

  MatrixView<const double> points_;
  double rounding_;
  std::vector<Simplex> simplices_;
  std::vector<std::vector<std::size_t>> around_;  ///< the simplices around each point
  std::vector<Plane> hull_;                       ///< of its sides
  std::vector<std::array<std::size_t, most_corners>>
      hull_of_;  ///< the planes of the sides of each simplex, or `nothing`
};

/// Point location for a sequence of nearby queries: each walk through the triangulation starts from the previous
/// simplex. For one thread.
class Walker {
 public:
  /// \param search  of the points of the triangulation, in its own units
  Walker(const Triangulation& triangulation, const NearestNeighbors& search)
      : triangulation_(triangulation), near_(search), nearest_(search), visits_(triangulation.simplices().size(), 0) {}

  /// The simplex that contains a query; or `nothing`, and the nearest point.
  /// \param query      in the units of the triangulation
  /// \param in_search  the same in the units of the search
  std::pair<std::size_t, std::size_t> find(std::span<const double> query, std::span<const double> in_search,
                                           Weights& weights) {
    const std::size_t corners = query.size() + 1;
    // Far more steps than a walk between neighbors takes; where slivers make it circle, the search below decides.
    constexpr std::size_t most_steps = 1000;
    std::size_t side = 0;
    for (std::size_t step = 0; step < most_steps; ++step) {
      const auto [found, least] = look_at(here_, query);
      if (contains(found, least)) {
        weights = found.weights;
        return {here_, 0};
      }
      if (!std::isfinite(least)) break;
      side = static_cast<std::size_t>(
          std::min_element(found.weights.begin(), found.weights.begin() + static_cast<std::ptrdiff_t>(corners)) -
          found.weights.begin());
      const std::size_t beyond = triangulation_.simplices()[here_].beyond[side];
      if (beyond == nothing) break;
      here_ = beyond;
    }
    if (!triangulation_.is_outside(query, here_, side)) {
      const std::size_t simplex = search_around(query, in_search, weights);
      if (simplex != nothing) return {here_ = simplex, 0};
    }
    std::size_t nearest[1];
    nearest_.find(in_search, nearest);
    if (!triangulation_.around(nearest[0]).empty()) here_ = triangulation_.around(nearest[0]).front();
    return {nothing, nearest[0]};
  }

 private:
  static constexpr double rounding = 1e-12;

  static bool contains(const Barycentric& found, double least) {
    return least >= -rounding && found.residual <= rounding;
  }

  /// The barycentric coordinates in a simplex, and the least of them.
  std::pair<Barycentric, double> look_at(std::size_t simplex, std::span<const double> query) const {
    const auto found = barycentric(triangulation_.points(), triangulation_.simplices()[simplex], query);
    double least = found.weights[0];
    for (std::size_t k = 1; k <= query.size(); ++k) least = std::min(least, found.weights[k]);
    return {found, std::isfinite(found.residual) ? least : found.residual};
  }

  /// Visits the simplices around the nearest points, then their neighbors. Where rounding leaves a gap between
  /// simplices, the one nearest to the query; its linear function holds there, too.
  std::size_t search_around(std::span<const double> query, std::span<const double> in_search, Weights& weights) {
    constexpr std::size_t enough = 1000;
    constexpr std::size_t most = 20000;
    ++turn_;
    queue_.clear();
    const auto visit = [&](std::size_t simplex) {
      if (simplex == nothing || visits_[simplex] == turn_) return;
      visits_[simplex] = turn_;
      queue_.push_back(simplex);
    };
    std::vector<std::size_t> near(std::min<std::size_t>(4, triangulation_.points().rows));
    near_.find(in_search, near);
    for (const std::size_t point : near)
      for (const std::size_t simplex : triangulation_.around(point)) visit(simplex);
    visit(here_);
    std::size_t best = nothing;
    double best_least = -std::numeric_limits<double>::infinity();
    for (std::size_t next = 0; next < std::min(queue_.size(), most); ++next) {
      const auto [found, least] = look_at(queue_[next], query);
      if (found.residual <= rounding && least > best_least) {
        best = queue_[next];
        best_least = least;
        weights = found.weights;
      }
      if (best_least >= -rounding || (next > enough && best_least > -1e-6)) return best;
      for (const std::size_t beyond : triangulation_.simplices()[queue_[next]].beyond) visit(beyond);
    }
    return best;
  }

  const Triangulation& triangulation_;
  NearestNeighbors::Walk near_;
  NearestNeighbors::Walk nearest_;
  std::size_t here_ = 0;
  std::vector<std::uint32_t> visits_;  ///< the last turn in which each simplex was visited
  std::uint32_t turn_ = 0;
  std::vector<std::size_t> queue_;
};

/// Piecewise linear interpolation on a line; outside, the nearest point.
/// \param points, queries  `(n, 1)`
SparseRows weights_on_line(MatrixView<const double> points, MatrixView<const double> queries) {
  std::vector<std::size_t> order(points.rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return std::pair(points(a, 0), a) < std::pair(points(b, 0), b); });
  const auto duplicates =
      std::ranges::unique(order, [&](std::size_t a, std::size_t b) { return points(a, 0) == points(b, 0); });
  order.erase(duplicates.begin(), duplicates.end());
  if (order.size() < 2) no_triangulation(points.rows);
  auto rows = SparseRows::of_width(queries.rows, points.rows, 2);
  for (std::size_t q = 0; q < queries.rows; ++q) {
    const double x = queries(q, 0);
    const auto above = std::ranges::upper_bound(order, x, {}, [&](std::size_t i) { return points(i, 0); });
    const std::size_t place =
        std::clamp<std::size_t>(static_cast<std::size_t>(above - order.begin()), 1, order.size() - 1);
    const std::size_t left = order[place - 1];
    const std::size_t right = order[place];
    const double share = std::clamp((x - points(left, 0)) / (points(right, 0) - points(left, 0)), 0.0, 1.0);
    rows.order[q] = static_cast<std::uint32_t>(q);
    rows.columns[2 * q] = static_cast<std::uint32_t>(left);
    rows.columns[2 * q + 1] = static_cast<std::uint32_t>(right);
    rows.weights[2 * q] = 1.0 - share;
    rows.weights[2 * q + 1] = share;
  }
  return rows;
}

/// Divides coordinates by the extents of a box, after its lower corner is subtracted.
xt::xarray<double> in_box(const xt::xarray<double>& points, const Box& box, const std::vector<double>& extents) {
  auto result = points;
  for (std::size_t i = 0; i < points.shape(0); ++i)
    for (std::size_t axis = 0; axis < extents.size(); ++axis)
      result(i, axis) = (points(i, axis) - box.low[axis]) / extents[axis];
  return result;
}

SparseRows weights_in_simplices(const xt::xarray<double>& from, const xt::xarray<double>& to,
                                std::size_t asked_threads) {
  const std::size_t dim = from.shape(1);
  const Box box = box_around(as_matrix(from));
  std::vector<double> extents(dim);
  for (std::size_t axis = 0; axis < dim; ++axis) extents[axis] = box.high[axis] - box.low[axis];
  const double extent = std::ranges::max(extents);
  if (!(std::ranges::min(extents) > 0.0) || !std::isfinite(extent)) no_triangulation(from.shape(0));
  // Distances count in one unit for all axes, the largest extent; barycentric coordinates in a unit of each axis.
  const std::vector<double> alike(dim, extent);
  const auto points = in_box(from, box, alike);
  const auto unit_points = in_box(from, box, extents);
  const auto queries = in_box(to, box, alike);
  const auto unit_queries = in_box(to, box, extents);
  const auto query_rows = as_matrix(queries);
  // Coordinates far from the origin have rounding errors that are large in the units of the axes.
  double rounding = 0.0;
  for (std::size_t axis = 0; axis < dim; ++axis)
    rounding = std::max(rounding,
                        std::max({std::abs(box.low[axis]), std::abs(box.high[axis]), extents[axis]}) / extents[axis]);
  rounding *= 8.0 * std::numeric_limits<double>::epsilon();
  const Triangulation triangulation(as_matrix(unit_points), triangulate(as_matrix(points)), rounding);
  const std::size_t corners = dim + 1;
  auto rows = SparseRows::of_width(query_rows.rows, from.shape(0), corners);
  const NearestNeighbors search(as_matrix(points));
  const auto order = spatial_order(query_rows);
  const std::size_t threads = threads_for(asked_threads, 300.0 * static_cast<double>(query_rows.rows));
  for_each_block(query_rows.rows, 1024, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    Walker walker(triangulation, search);
    for (std::size_t i = first; i < first + count; ++i) {
      rows.order[i] = static_cast<std::uint32_t>(order[i]);
      Weights weights{};
      const auto [simplex, nearest] =
          walker.find(as_matrix(unit_queries).row(order[i]), query_rows.row(order[i]), weights);
      const bool inside = simplex != nothing;
      for (std::size_t corner = 0; corner < corners; ++corner) {
        const std::size_t point = inside ? triangulation.simplices()[simplex].corners[corner] : nearest;
        rows.columns[i * corners + corner] = static_cast<std::uint32_t>(point);
        rows.weights[i * corners + corner] = inside ? weights[corner] : corner == 0 ? 1.0 : 0.0;
      }
    }
  });
  return rows;
}

}  // namespace

bool delaunay_is_built() {
#ifdef FIELDFOLD_QHULL
  return true;
#else
  return false;
#endif
}

SparseRows linear_weights(MatrixView<const double> points, MatrixView<const double> queries,
                          const RBFOptions& options) {
  const Axes axes(options.scales, options.periods);
  axes.expect_dim(points.cols);
  if (std::ranges::any_of(options.periods, [](double period) { return period != 0.0; }))
    throw InvalidArgument("periods: expected none with linear interpolation");
  const auto from = axes.embedded(points);
  const auto to = axes.embedded(queries);
  const AffineSpan span(as_matrix(from));
  if (span.rank() > most_axes)
    throw InvalidArgument(message("linear interpolation: expected points in up to 3 dimensions, got ", span.rank()));
  span.warn_if_nearly_flat("points");
  span.warn_if_off(as_matrix(from), "points");
  span.warn_if_off(as_matrix(to), "queries");
  const auto own = span.is_whole() ? from : span.coordinates(as_matrix(from));
  const auto wanted = span.is_whole() ? to : span.coordinates(as_matrix(to));
  if (span.rank() == 1) return weights_on_line(as_matrix(own), as_matrix(wanted));
  return weights_in_simplices(own, wanted, options.threads);
}

}  // namespace fieldfold
