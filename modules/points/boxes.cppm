/// Partition of points into boxes.
export module fieldfold.points.boxes;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// A closed box between two corners.
struct Box {
  std::vector<double> low;
  std::vector<double> high;
};

/// The bounding box of points. \param points  `(n, dim)`, n > 0
Box box_around(MatrixView<const double> points);

/// The bounding box of points, split into cells with about equal numbers of points: recursive bisection along the axis
/// of the largest extent of the points, or of the box for 4096 or more points (Bentley 1975,
/// doi:10.1145/361002.361007). Points with equal coordinates on that axis are ordered by index, so that regular grids
/// are split reproducibly.
class Cells {
 public:
  /// \param points  `(n, dim)`, finite, n > 0  \param count  from 1 to n
  Cells(xt::xarray<double> points, std::size_t count);

  std::size_t size() const { return boxes_.size(); }

  /// The bounding box of all points, which the cells fill.
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
  void find(MatrixView<const double> points, std::span<std::size_t> cells) const;

  /// The points in a box: their rows in `points()`, ascending. `found` is overwritten, its memory reused.
  void inside(const Box& box, std::vector<std::size_t>& found) const;

  /// The cells that a box intersects, ascending. Cells at the edge of the domain are unbounded outwards.
  void meeting(const Box& box, std::vector<std::size_t>& found) const;

 private:
  /// A node of the tree.
  struct Node {
    double plane;
    std::size_t axis;
    std::size_t next[2];  ///< the nodes below and above the plane; of a cell: itself
    std::size_t cell;
  };
  struct Scratch;

  void split(std::size_t first, std::size_t last, std::size_t cells, Box box, std::size_t level, Scratch& scratch);
  /// Moves the `below` lowest points along an axis to the front of those from `first` to `last`, and returns the lowest
  /// coordinate of the others.
  double separate(std::size_t first, std::size_t last, std::size_t axis, std::size_t below, Scratch& scratch);
  template <class Visit>
  void for_each_meeting(const Box& box, std::size_t node, const Visit& visit) const;
  MatrixView<const double> rows(std::size_t first, std::size_t last) const;
  std::size_t widest_axis(std::size_t first, std::size_t last, const Box& box) const;

  xt::xarray<double> points_;
  std::vector<std::size_t> order_;
  Box domain_;
  std::vector<Node> nodes_;
  std::size_t depth_ = 0;  ///< of the tree
  std::vector<Box> boxes_;
  std::vector<std::size_t> offsets_;  ///< of the points of each cell, and the end
};

}  // namespace fieldfold
