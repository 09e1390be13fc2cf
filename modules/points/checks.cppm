module;

#include <cstddef>
#include <span>
#include <string_view>

/// Checks of coordinates.
export module fieldfold.points.checks;

import fieldfold.base.arrays;

export namespace fieldfold {

/// \param name  what messages call the coordinates
/// \throws InvalidArgument  one of them is NaN or infinite
void expect_finite_coordinates(std::span<const double> coordinates, std::string_view name);

/// Points as a matrix `(number, dim)`. \param name  what messages call them
/// \throws InvalidArgument  they are not 2-D, have no axis, or are not finite
MatrixView<const double> checked_points(const ArrayRef<double>& points, std::string_view name);

/// The same for points of a known dimension.
/// \throws InvalidArgument  also where they have another one
MatrixView<const double> checked_points(const ArrayRef<double>& points, std::size_t dim, std::string_view name);

}  // namespace fieldfold
