module;

#include <cstddef>
#include <span>
#include <vector>

/// Points split into boxes.
export module fieldfold.points.boxes;

import fieldfold.base.arrays;

export namespace fieldfold {

/// What lies between two corners, faces and all.
struct Box {
  std::vector<double> low;
  std::vector<double> high;
};

/// The smallest box with points in it. \param points  `(n, dim)`, n > 0
Box box_around(MatrixView<const double> points);

/// The box around points, split into cells with about as many points each: again and again in half, along the axis on
/// which the points reach farthest, or of 4096 and more points the box (Bentley 1975, doi:10.1145/361002.361007). Of
/// points at the same place on that axis, those given first go to the lower side, so that regular grids are split
/// reproducibly.
class Cells {
 public:
  /// \param points  `(n, dim)`, finite, n > 0  \param count  from 1 to n
  Cells(xt::xarray<double> points, std::size_t count);

  std::size_t size() const { return boxes_.size(); }

  /// The smallest box with all points in it: what the cells fill.
  const Box& domain() const { return domain_; }
  const Box& box(std::size_t cell) const { return boxes_[cell]; }

  /// How many points a cell has, and the smallest box with them in it.
  std::size_t count(std::size_t cell) const { return offsets_[cell + 1] - offsets_[cell]; }
  Box box_of_points(std::size_t cell) const;

  /// `(n, dim)`, cell by cell.
  MatrixView<const double> points() const { return as_matrix(points_); }

  /// `(n,)`: which of the given points these are; ascending in each cell.
  std::span<const std::size_t> order() const { return order_; }

  /// The cells that points of the domain are in.
  /// \param points  `(q, dim)`  \param cells  `(q,)`
  void find(MatrixView<const double> points, std::span<std::size_t> cells) const;

  /// The points in a box: their rows in `points()`, ascending. What was found before is forgotten, its memory used.
  void inside(const Box& box, std::vector<std::size_t>& found) const;

  /// The cells that a box meets, ascending, where cells at the edge of the domain are taken to reach out of it.
  void meeting(const Box& box, std::vector<std::size_t>& found) const;

 private:
  /// Of a tree.
  struct Node {
    double plane;
    std::size_t axis;
    std::size_t next[2];  ///< the nodes of what lies below the plane and above; of a cell: itself
    std::size_t cell;
  };
  struct Scratch;

  void split(std::size_t first, std::size_t last, std::size_t cells, Box box, std::size_t level, Scratch& scratch);
  /// Moves so many of the points from `first` to `last` that are lowest along an axis before the others, and returns
  /// the lowest coordinate of the others.
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
  std::vector<std::size_t> offsets_;  ///< of the points of each cell, one more at the end
};

}  // namespace fieldfold
