module fieldfold.interpolation.operators;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.interpolation.method;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;

namespace fieldfold {
namespace {

/// `(*shape, dim)` as `(number, dim)`.
ArrayRef<double> as_points(const ArrayRef<double>& queries) {
  if (queries.dimension() == 0)
    throw InvalidArgument("queries: expected points (*query_shape, dimension), got a scalar");
  const std::size_t dim = queries.shape().back();
  const Shape shape(queries.shape().begin(), queries.shape().end() - 1);
  return {queries.data(), Shape{size_of(shape), dim}};
}

void expect_length(const ArrayRef<double>& values, std::size_t expected) {
  if (values.dimension() == 0 || values.shape()[0] != expected)
    throw InvalidArgument(
        message("values: expected ", expected, " along the first axis, got the shape ", shape_text(values.shape())));
}

}  // namespace

InterpolationOperator::InterpolationOperator(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                                             const Interpolation& interpolation, MatrixView<const double> values)
    : weights_(interpolation.weights(points, as_points(queries), values)),
      query_shape_(queries.shape().begin(), queries.shape().end() - 1) {}

InterpolationOperator::InterpolationOperator(std::variant<SparseRows, xt::xarray<double>> weights, Shape query_shape)
    : weights_(std::move(weights)), query_shape_(std::move(query_shape)) {
  const SparseRows* const sparse = std::get_if<SparseRows>(&weights_);
  if (sparse == nullptr && std::get<xt::xarray<double>>(weights_).dimension() != 2)
    throw InvalidArgument("weights: expected a matrix (queries, points)");
  if (sparse != nullptr && sparse->offsets.empty()) throw InvalidArgument("weights: offsets: expected at least one");
  const auto rows = sparse != nullptr ? sparse->rows() : std::get<xt::xarray<double>>(weights_).shape(0);
  std::size_t queries = 1;
  for (const std::size_t length : query_shape_) {
    if (length > 0 && queries > rows / length + 1)
      throw InvalidArgument("query_shape: expected as many queries as the weights have rows, got more");
    queries *= length;
  }
  if (rows != queries)
    throw InvalidArgument(message("weights: expected ", num_queries(), " rows, one per query, got ", rows));
  if (sparse == nullptr) return;
  const bool fits = sparse->offsets.front() == 0 && std::ranges::is_sorted(sparse->offsets) &&
                    sparse->offsets.back() == sparse->columns.size() &&
                    sparse->columns.size() == sparse->weights.size() &&
                    std::ranges::all_of(sparse->columns, [&](std::uint32_t column) { return column < sparse->cols; });
  std::vector<bool> seen(sparse->order.empty() ? 0 : rows, false);
  for (const std::uint32_t row : sparse->order) {
    if (sparse->order.size() != rows || row >= rows || seen[row])
      throw InvalidArgument("weights: order: expected each row once");
    seen[row] = true;
  }
  if (!fits) throw InvalidArgument("weights: expected consistent offsets, columns and weights");
}

std::size_t InterpolationOperator::num_points() const {
  if (const auto* sparse = std::get_if<SparseRows>(&weights_)) return sparse->cols;
  return std::get<xt::xarray<double>>(weights_).shape(1);
}

std::size_t InterpolationOperator::bytes() const {
  if (const auto* sparse = std::get_if<SparseRows>(&weights_))
    return sparse->offsets.size() * sizeof(std::uint64_t) +
           sparse->columns.size() * (sizeof(std::uint32_t) + sizeof(double)) +
           sparse->order.size() * sizeof(std::uint32_t);
  return std::get<xt::xarray<double>>(weights_).size() * sizeof(double);
}

void InterpolationOperator::multiply(MatrixView<const double> values, MatrixView<double> results,
                                     std::size_t threads) const {
  apply_interpolation_weights(weights_, values, results, threads);
}

xt::xarray<double> InterpolationOperator::operator()(const ArrayRef<double>& values, std::size_t threads) const {
  expect_length(values, num_points());
  const Shape point_shape(values.shape().begin() + 1, values.shape().end());
  auto results = xt::xarray<double>::from_shape(joined({num_queries()}, point_shape));
  const std::size_t columns = size_of(point_shape);
  multiply({values.data(), num_points(), columns}, {results.data(), num_queries(), columns}, threads);
  return results;
}

xt::xarray<double> InterpolationOperator::transposed(const ArrayRef<double>& values, std::size_t threads) const {
  expect_length(values, num_queries());
  const Shape point_shape(values.shape().begin() + 1, values.shape().end());
  const std::size_t columns = size_of(point_shape);
  xt::xarray<double> results = zeros<double>(joined({num_points()}, point_shape));
  const MatrixView<const double> from{values.data(), num_queries(), columns};
  const MatrixView<double> to{results.data(), num_points(), columns};
  if (const auto* sparse = std::get_if<SparseRows>(&weights_))
    sparse->multiply_transposed(from, to, threads_for(threads, static_cast<double>(sparse->columns.size() * columns)));
  else
    add_product_transposed(as_matrix(std::get<xt::xarray<double>>(weights_)), from, to);
  return results;
}

}  // namespace fieldfold
