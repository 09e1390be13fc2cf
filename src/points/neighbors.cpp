module;

#include <nanoflann.hpp>

module fieldfold.points.neighbors;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;
import fieldfold.points.morton;

namespace fieldfold {
namespace {

/// The points in the form required by nanoflann.
struct PointCloud {
  MatrixView<const double> points;

  std::size_t kdtree_get_point_count() const { return points.rows; }
  double kdtree_get_pt(std::size_t index, std::size_t axis) const { return points(index, axis); }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

/// The k nearest so far, ordered by distance, then index.
class OrderedNeighbors {
 public:
  using DistanceType = double;
  using IndexType = std::size_t;

  explicit OrderedNeighbors(std::size_t capacity) : capacity_(capacity) { best_.reserve(capacity + 1); }

  /// The search skips points that are not nearer than this. It is rounded up so that ties with the last are found.
  double worstDist() const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return full() ? std::nextafter(best_.back().first, infinity) : infinity;
  }

  bool addPoint(double squared_distance, std::size_t index) {
    const std::pair candidate{squared_distance, index};
    best_.insert(std::ranges::upper_bound(best_, candidate), candidate);
    if (best_.size() > capacity_) best_.pop_back();
    return true;
  }

  /// Required by nanoflann; they are already in order.
  void sort() {}

  bool full() const { return best_.size() == capacity_; }
  std::size_t size() const { return best_.size(); }
  const auto& best() const { return best_; }

 private:
  std::size_t capacity_;
  std::vector<std::pair<double, std::size_t>> best_;
};

/// All points within a distance, in the order of the search, which stops at more than `most`.
class WithinReach {
 public:
  using DistanceType = double;
  using IndexType = std::size_t;

  WithinReach(double reach, std::size_t most, std::vector<std::pair<double, std::size_t>>& found)
      : square_(std::nextafter(reach * reach, std::numeric_limits<double>::infinity())), most_(most), found_(found) {}

  double worstDist() const { return square_; }
  bool addPoint(double squared_distance, std::size_t index) {
    found_.emplace_back(squared_distance, index);
    return found_.size() <= most_;
  }
  void sort() {}
  bool full() const { return true; }
  std::size_t size() const { return found_.size(); }

 private:
  double square_;
  std::size_t most_;
  std::vector<std::pair<double, std::size_t>>& found_;
};

}  // namespace

struct NearestNeighbors::Tree {
  using Index =
      nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<double, PointCloud, double, std::size_t>,
                                          PointCloud, -1, std::size_t>;
  /// A power of two that brings coordinates near 1, so that squares neither overflow nor underflow.
  double scale = 1.0;
  std::vector<double> scaled;
  PointCloud cloud;
  Index index;

  explicit Tree(MatrixView<const double> points)
      : scale(scale_of(points)),
        scaled(scaled_by(scale, points)),
        cloud{{scaled.data(), points.rows, points.cols}},
        index(static_cast<int>(points.cols), cloud, nanoflann::KDTreeSingleIndexAdaptorParams(16)) {
    index.buildIndex();
  }

  static double scale_of(MatrixView<const double> points) {
    double largest = 0.0;
    for (std::size_t i = 0; i < points.rows; ++i)
      for (const double x : points.row(i)) largest = std::max(largest, std::abs(x));
    return power_of_two_scale(largest);
  }

  static std::vector<double> scaled_by(double scale, MatrixView<const double> points) {
    std::vector<double> result;
    result.reserve(points.rows * points.cols);
    for (std::size_t i = 0; i < points.rows; ++i)
      for (const double x : points.row(i)) result.push_back(scale * x);
    return result;
  }

  template <class Result>
  void search(Result& result, std::span<const double> query) const {
    index.findNeighbors(result, query.data(), {});
  }
};

NearestNeighbors::NearestNeighbors(MatrixView<const double> points) : tree_(make_shared<const Tree>(points)) {}

void NearestNeighbors::find(std::span<const double> query, std::span<std::size_t> nearest) const {
  Walk(*this).find(query, nearest);
}

void NearestNeighbors::within(std::span<const double> query, double reach, std::vector<std::size_t>& found) const {
  std::vector<std::pair<double, std::size_t>> pairs;
  const auto scaled = Tree::scaled_by(tree_->scale, {query.data(), 1, query.size()});
  WithinReach result(tree_->scale * reach, std::numeric_limits<std::size_t>::max(), pairs);
  tree_->search(result, scaled);
  found.clear();
  for (const auto& [distance, index] : pairs) found.push_back(index);
}

void NearestNeighbors::Walk::find(std::span<const double> given, std::span<std::size_t> nearest) {
  const Tree& tree = *neighbors_->tree_;
  const auto query = Tree::scaled_by(tree.scale, {given.data(), 1, given.size()});
  double square = 0.0;
  for (std::size_t axis = 0; axis < before_.size(); ++axis) {
    const double step = query[axis] - before_[axis];
    square += step * step;
  }
  const double step = std::sqrt(square);
  const auto look_within = [&](double reach, std::size_t most) {
    found_.clear();
    WithinReach within(reach, most, found_);
    tree.search(within, query);
    return found_.size() >= nearest.size() && found_.size() <= most;
  };
  // The previous neighbors are all within the sum of step and reach, up to rounding; most often a smaller radius has
  // enough points. Far from all points the sum would include all of them.
  const double sum = (reach_ + step) * (1.0 + 1e-12);
  const std::size_t most = 8 * nearest.size() + 64;
  const bool is_near = !before_.empty() && step <= reach_;
  if (!is_near || (!look_within(std::min(sum, 1.1 * reach_), most) && !look_within(sum, most))) {
    OrderedNeighbors ordered(nearest.size());
    tree.search(ordered, query);
    if (ordered.size() < nearest.size())
      throw NumericalError("the squared distances between points and query overflow; use a larger unit of length");
    look_within(std::sqrt(ordered.best().back().first) * (1.0 + 1e-12), std::numeric_limits<std::size_t>::max());
  }
  // The result keeps the order of the search, which depends on the query alone.
  distances_.clear();
  for (const auto& entry : found_) distances_.push_back(entry.first);
  const auto last = distances_.begin() + std::ssize(nearest) - 1;
  std::ranges::nth_element(distances_, last);
  const double farthest = *last;
  ties_.clear();
  std::size_t nearer = 0;
  for (const auto& [distance, index] : found_) {
    if (distance < farthest) ++nearer;
    if (distance == farthest) ties_.push_back(index);
  }
  const auto last_tie = ties_.begin() + static_cast<std::ptrdiff_t>(nearest.size() - nearer) - 1;
  std::ranges::nth_element(ties_, last_tie);
  std::size_t taken = 0;
  for (const auto& [distance, index] : found_)
    if (distance < farthest || (distance == farthest && index <= *last_tie)) nearest[taken++] = index;
  before_.assign(query.begin(), query.end());
  reach_ = std::sqrt(farthest);
}

std::vector<double> nearest_distances(MatrixView<const double> points) {
  const NearestNeighbors search(points);
  NearestNeighbors::Walk walk(search);
  std::vector<double> distances(points.rows);
  for (const std::size_t i : spatial_order(points)) {
    std::size_t nearest[2];
    walk.find(points.row(i), nearest);
    const auto other = points.row(nearest[0] == i ? nearest[1] : nearest[0]);
    double length = 0.0;
    for (std::size_t axis = 0; axis < points.cols; ++axis) length = std::hypot(length, other[axis] - points(i, axis));
    distances[i] = length;
  }
  return distances;
}

double least_distance(MatrixView<const double> points) {
  double least = std::numeric_limits<double>::infinity();
  if (points.rows < 2) return least;
  for (const double distance : nearest_distances(points))
    if (distance > 0.0) least = std::min(least, distance);
  return least;
}

double bound_of_least_distance(MatrixView<const double> points) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < points.rows; ++i) {
    double square = 0.0;
    for (std::size_t axis = 0; axis < points.cols; ++axis)
      square += (points(i, axis) - points(i - 1, axis)) * (points(i, axis) - points(i - 1, axis));
    if (square > 0.0) least = std::min(least, square);
  }
  return std::sqrt(least);
}

}  // namespace fieldfold
