module;

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <xxhash.h>

module fieldfold.interpolation.method;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.interpolation.delaunay;
import fieldfold.interpolation.local_weights;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;
import fieldfold.points.checks;
import fieldfold.rbf.interpolator;

namespace fieldfold {
namespace {

/// A method whose weights are found without values.
struct WeightedMethod {
  std::string_view name;
  SparseRows (*weights)(MatrixView<const double> points, MatrixView<const double> queries, const RBFOptions& options);
};

constexpr std::array weighted_methods{
    WeightedMethod{"nearest", nearest_weights},
    WeightedMethod{"inverse_distance", inverse_distance_weights},
    WeightedMethod{"linear", linear_weights},
};

std::variant<SparseRows, xt::xarray<double>> weights_of(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                                                        const Interpolation& interpolation,
                                                        MatrixView<const double> values) {
  interpolation.validate();
  if (interpolation.method == "rbf") return RBFInterpolator::weights(points, queries, interpolation.options, values);
  const auto from = checked_points(points, "points");
  const auto to = checked_points(queries, from.cols, "queries");
  if (from.rows == 0) throw InvalidArgument("points: expected at least one, got none");
  if (from.rows > UINT32_MAX) throw InvalidArgument(message("points: expected fewer than 2^32, got ", from.rows));
  return std::ranges::find(weighted_methods, interpolation.method, &WeightedMethod::name)
      ->weights(from, to, interpolation.options);
}

/// `(*shape, dim)` as `(number, dim)`.
auto as_points(const ArrayRef<double>& queries) {
  if (queries.dimension() == 0)
    throw InvalidArgument("queries: expected points (*query_shape, dimension), got a scalar");
  const std::size_t dim = queries.shape().back();
  const Shape shape(queries.shape().begin(), queries.shape().end() - 1);
  return xt::adapt(queries.data(), queries.size(), xt::no_ownership(), Shape{size_of(shape), dim});
}

void expect_length(const ArrayRef<double>& values, std::size_t expected) {
  if (values.dimension() == 0 || values.shape()[0] != expected)
    throw InvalidArgument(
        message("values: expected ", expected, " along the first axis, got the shape ", shape_text(values.shape())));
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
  return InterpolationOperator(points, queries, *this)(values, options.threads);
}

InterpolationOperator::InterpolationOperator(const ArrayRef<double>& points, const ArrayRef<double>& queries,
                                             const Interpolation& interpolation, MatrixView<const double> values)
    : weights_(weights_of(points, as_points(queries), interpolation, values)),
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
    if (length > 0 && queries > rows / length + 1) throw InvalidArgument("query_shape: it is larger than the weights");
    queries *= length;
  }
  if (rows != queries)
    throw InvalidArgument(message("weights: expected ", num_queries(), " rows, one a query, got ", rows));
  if (sparse == nullptr) return;
  const bool fits = sparse->offsets.front() == 0 && std::ranges::is_sorted(sparse->offsets) &&
                    sparse->offsets.back() == sparse->columns.size() &&
                    sparse->columns.size() == sparse->weights.size() &&
                    std::ranges::all_of(sparse->columns, [&](std::uint32_t column) { return column < sparse->cols; });
  std::vector<bool> seen(sparse->order.empty() ? 0 : rows, false);
  for (const std::uint32_t row : sparse->order) {
    if (sparse->order.size() != rows || row >= rows || seen[row])
      throw InvalidArgument("weights: the order does not name each row once");
    seen[row] = true;
  }
  if (!fits) throw InvalidArgument("weights: offsets, columns and weights contradict each other");
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
  if (const auto* sparse = std::get_if<SparseRows>(&weights_)) {
    const auto operations = static_cast<double>(sparse->columns.size() * values.cols);
    return sparse->multiply(values, results, threads_for(threads, operations));
  }
  fieldfold::multiply(as_matrix(std::get<xt::xarray<double>>(weights_)), values, results);
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
  xt::xarray<double> results = xt::zeros<double>(joined({num_points()}, point_shape));
  const MatrixView<const double> from{values.data(), num_queries(), columns};
  const MatrixView<double> to{results.data(), num_points(), columns};
  if (const auto* sparse = std::get_if<SparseRows>(&weights_))
    sparse->multiply_transposed(from, to, threads_for(threads, static_cast<double>(sparse->columns.size() * columns)));
  else
    add_product_transposed(as_matrix(std::get<xt::xarray<double>>(weights_)), from, to);
  return results;
}

/// What is kept, the latest first.
struct RememberedInterpolation::Memory {
  using Key = std::array<std::uint64_t, 2>;
  /// What the same coordinates can use again; none: they came once.
  using Kept = std::variant<std::monostate, std::shared_ptr<const InterpolationOperator>,
                            std::shared_ptr<const RBFInterpolator>>;
  struct Entry {
    Key key;
    Kept kept;
    std::size_t bytes;
  };

  explicit Memory(std::size_t most) : most_bytes(most) {}

  static Key key_of(std::initializer_list<const ArrayRef<double>*> arrays) {
    XXH3_state_t* const state = XXH3_createState();
    XXH3_128bits_reset(state);
    for (const auto* array : arrays) {
      for (const std::uint64_t length : array->shape()) XXH3_128bits_update(state, &length, sizeof(length));
      XXH3_128bits_update(state, array->data(), array->size() * sizeof(double));
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return {hash.low64, hash.high64};
  }

  std::optional<Kept> find(const Key& key) {
    const std::scoped_lock lock(guard);
    const auto found = std::ranges::find(entries, key, &Entry::key);
    if (found == entries.end()) return std::nullopt;
    entries.splice(entries.begin(), entries, found);
    return entries.front().kept;
  }

  void keep(const Key& key, Kept kept, std::size_t bytes) {
    // A name of coordinates that came once takes some memory too.
    constexpr std::size_t most_entries = 256;
    if (bytes > most_bytes) return;
    const std::scoped_lock lock(guard);
    std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
    entries.push_front({key, std::move(kept), bytes});
    while (entries.size() > most_entries || total() > most_bytes) entries.pop_back();
  }

  std::size_t total() const {
    std::size_t sum = 0;
    for (const Entry& entry : entries) sum += entry.bytes;
    return sum;
  }

  const std::size_t most_bytes;
  std::mutex guard;
  std::list<Entry> entries;
};

RememberedInterpolation::RememberedInterpolation(Interpolation interpolation, std::size_t most_bytes)
    : interpolation_(std::move(interpolation)), memory_(std::make_shared<Memory>(most_bytes)) {
  interpolation_.validate();
}

std::size_t RememberedInterpolation::bytes() const {
  const std::scoped_lock lock(memory_->guard);
  return memory_->total();
}

void RememberedInterpolation::clear() const {
  const std::scoped_lock lock(memory_->guard);
  memory_->entries.clear();
}

xt::xarray<double> RememberedInterpolation::operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                                       const ArrayRef<double>& queries) const {
  const RBFOptions& options = interpolation_.options;
  const bool is_rbf = interpolation_.method == "rbf";
  if (points.dimension() != 2 || queries.dimension() != 2 || values.dimension() == 0 ||
      values.shape()[0] != points.shape()[0])
    return interpolation_(points, values, queries);  // which says what is wrong
  const std::size_t num_points = points.shape()[0];
  const std::size_t num_queries = queries.shape()[0];
  const bool is_partition = is_rbf && options.method == RBFMethod::partition_of_unity;
  if (is_rbf && !is_partition && options.neighbors.value_or(num_points) >= num_points) {
    // The weights of a global interpolant cost a solution for each query; its factorization is as good as they are.
    const auto key = Memory::key_of({&points});
    if (const auto found = memory_->find(key))
      return std::get<std::shared_ptr<const RBFInterpolator>>(*found)->with_values(values)(queries);
    const auto made = std::make_shared<const RBFInterpolator>(points, values, options);
    memory_->keep(key, made, made->bytes());
    return (*made)(queries);
  }
  // Of a partition of unity about two clusters count for a query.
  const std::size_t entries = is_partition ? 2 * std::min(options.cluster_size, num_points)
                                           : std::min(options.neighbors.value_or(12), num_points);
  const std::size_t entry_bytes = sizeof(double) + sizeof(std::uint32_t);
  if (num_queries > memory_->most_bytes / entry_bytes / std::max<std::size_t>(1, entries))
    return interpolation_(points, values, queries);
  const auto key = Memory::key_of({&points, &queries});
  const auto found = memory_->find(key);
  if (found)
    if (const auto* kept = std::get_if<std::shared_ptr<const InterpolationOperator>>(&*found))
      return (**kept)(values, options.threads);
  if (is_partition && !found) {
    // All weights cost more than to interpolate once: they are made when the same coordinates come again.
    memory_->keep(key, {}, 0);
    return interpolation_(points, values, queries);
  }
  const MatrixView<const double> judged{values.data(), num_points,
                                        values.size() / std::max<std::size_t>(1, num_points)};
  const auto made = std::make_shared<const InterpolationOperator>(points, queries, interpolation_, judged);
  memory_->keep(key, made, made->bytes());
  return (*made)(values, options.threads);
}

}  // namespace fieldfold
