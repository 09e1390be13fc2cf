module fieldfold.interpolation.method;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.interpolation.delaunay;
import fieldfold.interpolation.local_weights;
import fieldfold.linalg.dense;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.axes;
import fieldfold.points.checks;
import fieldfold.points.duplicates;
import fieldfold.points.neighborhoods;
import fieldfold.points.regions;
import fieldfold.rbf.interpolator;

namespace fieldfold {
namespace {

/// A method whose weights do not depend on values.
struct WeightedMethod {
  std::string_view name;
  SparseRows (*weights)(MatrixView<const double> points, MatrixView<const double> queries, const RBFOptions& options);
};

constexpr std::array weighted_methods{
    WeightedMethod{"nearest", nearest_weights},
    WeightedMethod{"inverse_distance", inverse_distance_weights},
    WeightedMethod{"linear", linear_weights},
};

/// The number of points that a query uses.
std::size_t neighbors_of(std::string_view method, std::size_t num_points, const RBFOptions& options) {
  return method == "nearest" ? 1 : inverse_distance_neighbors(num_points, options);
}

}  // namespace

std::vector<std::string_view> interpolation_methods() {
  std::vector<std::string_view> names{"rbf"};
  for (const auto& method : weighted_methods)
    if (method.weights != linear_weights || delaunay_is_built()) names.push_back(method.name);
  return names;
}

void Interpolation::validate() const {
  const auto known = interpolation_methods();
  if (std::ranges::find(known, method) == known.end())
    throw InvalidArgument(message("interpolate_method: expected one of ", listing(known), "; got ", method));
  fieldfold::validate(options);
}

xt::xarray<double> Interpolation::operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                             const ArrayRef<double>& queries) const {
  validate();
  if (method == "rbf") return RBFInterpolator(points, values, options)(queries);
  const auto matrix = weights(points, queries);
  const std::size_t num_points = points.shape()[0];
  if (values.dimension() == 0 || values.shape()[0] != num_points)
    throw InvalidArgument(
        message("values: expected ", num_points, " along the first axis, got the shape ", shape_text(values.shape())));
  const Shape point_shape(values.shape().begin() + 1, values.shape().end());
  const std::size_t num_queries = queries.shape()[0];
  auto results = xt::xarray<double>::from_shape(joined({num_queries}, point_shape));
  const std::size_t columns = size_of(point_shape);
  apply_interpolation_weights(matrix, {values.data(), num_points, columns}, {results.data(), num_queries, columns},
                              options.threads);
  return results;
}

std::variant<SparseRows, xt::xarray<double>> Interpolation::weights(const ArrayRef<double>& points,
                                                                    const ArrayRef<double>& queries,
                                                                    MatrixView<const double> values) const {
  validate();
  if (method == "rbf") return RBFInterpolator::weights(points, queries, options, values);
  const auto from = checked_points(points, "points");
  const auto to = checked_points(queries, from.cols, "queries");
  if (from.rows == 0) throw InvalidArgument("points: expected at least one, got none");
  if (from.rows > std::numeric_limits<std::uint32_t>::max())
    throw InvalidArgument(message("points: expected fewer than 2^32, got ", from.rows));
  const auto weights_of = std::ranges::find(weighted_methods, method, &WeightedMethod::name)->weights;
  if (!options.merge_duplicates) return weights_of(from, to, options);
  const MergedPoints merged(from);
  const auto distinct = merged.means(from);
  return merged.spread(weights_of(as_matrix(distinct), to, options));
}

RowsOnRanks Interpolation::weights(const RowPartition& partition, const ArrayRef<double>& points,
                                   const ArrayRef<double>& queries) const {
  validate();
  const auto from = checked_points(points, "points");
  const auto to = checked_points(queries, from.cols, "queries");
  const std::size_t total = partition.total(from.rows);
  if (total == 0) throw InvalidArgument("points: expected at least one, got none");
  if (method == "rbf") return RBFInterpolator::weights(partition, points, queries, options);
  if (method == "linear")
    return with_own_columns(partition, from.rows, weights(gathered_rows(partition, from), queries));
  if (options.merge_duplicates)
    throw InvalidArgument("merge_duplicates: expected false, because coincident points of ranks are not merged");
  // Distances are those of embedded points.
  const Axes axes(options.scales, options.periods);
  axes.expect_dim(from.cols);
  const auto rows = axes.embedded(from);
  const auto embedded = axes.embedded(to);
  RBFOptions plain = options;
  plain.scales.clear();
  plain.periods.clear();
  const auto weights_of = std::ranges::find(weighted_methods, method, &WeightedMethod::name)->weights;
  return rows_from_neighbors(
      partition, as_matrix(rows), as_matrix(embedded), neighbors_of(method, total, options),
      [&](const KnownPoints& known, MatrixView<const double> here) { return weights_of(known.rows, here, plain); });
}

void apply_interpolation_weights(const std::variant<SparseRows, xt::xarray<double>>& weights,
                                 MatrixView<const double> values, MatrixView<double> results, std::size_t threads) {
  if (const auto* sparse = std::get_if<SparseRows>(&weights)) {
    const auto operations = static_cast<double>(sparse->columns.size() * values.cols);
    return sparse->multiply(values, results, threads_for(threads, operations));
  }
  multiply(as_matrix(std::get<xt::xarray<double>>(weights)), values, results);
}

}  // namespace fieldfold
