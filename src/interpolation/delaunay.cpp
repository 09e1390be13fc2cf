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
import fieldfold.points.axes;
import fieldfold.points.boxes;
import fieldfold.points.morton;
import fieldfold.points.neighbors;
import fieldfold.rbf.interpolator;

namespace fieldfold {
namespace {

constexpr std::size_t most_corners = 4;
constexpr std::size_t nothing = std::numeric_limits<std::size_t>::max();

/// A triangle or tetrahedron.
struct Simplex {
  std::array<std::size_t, most_corners> corners;
  std::array<std::size_t, most_corners> beyond;  ///< the simplex across the side opposite each corner, or `nothing`
};

/// \param points  `(P, dim)` in the unit cube
std::vector<Simplex> triangulate(MatrixView<const double> points) {
#ifdef FIELDFOLD_QHULL
  const std::size_t corners = points.cols + 1;
  std::vector<Simplex> simplices;
  try {
    const orgQhull::Qhull hull("", static_cast<int>(points.cols), static_cast<int>(points.rows), points.data,
                               "d Qt Qbb Qc Q12");
    for (const orgQhull::QhullFacet& facet : hull.facetList().toStdVector()) {
      if (facet.isUpperDelaunay()) continue;
      Simplex simplex{};
      simplex.beyond.fill(nothing);
      std::size_t count = 0;
      for (const orgQhull::QhullVertex& vertex : facet.vertices().toStdVector())
        if (count < corners) simplex.corners[count++] = static_cast<std::size_t>(vertex.point().id());
      if (count == corners) simplices.push_back(simplex);
    }
  } catch (const std::exception& error) {
    const std::string what = error.what();
    throw NumericalError(
        message("the points have no Delaunay triangulation: ", std::string_view(what).substr(0, what.find('\n'))));
  }
  // Adjacent simplices share the corners of a side.
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
  return simplices;
#else
  static_cast<void>(points);
  throw NotReady("linear interpolation: the library is built without Qhull");
#endif
}

/// The barycentric coordinates of a query, by Cramer's rule; not finite if the simplex is flat.
std::array<double, most_corners> barycentric(MatrixView<const double> points, const Simplex& simplex,
                                             std::span<const double> query) {
  std::array<std::array<double, 3>, 4> edges{};  // of the corners and the query from the first corner
  const auto origin = points.row(simplex.corners[0]);
  for (std::size_t axis = 0; axis < points.cols; ++axis) {
    for (std::size_t corner = 1; corner <= points.cols; ++corner)
      edges[corner - 1][axis] = points(simplex.corners[corner], axis) - origin[axis];
    edges[3][axis] = query[axis] - origin[axis];
  }
  const auto volume = [&](std::size_t a, std::size_t b, std::size_t c) {
    const auto& u = edges[a];
    const auto& v = edges[b];
    const auto& w = edges[c];
    if (points.cols == 2) return u[0] * v[1] - u[1] * v[0];
    return u[0] * (v[1] * w[2] - v[2] * w[1]) - u[1] * (v[0] * w[2] - v[2] * w[0]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
  };
  const double whole = volume(0, 1, 2);
  std::array<double, most_corners> weights{0.0, volume(3, 1, 2) / whole, volume(0, 3, 2) / whole, 0.0};
  if (points.cols == 3) weights[3] = volume(0, 1, 3) / whole;
  weights[0] = 1.0 - weights[1] - weights[2] - weights[3];
  return weights;
}

/// Point location for a sequence of nearby queries: each walk through the triangulation starts from the previous
/// simplex. For one thread.
class Walker {
 public:
  Walker(MatrixView<const double> points, const std::vector<Simplex>& simplices,
         const std::vector<std::vector<std::size_t>>& around, const NearestNeighbors& search)
      : points_(points), simplices_(simplices), around_(around), walk_(search) {}

  /// The simplex that contains a query; or `nothing`, and the nearest point.
  std::pair<std::size_t, std::size_t> find(std::span<const double> query, std::array<double, most_corners>& weights) {
    const auto least_of = [&](std::size_t simplex) {
      weights = barycentric(points_, simplices_[simplex], query);
      return std::min_element(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(points_.cols) + 1);
    };
    for (std::size_t step = 0; step < simplices_.size(); ++step) {
      const auto least = least_of(here_);
      if (*least >= -rounding) return {here_, 0};
      const std::size_t beyond = simplices_[here_].beyond[static_cast<std::size_t>(least - weights.begin())];
      if (!std::isfinite(*least) || beyond == nothing) break;
      here_ = beyond;
    }
    // Outside the hull, or stopped by a flat simplex, as in regular grids: try the simplices around the nearest points.
    std::vector<std::size_t> nearest(std::min<std::size_t>(4, points_.rows));
    walk_.find(query, nearest);
    for (const std::size_t point : nearest)
      for (const std::size_t simplex : around_[point])
        if (*least_of(simplex) >= -rounding) {
          here_ = simplex;
          return {simplex, 0};
        }
    std::vector<std::size_t> first(1);
    std::ranges::sort(nearest);
    double least = std::numeric_limits<double>::infinity();
    for (const std::size_t point : nearest) {
      double square = 0.0;
      for (std::size_t axis = 0; axis < points_.cols; ++axis) square += std::pow(query[axis] - points_(point, axis), 2);
      if (square < least) first[0] = point;
      least = std::min(least, square);
    }
    if (!around_[first[0]].empty()) here_ = around_[first[0]].front();
    return {nothing, first[0]};
  }

 private:
  static constexpr double rounding = 1e-12;

  MatrixView<const double> points_;
  const std::vector<Simplex>& simplices_;
  const std::vector<std::vector<std::size_t>>& around_;  ///< the simplices around each point
  NearestNeighbors::Walk walk_;
  std::size_t here_ = 0;
};

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
  if (points.cols != 2 && points.cols != 3)
    throw InvalidArgument(message("linear interpolation: expected points of dimension 2 or 3, got ", points.cols));
  if (std::ranges::any_of(options.periods, [](double period) { return period != 0.0; }))
    throw InvalidArgument("periods: expected none with linear interpolation");
  // Scaled to the unit cube, because a triangulation depends neither on the unit of length nor on the origin.
  auto from = axes.embedded(points);
  auto to = axes.embedded(queries);
  const auto [low, high] = box_around(as_matrix(std::as_const(from)));
  double extent = 0.0;
  for (std::size_t axis = 0; axis < points.cols; ++axis) extent = std::max(extent, high[axis] - low[axis]);
  if (!(extent > 0.0) || !std::isfinite(extent))
    throw NumericalError("the points have no Delaunay triangulation: they coincide, or are too far apart");
  for (auto* array : {&from, &to})
    for (std::size_t i = 0; i < array->shape(0); ++i)
      for (std::size_t axis = 0; axis < points.cols; ++axis)
        (*array)(i, axis) = ((*array)(i, axis) - low[axis]) / extent;

  const auto from_rows = as_matrix(std::as_const(from));
  const auto to_rows = as_matrix(std::as_const(to));
  const auto simplices = triangulate(from_rows);
  if (simplices.empty()) throw NumericalError("the points have no Delaunay triangulation");
  const std::size_t corners = points.cols + 1;
  std::vector<std::vector<std::size_t>> around(points.rows);
  for (std::size_t s = 0; s < simplices.size(); ++s)
    for (std::size_t corner = 0; corner < corners; ++corner) around[simplices[s].corners[corner]].push_back(s);

  auto rows = SparseRows::of_width(queries.rows, points.rows, corners);
  const NearestNeighbors search(from_rows);
  const auto order = spatial_order(to_rows);
  const std::size_t threads = threads_for(options.threads, 300.0 * static_cast<double>(queries.rows));
  for_each_block(queries.rows, 1024, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    Walker walker(from_rows, simplices, around, search);
    for (std::size_t i = first; i < first + count; ++i) {
      rows.order[i] = static_cast<std::uint32_t>(order[i]);
      std::array<double, most_corners> weights{};
      const auto [simplex, nearest] = walker.find(to_rows.row(order[i]), weights);
      for (std::size_t corner = 0; corner < corners; ++corner) {
        const bool inside = simplex != nothing;
        rows.columns[i * corners + corner] =
            static_cast<std::uint32_t>(inside ? simplices[simplex].corners[corner] : nearest);
        rows.weights[i * corners + corner] = inside ? weights[corner] : corner == 0 ? 1.0 : 0.0;
      }
    }
  });
  return rows;
}

}  // namespace fieldfold
