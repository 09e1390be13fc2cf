/// Partition of points into boxes.
export module fieldfold.points.boxes;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// A closed box between two corners.
struct Box {
  std::vector<double> low;
  std::vector<double> high;
};

/// The bounding box of points. \param points  `(n, dim)`, n > 0
Box box_around(MatrixView<const double> points);

/// The same of points of all ranks; collective. \param points  of this rank, possibly none
/// \throws InvalidArgument  no rank has a point
Box box_around(MatrixView<const double> points, const RowPartition& partition);

/// Boxes around parts of sets that are distributed among ranks.
class BoxesOnRanks {
 public:
  BoxesOnRanks(std::size_t boxes, std::size_t dim);
  void include(std::size_t box, std::span<const double> low, std::span<const double> high);
  /// Unites those of all ranks; collective.
  void share(const RowPartition& partition) { partition.maximum(corners_); }
  Box box(std::size_t index) const;
  bool is_empty(std::size_t index) const;

 private:
  std::size_t dim_;
  std::vector<double> corners_;  ///< the lower ones with the opposite sign, so that ranks take the maximum
};

/// The axis along which a box is widest.
std::size_t widest_axis(const Box& box);

/// Whether a box lies in another one.
bool is_inside(const Box& box, const Box& other);

/// The smallest box around two.
Box united(const Box& a, const Box& b);

/// A box with its corners moved into another one; the common part of two that meet.
Box clamped(Box box, const Box& domain);

/// A box widened by a margin on all sides.
Box widened(Box box, double margin);

/// A binary tree of planes that bisect space into cells.
struct BisectionTree {
  struct Node {
    double plane;
    std::size_t axis;
    std::size_t next[2];  ///< the nodes below and above the plane; of a cell: itself
    std::size_t cell;
  };
  std::vector<Node> nodes;  ///< the first is the root
  std::size_t depth = 0;

  /// Finds the cells of points. \param points  `(q, dim)`  \param cells  `(q,)`
  void find(MatrixView<const double> points, std::span<std::size_t> cells) const;

  /// Calls `visit(cell)` for the cells that a box intersects, ascending; cells at the edge are unbounded outwards.
  template <class Visit>
  void for_each_meeting(const Box& box, const Visit& visit, std::size_t index = 0) const {
    const Node& node = nodes[index];
    if (node.next[0] == index) return visit(node.cell);
    if (box.low[node.axis] <= node.plane) for_each_meeting(box, visit, node.next[0]);
    if (box.high[node.axis] >= node.plane) for_each_meeting(box, visit, node.next[1]);
  }
};

/// For fewer points than this a box is split along the axis of the largest extent of its points.
constexpr std::size_t points_for_box = 4096;

/// The bounding box of points, split into cells with about equal numbers of points: recursive bisection along the axis
/// of the largest extent of the points, or of the box for 4096 or more points (Bentley 1975,
/// doi:10.1145/361002.361007). Points with equal coordinates on that axis are ordered by index, so that regular grids
/// are split reproducibly.
class Cells {
 public:
  /// \param points  `(n, dim)`, finite, n > 0  \param count  from 1 to n
  /// \param domain  the box to split, around all points; none: the bounding box
  Cells(xt::xarray<double> points, std::size_t count, std::optional<Box> domain = std::nullopt);

  std::size_t size() const { return boxes_.size(); }

  /// The box that the cells fill.
  const Box& domain() const { return domain_; }
  const Box& box(std::size_t cell) const { return boxes_[cell]; }

  /// The number of points in a cell, and their bounding box.
  std::size_t count(std::size_t cell) const { return offsets_[cell + 1] - offsets_[cell]; }
  Box box_of_points(std::size_t cell) const;

  /// The points `(n, dim)`, cell by cell.
  MatrixView<const double> points() const { return as_matrix(points_); }

  /// `(n,)`: the original indices of `points()`, ascending in each cell.
  std::span<const std::size_t> order() const { return order_; }

  /// Finds the cells of points in the domain.
  /// \param points  `(q, dim)`  \param cells  `(q,)`
  void find(MatrixView<const double> points, std::span<std::size_t> cells) const { tree_.find(points, cells); }

  /// The points in a box: their rows in `points()`, ascending. `found` is overwritten, its memory reused.
  void inside(const Box& box, std::vector<std::size_t>& found) const;

  /// The cells that a box intersects, ascending. Cells at the edge of the domain are unbounded outwards.
  void meeting(const Box& box, std::vector<std::size_t>& found) const;

 private:
  struct Scratch;

  void split(std::size_t first, std::size_t last, std::size_t cells, Box box, std::size_t level, Scratch& scratch);
  /// Moves the `below` lowest points along an axis to the front of those from `first` to `last`, and returns the lowest
  /// coordinate of the others.
  double separate(std::size_t first, std::size_t last, std::size_t axis, std::size_t below, Scratch& scratch);
  MatrixView<const double> rows(std::size_t first, std::size_t last) const;

  xt::xarray<double> points_;
  std::vector<std::size_t> order_;
  Box domain_;
  BisectionTree tree_;
  std::vector<Box> boxes_;
  std::vector<std::size_t> offsets_;  ///< of the points of each cell, and the end
};

}  // namespace fieldfold
