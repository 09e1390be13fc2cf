/// Spatial order of points along a space-filling curve.
export module fieldfold.points.morton;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// The order of points along a Morton curve through the first three axes (Morton 1966, "A computer oriented geodetic
/// data base and a new technique in file sequencing"): most consecutive points are near each other.
/// \param points  `(n, dim)`, finite  \returns  `(n,)`: indices of the points
std::vector<std::size_t> spatial_order(MatrixView<const double> points);

}  // namespace fieldfold
