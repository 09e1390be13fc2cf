module fieldfold.interpolation.operators;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.interpolation.method;
import fieldfold.linalg.dense;
import fieldfold.linalg.halo;
import fieldfold.linalg.rows_on_ranks;
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

void expect_equal_columns(const Communicator& communicator, std::size_t columns) {
  if (const auto [least, most] = range_of(communicator, static_cast<double>(columns)); least != most)
    throw InvalidArgument(
        message("values: expected the same number of columns on all ranks, got ", least, " to ", most));
}

}  // namespace

InterpolationOperator::InterpolationOperator(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                                             const Interpolation& interpolation, MatrixView<const double> values)
    : weights_(interpolation.weights(points, as_points(queries), values)),
      query_shape_(queries.shape().begin(), queries.shape().end() - 1),
      num_points_(num_columns()) {}

InterpolationOperator::InterpolationOperator(std::shared_ptr<const Communicator> communicator,
                                             const ArrayRef<double>& points, const ArrayRef<double>& queries,
                                             const Interpolation& interpolation)
    : communicator_(std::move(communicator)) {
  together([&] {
    const auto to = as_points(queries);
    query_shape_.assign(queries.shape().begin(), queries.shape().end() - 1);
    if (points.dimension() != 2) throw InvalidArgument("points: expected the shape (num_points, dimension)");
    num_points_ = points.shape()[0];
    if (!communicator_) {
      weights_ = interpolation.weights(points, to);
      return;
    }
    const RowPartition partition(*communicator_, num_points_);
    auto [weights, needed] = interpolation.weights(partition, points, to);
    weights_ = std::move(weights);
    halo_ = make_shared<const Halo>(partition, needed);
  });
}

InterpolationOperator::InterpolationOperator(std::variant<SparseRows, xt::xarray<double>> weights, Shape query_shape)
    : weights_(std::move(weights)), query_shape_(std::move(query_shape)), num_points_(num_columns()) {
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

std::size_t InterpolationOperator::num_columns() const {
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
  if (!halo_) return apply_interpolation_weights(weights_, values, results, threads);
  together([&] {
    auto all = xt::xarray<double>::from_shape({num_columns(), values.cols});
    const auto copy = [&](std::size_t point, std::span<double> row) {
      std::ranges::copy(values.row(point), row.begin());
    };
    for (std::size_t i = 0; i < values.rows; ++i) copy(i, as_matrix(all).row(i));
    expect_equal_columns(*communicator_, values.cols);
    const std::vector<double> others = halo_->values(values.cols, copy);
    std::ranges::copy(others, all.data() + values.rows * values.cols);
    apply_interpolation_weights(weights_, as_matrix(std::as_const(all)), results, threads);
  });
}

xt::xarray<double> InterpolationOperator::operator()(const ArrayRef<double>& values, std::size_t threads) const {
  xt::xarray<double> results;
  together([&] {
    expect_length(values, num_points());
    const Shape point_shape(values.shape().begin() + 1, values.shape().end());
    results = xt::xarray<double>::from_shape(joined({num_queries()}, point_shape));
    const std::size_t columns = size_of(point_shape);
    multiply({values.data(), num_points(), columns}, {results.data(), num_queries(), columns}, threads);
  });
  return results;
}

xt::xarray<double> InterpolationOperator::transposed(const ArrayRef<double>& values, std::size_t threads) const {
  xt::xarray<double> results;
  together([&] {
    expect_length(values, num_queries());
    const Shape point_shape(values.shape().begin() + 1, values.shape().end());
    const std::size_t columns = size_of(point_shape);
    results = zeros<double>(joined({num_columns()}, point_shape));
    const MatrixView<const double> from{values.data(), num_queries(), columns};
    const MatrixView<double> to{results.data(), num_columns(), columns};
    if (const auto* sparse = std::get_if<SparseRows>(&weights_)) {
      const auto operations = static_cast<double>(sparse->columns.size() * columns);
      sparse->multiply_transposed(from, to, threads_for(threads, operations));
    } else {
      add_product_transposed(as_matrix(std::get<xt::xarray<double>>(weights_)), from, to);
    }
    if (!halo_) return;
    expect_equal_columns(*communicator_, columns);
    auto own = xt::xarray<double>::from_shape(joined({num_points()}, point_shape));
    std::copy_n(results.data(), own.size(), own.data());
    const auto add = [&](std::size_t point, std::span<const double> row) {
      for (std::size_t c = 0; c < columns; ++c) own.data()[point * columns + c] += row[c];
    };
    halo_->return_values(columns, std::span(results.data(), results.size()).subspan(own.size()), add);
    results = std::move(own);
  });
  return results;
}

}  // namespace fieldfold
