/// Nearest-neighbor search in a k-d tree.
export module fieldfold.points.neighbors;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// Nearest-neighbor search in a set of points. Points at equal distance are ordered by index, so that results on
/// regular grids are reproducible.
class NearestNeighbors {
 public:
  /// \param points  `(n, dim)`, finite; they are copied
  explicit NearestNeighbors(MatrixView<const double> points);

  /// The indices of the nearest points, in an order that depends on the query alone.
  /// \param query   `(dim,)`
  /// \param nearest receives as many as its length, at most n
  /// \throws NumericalError  squared distances overflow
  void find(std::span<const double> query, std::span<std::size_t> nearest) const;

  /// The indices of all points within a distance, in an order that depends on the query alone.
  void within(std::span<const double> query, double reach, std::vector<std::size_t>& found) const;

  /// Nearest-neighbor search for a sequence of nearby queries; each result bounds the next search. For one thread; it
  /// must not outlive the `NearestNeighbors`.
  class Walk {
   public:
    explicit Walk(const NearestNeighbors& neighbors) : neighbors_(&neighbors) {}

    /// As `NearestNeighbors::find`, with the same number of neighbors in each call.
    void find(std::span<const double> query, std::span<std::size_t> nearest);

   private:
    const NearestNeighbors* neighbors_;
    std::vector<double> before_;  ///< the previous query; empty: none
    double reach_ = 0.0;          ///< the distance of its farthest neighbor
    std::vector<std::pair<double, std::size_t>> found_;
    std::vector<double> distances_;
    std::vector<std::size_t> ties_;
  };

 private:
  struct Tree;
  std::shared_ptr<const Tree> tree_;
};

/// The distance of each point from the nearest other one.
/// \param points  `(n, dim)`, finite, n >= 2  \returns  `(n,)`
/// \throws NumericalError  squared distances overflow
std::vector<double> nearest_distances(MatrixView<const double> points);

/// The least distance between two distinct points; infinite if all coincide.
double least_distance(MatrixView<const double> points);

/// A fast upper bound of it: the least distance between points of consecutive indices.
double bound_of_least_distance(MatrixView<const double> points);

}  // namespace fieldfold
