/// Radial basis function interpolation from the nearest points of each query.
export module fieldfold.rbf.local;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.points.neighbors;
import fieldfold.rbf.stencils;

export namespace fieldfold {

/// One interpolant per query, on the points nearest to it, with ties broken by index. It is computed as cardinal
/// weights, which apply to any values.
class LocalInterpolation {
 public:
  /// \param cloud      its memory must outlive this object
  /// \param neighbors  points per query: at most as many as there are, at least the number of monomials
  LocalInterpolation(const PointCloud& cloud, std::size_t neighbors);

  /// Callback for each query, given its points and their weights, and its place in the spatial order in which queries
  /// are processed. Several threads call it at once, for different queries.
  using Take = std::function<void(std::size_t place, std::size_t query, std::span<const std::size_t> points,
                                  std::span<const double> weights)>;

  /// Computes the weights at all queries, of the interpolant or of its derivative along an axis.
  /// \param queries  `(q, dim)`
  /// \param probe    values at all points, for the estimate of the rounding error; or empty
  /// \returns        the largest defects; without a probe the rounding error is 0
  /// \throws NumericalError  a neighborhood has no interpolant, as `StencilBatch`; distances or the kernel overflow
  StencilDefects for_each(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                          std::span<const double> probe, std::size_t threads, const Take& take) const;

 private:
  PointCloud cloud_;
  std::size_t neighbors_;
  NearestNeighbors search_;
};

}  // namespace fieldfold
