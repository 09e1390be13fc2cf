/// Coincident points.
export module fieldfold.points.duplicates;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.sparse;

export namespace fieldfold {

/// Coincident points as one, with the means of their values.
class MergedPoints {
 public:
  /// \param points  `(n, dim)`
  explicit MergedPoints(MatrixView<const double> points);

  /// The number of distinct points, and of those given.
  std::size_t size() const { return counts_.size(); }
  std::size_t num_given() const { return groups_.size(); }

  /// The merged point of a given one.
  std::size_t merged_of(std::size_t point) const { return groups_[point]; }

  /// The means of rows over coincident points. \param rows  `(n, k)`  \returns  `(size(), k)`
  xt::xarray<double> means(MatrixView<const double> rows) const;

  /// Weights `(q, n)` of the given points from weights `(q, size())` of the merged ones.
  xt::xarray<double> spread(const xt::xarray<double>& weights) const;
  SparseRows spread(const SparseRows& weights) const;

 private:
  std::vector<std::size_t> groups_;  ///< `(n,)`: the merged point of each given one
  std::vector<std::size_t> counts_;  ///< `(size(),)`: the number of given points of each merged one
};

/// Pairs of coincident points.
struct CoincidentPairs {
  std::size_t count = 0;
  std::pair<std::size_t, std::size_t> first = {};
};

/// "Two data points coincide: ...", with the numbers of the first pair and what helps.
std::string explanation(const CoincidentPairs& pairs);

/// \param points  `(n, dim)`  \param counts  whether pairs with this second point count
CoincidentPairs coincident_pairs(MatrixView<const double> points, const std::function<bool(std::size_t)>& counts);

}  // namespace fieldfold
