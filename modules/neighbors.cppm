module;

#include <cstddef>
#include <memory>
#include <span>

/// Nearest neighbors among points, by a k-d tree.
export module fieldfold.neighbors;

import fieldfold.arrays;
import fieldfold.diagnostics;

export namespace fieldfold {

/// Finds the nearest of a set of points. Points at equal distance are taken in the order of their index, so that
/// results on regular grids are reproducible.
class NearestNeighbors {
 public:
  /// \param points  `(n, dim)`, finite; must outlive this object
  explicit NearestNeighbors(MatrixView<const double> points);

  /// The indices of the nearest points, ascending by index.
  /// \param query   `(dim,)`
  /// \param nearest as many as its length; at most n
  /// \throws NumericalError  squared distances overflow
  void find(std::span<const double> query, std::span<std::size_t> nearest) const;

 private:
  struct Tree;
  std::shared_ptr<const Tree> tree_;
};

}  // namespace fieldfold
