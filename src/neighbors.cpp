module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <nanoflann.hpp>

module fieldfold.neighbors;

import fieldfold.arrays;
import fieldfold.diagnostics;

namespace fieldfold {
namespace {

/// The points in the form nanoflann asks for.
struct PointCloud {
  MatrixView<const double> points;

  std::size_t kdtree_get_point_count() const { return points.rows; }
  double kdtree_get_pt(std::size_t index, std::size_t axis) const { return points(index, axis); }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

/// The k best so far, ordered by distance, then index.
class OrderedNeighbors {
 public:
  using DistanceType = double;
  using IndexType = std::size_t;

  explicit OrderedNeighbors(std::size_t capacity) : capacity_(capacity) { best_.reserve(capacity + 1); }

  /// The search skips what is not nearer than this, so a point that ties with the last has to seem nearer.
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

  /// Asked for by nanoflann; they are in order.
  void sort() {}

  bool full() const { return best_.size() == capacity_; }
  std::size_t size() const { return best_.size(); }
  const auto& best() const { return best_; }

 private:
  std::size_t capacity_;
  std::vector<std::pair<double, std::size_t>> best_;
};

}  // namespace

struct NearestNeighbors::Tree {
  using Index =
      nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<double, PointCloud, double, std::size_t>,
                                          PointCloud, -1, std::size_t>;
  PointCloud cloud;
  Index index;

  explicit Tree(MatrixView<const double> points)
      : cloud{points}, index(static_cast<int>(points.cols), cloud, nanoflann::KDTreeSingleIndexAdaptorParams(16)) {
    index.buildIndex();
  }
};

NearestNeighbors::NearestNeighbors(MatrixView<const double> points) : tree_(std::make_shared<const Tree>(points)) {}

void NearestNeighbors::find(std::span<const double> query, std::span<std::size_t> nearest) const {
  OrderedNeighbors found(nearest.size());
  tree_->index.findNeighbors(found, query.data(), {});
  if (found.size() < nearest.size())
    throw NumericalError("the squared distances between points and query overflow; a larger unit of length helps");
  std::ranges::transform(found.best(), nearest.begin(), [](const auto& entry) { return entry.second; });
  std::ranges::sort(nearest);
}

}  // namespace fieldfold
