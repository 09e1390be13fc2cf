module fieldfold.interpolation.local_weights;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;
import fieldfold.points.axes;
import fieldfold.points.morton;
import fieldfold.points.neighbors;
import fieldfold.rbf.interpolator;

namespace fieldfold {
namespace {

/// Rows of `count` entries each, for the nearest points of each query.
/// \param weigh  replaces squared distances by weights
SparseRows neighbor_rows(MatrixView<const double> points, MatrixView<const double> queries, std::size_t count,
                         const RBFOptions& options, const std::function<void(std::span<double>)>& weigh) {
  const Axes axes(options.scales, options.periods);
  axes.expect_dim(points.cols);
  auto embedded_points = axes.embedded(points);
  auto embedded_queries = axes.embedded(queries);
  double largest = 0.0;
  for (const double x : embedded_points) largest = std::max(largest, std::abs(x));
  const double scale = power_of_two_scale(largest);
  for (auto* array : {&embedded_points, &embedded_queries})
    for (double& x : *array) x *= scale;
  const auto from = as_matrix(std::as_const(embedded_points));
  const auto to = as_matrix(std::as_const(embedded_queries));
  auto rows = SparseRows::of_width(queries.rows, points.rows, count);
  const NearestNeighbors search(from);
  const auto order = spatial_order(to);
  const std::size_t threads = threads_for(options.threads, 100.0 * static_cast<double>(rows.columns.size()));
  for_each_block(queries.rows, 1024, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t number) {
    NearestNeighbors::Walk walk(search);
    std::vector<std::size_t> nearest(count);
    for (std::size_t i = first; i < first + number; ++i) {
      const std::size_t q = order[i];
      rows.order[i] = static_cast<std::uint32_t>(q);
      walk.find(to.row(q), nearest);
      const std::span weights = std::span(rows.weights).subspan(i * count, count);
      for (std::size_t j = 0; j < count; ++j) {
        double square = 0.0;
        for (std::size_t axis = 0; axis < to.cols; ++axis) {
          const double difference = to(q, axis) - from(nearest[j], axis);
          square += difference * difference;
        }
        rows.columns[i * count + j] = static_cast<std::uint32_t>(nearest[j]);
        weights[j] = square;
      }
      weigh(weights);
    }
  });
  return rows;
}

}  // namespace

SparseRows nearest_weights(MatrixView<const double> points, MatrixView<const double> queries,
                           const RBFOptions& options) {
  return neighbor_rows(points, queries, 1, options, [](std::span<double> squares) { squares[0] = 1.0; });
}

SparseRows inverse_distance_weights(MatrixView<const double> points, MatrixView<const double> queries,
                                    const RBFOptions& options) {
  const std::size_t count = inverse_distance_neighbors(points.rows, options);
  return neighbor_rows(points, queries, count, options, [&](std::span<double> squares) {
    // Relative to the nearest distance, so that nothing overflows; where that is 0, other points have no weight.
    const double nearest = std::ranges::min(squares);
    double sum = 0.0;
    for (double& square : squares) {
      const double ratio = square == nearest ? 1.0 : nearest / square;
      square = std::pow(ratio, options.power / 2.0);
      sum += square;
    }
    for (double& weight : squares) weight /= sum;
  });
}

std::size_t inverse_distance_neighbors(std::size_t num_points, const RBFOptions& options) {
  constexpr std::size_t usual = 12;
  return std::min(options.neighbors.value_or(usual), num_points);
}

}  // namespace fieldfold
