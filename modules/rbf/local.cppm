module;

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

/// Interpolation from the nearest points of each query.
export module fieldfold.rbf.local;

import fieldfold.base.arrays;
import fieldfold.points.neighbors;
import fieldfold.rbf.stencils;

export namespace fieldfold {

/// For each query an interpolant of its own, on the points nearest to it; equal distances are decided by index.
/// What is computed are cardinal weights, which multiply whatever values there are.
class LocalInterpolation {
 public:
  /// \param cloud      its memory must outlive this object
  /// \param neighbors  how many points, at most as many as there are, at least the number of monomials
  LocalInterpolation(const PointCloud& cloud, std::size_t neighbors);

  /// Hears for each query the points and their weights, and its place in the order in which queries are gone through:
  /// a spatial one. It is called for different queries by many threads at once.
  using Take = std::function<void(std::size_t place, std::size_t query, std::span<const std::size_t> points,
                                  std::span<const double> weights)>;

  /// Goes through queries, by several threads; for the interpolant, or its derivative along an axis.
  /// \param queries  `(q, dim)`
  /// \param probe    values at all points, by which the error that rounding makes is estimated; or empty
  /// \returns        the largest estimate, over the largest value; 0 without a probe
  /// \throws NumericalError  a neighborhood has no interpolant, as `StencilBatch`; distances or the kernel overflow
  double for_each(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                  std::span<const double> probe, std::size_t threads, const Take& take) const;

 private:
  PointCloud cloud_;
  std::size_t neighbors_;
  NearestNeighbors search_;
};

}  // namespace fieldfold
