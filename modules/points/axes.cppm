module;

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

/// Axes of coordinates that have units or periods of their own.
export module fieldfold.points.axes;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

export namespace fieldfold {

/// How coordinates are embedded before distances are taken. A periodic axis becomes a circle in a plane whose
/// circumference is the period: distances are chords, kernels stay positive definite, and what is interpolated has the
/// period, with as many derivatives as elsewhere.
class Axes {
 public:
  /// \param scales   `(dim,)`: what each coordinate is multiplied by; none: 1 for all
  /// \param periods  `(dim,)`: the period of each axis in the unit of its coordinate, 0 where it has none; none: none
  /// \throws InvalidArgument  a scale that is not finite or not above 0, or a period that is not finite or negative
  Axes(std::vector<double> scales, std::vector<double> periods);

  /// Whether nothing changes.
  bool is_plain() const;

  /// \throws InvalidArgument  there are scales or periods of another number than dim
  void expect_dim(std::size_t dim) const;

  /// Points as they are embedded. \param points  `(n, dim)`, finite  \returns  `(n, dim + periodic axes)`
  /// \throws InvalidArgument  coordinates times their scales overflow
  xt::xarray<double> embedded(MatrixView<const double> points) const;

  /// For each embedded coordinate whether its square follows from others: of a point on a circle
  /// `x^2 + y^2` is constant, and polynomials need no `y^2`.
  std::vector<bool> redundant_squares(std::size_t dim) const;

  /// The derivative with respect to one coordinate, from those with respect to the embedded ones, at a point.
  /// \param point    `(dim,)`
  /// \param axis     of the coordinate
  /// \param embedded `(dim + periodic axes,)`
  double chain(std::span<const double> point, std::size_t axis, std::span<const double> embedded) const;

 private:
  double scale(std::size_t axis) const { return scales_.empty() ? 1.0 : scales_[axis]; }
  double period(std::size_t axis) const { return periods_.empty() ? 0.0 : periods_[axis]; }

  std::vector<double> scales_;
  std::vector<double> periods_;
};

}  // namespace fieldfold
