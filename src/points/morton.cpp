module fieldfold.points.morton;

import fieldfold.base.arrays;
import fieldfold.points.boxes;

namespace fieldfold {

std::vector<std::size_t> spatial_order(MatrixView<const double> points) {
  constexpr std::size_t most_axes = 3;
  const std::size_t axes = std::min(most_axes, points.cols);
  const std::size_t bits = axes == 0 ? 0 : 63 / axes;
  std::vector<std::pair<std::uint64_t, std::size_t>> keys(points.rows, {0, 0});
  for (std::size_t i = 0; i < points.rows; ++i) keys[i].second = i;
  if (points.rows == 0) return {};
  const Box box = box_around({points.data, points.rows, axes, points.stride});
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const double low = box.low[axis];
    const double high = box.high[axis];
    // Twenty bits resolve a million steps along the axis.
    const std::size_t used = std::min<std::size_t>(bits, 20);
    const auto most = static_cast<double>((std::uint64_t{1} << used) - 1);
    // Halves, whose differences do not overflow.
    const double width = high / 2 - low / 2;
    for (std::size_t i = 0; i < points.rows; ++i) {
      const double share = width > 0.0 ? (points(i, axis) / 2 - low / 2) / width : 0.0;
      const auto step = static_cast<std::uint64_t>(most * std::min(share, 1.0));
      for (std::size_t bit = 0; bit < used; ++bit) keys[i].first |= (step >> bit & 1) << (bit * axes + axis);
    }
  }
  std::ranges::sort(keys);
  std::vector<std::size_t> order;
  order.reserve(keys.size());
  for (const auto& [key, index] : keys) order.push_back(index);
  return order;
}

}  // namespace fieldfold
