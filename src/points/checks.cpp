module fieldfold.points.checks;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

namespace fieldfold {

void expect_finite_coordinates(std::span<const double> coordinates, std::string_view name) {
  const auto found = std::ranges::find_if(coordinates, [](double x) { return !std::isfinite(x); });
  if (found != coordinates.end()) throw InvalidArgument(message(name, ": expected finite coordinates, got ", *found));
}

MatrixView<const double> checked_points(const ArrayRef<double>& points, std::string_view name) {
  if (points.dimension() != 2 || points.shape()[1] == 0)
    throw InvalidArgument(
        message(name, ": expected a 2-D array (number, dimension), got the shape ", shape_text(points.shape())));
  expect_finite_coordinates(points.values(), name);
  return {points.data(), points.shape()[0], points.shape()[1]};
}

MatrixView<const double> checked_points(const ArrayRef<double>& points, std::size_t dim, std::string_view name) {
  const auto rows = checked_points(points, name);
  if (rows.cols != dim)
    throw InvalidArgument(message(name, ": expected points of dimension ", dim, ", got ", rows.cols));
  return rows;
}

}  // namespace fieldfold
