/// Checks of coordinates.
export module fieldfold.points.checks;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// \param name  of the coordinates in messages
/// \throws InvalidArgument  a coordinate is NaN or infinite
void expect_finite_coordinates(std::span<const double> coordinates, std::string_view name);

/// Points as a matrix `(number, dim)`. \param name  of the points in messages
/// \throws InvalidArgument  the array is not 2-D, the dimension is 0, or a coordinate is not finite
MatrixView<const double> checked_points(const ArrayRef<double>& points, std::string_view name);

/// The same for points of a known dimension.
/// \throws InvalidArgument  also if the dimension differs
MatrixView<const double> checked_points(const ArrayRef<double>& points, std::size_t dim, std::string_view name);

}  // namespace fieldfold
