/// The affine subspace that contains points.
export module fieldfold.points.affine;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.points.boxes;

export namespace fieldfold {

/// The affine subspace of lowest dimension that contains points, such as a plane in space or a line in a plane, with
/// orthonormal coordinates in it. Noise of the coordinates is told from directions in which the points are merely
/// close: it is at most a hundredth of the least distance between two points, so that each has a place of its own in
/// the subspace, and either far below the coordinates whose sum it is, as on a slanted plane, or below 1e-10 of their
/// extent.
class AffineSpan {
 public:
  /// \param points  `(n, dim)`, finite, n >= 1
  /// \param kept    `(dim,)`: axes that remain coordinates of the subspace; empty: none
  explicit AffineSpan(MatrixView<const double> points, const std::vector<bool>& kept = {});

  /// The same of points that are distributed among ranks; collective. \param points  of this rank
  /// \param spacing  finds the least distance between two points of all ranks; called by all of them or by none
  AffineSpan(MatrixView<const double> points, const std::vector<bool>& kept, const RowPartition& partition,
             const std::function<double()>& spacing);

  /// The dimension of the space, and of the subspace.
  std::size_t dim() const { return origin_.size(); }
  std::size_t rank() const { return basis_.shape(0); }
  bool is_whole() const { return rank() == dim(); }

  /// The coordinates of the projections on the subspace; for the whole space, the points themselves. Constant axes are
  /// left out without a rotation of the others. Coordinates of `kept` axes follow all others.
  /// \param points  `(k, dim)`  \returns  `(k, rank)`
  xt::xarray<double> coordinates(MatrixView<const double> points) const;

  /// The largest distance of points from the subspace; 0 if it is within rounding errors, or within 1e-5 of the least
  /// distance between the points that span it. \param points  `(k, dim)`
  double distance(MatrixView<const double> points) const;

  /// The derivative along an axis of the space, from those along the coordinates `(rank,)`.
  double chain(std::size_t axis, std::span<const double> derivatives) const;

  /// Warns of points that define the span and are near a subspace of lower dimension, but not in it.
  void warn_if_nearly_flat(std::string_view name) const;

  /// Warns of points off the subspace. \param name  of the points in the warning
  void warn_if_off(MatrixView<const double> points, std::string_view name) const;

 private:
  void restrict_to(MatrixView<const double> points, const std::vector<std::size_t>& varying, double spacing,
                   const Box& box, const RowPartition& partition);

  std::vector<double> origin_;
  xt::xarray<double> basis_ = zeros<double>({0, 0});  ///< `(rank, dim)`, orthonormal rows
  double tolerance_ = 0.0;                            ///< negligible distance
  double nearly_flat_ = 0.0;  ///< distance of the points from a subspace that they are near to, but not in; 0: none
};

/// A fast necessary condition for an `AffineSpan` that is not the whole space.
/// \param points, kept  as for `AffineSpan`
bool may_be_flat(MatrixView<const double> points, const std::vector<bool>& kept = {});

}  // namespace fieldfold
