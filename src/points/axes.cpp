module fieldfold.points.axes;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

namespace fieldfold {

constexpr double two_pi = 2.0 * std::numbers::pi;

Axes::Axes(std::vector<double> scales, std::vector<double> periods)
    : scales_(std::move(scales)), periods_(std::move(periods)) {
  for (const double scale : scales_)
    if (!(scale > 0.0) || !std::isfinite(scale))
      throw InvalidArgument(message("scales: expected finite numbers above 0, got ", scale));
  for (const double period : periods_)
    if (!(period >= 0.0) || !std::isfinite(period))
      throw InvalidArgument(message("periods: expected finite nonnegative numbers, 0 for no period, got ", period));
}

bool Axes::is_plain() const {
  return std::ranges::all_of(scales_, [](double scale) { return scale == 1.0; }) &&
         std::ranges::all_of(periods_, [](double period) { return period == 0.0; });
}

void Axes::expect_dim(std::size_t dim) const {
  if (!scales_.empty() && scales_.size() != dim)
    throw InvalidArgument(message("scales: expected one for each of ", dim, " axes, got ", scales_.size()));
  if (!periods_.empty() && periods_.size() != dim)
    throw InvalidArgument(message("periods: expected one for each of ", dim, " axes, got ", periods_.size()));
}

xt::xarray<double> Axes::embedded(MatrixView<const double> points) const {
  const std::size_t width = redundant_squares(points.cols).size();
  auto result = xt::xarray<double>::from_shape({points.rows, width});
  for (std::size_t i = 0; i < points.rows; ++i)
    for (std::size_t axis = 0, to = 0; axis < points.cols; ++axis) {
      if (period(axis) == 0.0) {
        result(i, to++) = scale(axis) * points(i, axis);
        continue;
      }
      const double radius = scale(axis) * period(axis) / two_pi;
      const double angle = two_pi * std::remainder(points(i, axis), period(axis)) / period(axis);
      result(i, to++) = radius * std::cos(angle);
      result(i, to++) = radius * std::sin(angle);
    }
  if (!std::ranges::all_of(result, [](double x) { return std::isfinite(x); }))
    throw InvalidArgument("scales: the scaled coordinates overflow");
  return result;
}

std::vector<bool> Axes::redundant_squares(std::size_t dim) const {
  std::vector<bool> redundant;
  for (std::size_t axis = 0; axis < dim; ++axis) {
    redundant.push_back(false);
    if (period(axis) != 0.0) redundant.push_back(true);
  }
  return redundant;
}

double Axes::chain(std::span<const double> point, std::size_t axis, std::span<const double> embedded) const {
  std::size_t from = axis;
  for (std::size_t before = 0; before < axis; ++before) from += period(before) != 0.0 ? 1 : 0;
  if (period(axis) == 0.0) return scale(axis) * embedded[from];
  const double angle = two_pi * std::remainder(point[axis], period(axis)) / period(axis);
  return scale(axis) * (std::cos(angle) * embedded[from + 1] - std::sin(angle) * embedded[from]);
}

}  // namespace fieldfold
