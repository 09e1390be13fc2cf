/// Coordinate axes with scales and periods.
export module fieldfold.points.axes;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// Embedding of coordinates before distances are computed. A periodic axis becomes a circle in a plane with the period
/// as its circumference: distances are chords, kernels stay positive definite, and interpolants are periodic, with as
/// many derivatives at the seam as elsewhere.
class Axes {
 public:
  /// \param scales   `(dim,)`: factor of each coordinate; empty: 1 for all
  /// \param periods  `(dim,)`: period of each axis in the unit of its coordinate, 0 for none; empty: 0 for all
  /// \throws InvalidArgument  a scale that is not finite and positive, or a period that is not finite and nonnegative
  Axes(std::vector<double> scales, std::vector<double> periods);

  /// Whether the map is the identity.
  bool is_plain() const;

  /// \throws InvalidArgument  the number of scales or periods is not dim
  void expect_dim(std::size_t dim) const;

  /// The embedded points. \param points  `(n, dim)`, finite  \returns  `(n, dim + periodic axes)`
  /// \throws InvalidArgument  the scaled coordinates overflow
  xt::xarray<double> embedded(MatrixView<const double> points) const;

  /// For each embedded coordinate, whether its square depends on the others: on a circle `x^2 + y^2` is constant, and
  /// polynomials need no `y^2`.
  std::vector<bool> redundant_squares(std::size_t dim) const;

  /// The derivative with respect to one coordinate at a point, from those with respect to the embedded coordinates.
  /// \param point    `(dim,)`
  /// \param axis     index of the coordinate
  /// \param embedded `(dim + periodic axes,)`, the derivatives
  double chain(std::span<const double> point, std::size_t axis, std::span<const double> embedded) const;

 private:
  double scale(std::size_t axis) const { return scales_.empty() ? 1.0 : scales_[axis]; }
  double period(std::size_t axis) const { return periods_.empty() ? 0.0 : periods_[axis]; }

  std::vector<double> scales_;
  std::vector<double> periods_;
};

}  // namespace fieldfold
