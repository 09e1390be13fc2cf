module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

module fieldfold.rbf.interpolator;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;
import fieldfold.points.axes;
import fieldfold.points.boxes;
import fieldfold.points.checks;
import fieldfold.rbf.compact;
import fieldfold.rbf.kernel;
import fieldfold.rbf.local;
import fieldfold.rbf.partition;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

namespace fieldfold {
namespace {

constexpr double half_the_digits = 1e-8;

RBFModel resolve(const RBFOptions& options) {
  validate(options);
  const KernelTraits& kernel = traits(options.kernel);
  const int degree = options.degree.value_or(std::max(kernel.minimum_degree, 0));
  if (degree > -1 && degree < kernel.minimum_degree)
    warn(message("degree: the kernel ", kernel.name, " expects at least ", kernel.minimum_degree, ", got ", degree,
                 "; the interpolant may not be unique, or the system singular"));
  return {options.kernel, options.epsilon.value_or(1.0), degree};
}

std::vector<double> spread(const xt::xarray<double>& smoothing, std::size_t num_points) {
  if (smoothing.dimension() == 0) return std::vector<double>(num_points, smoothing());
  if (smoothing.shape(0) != num_points)
    throw InvalidArgument(
        message("smoothing: expected a scalar or the shape (", num_points, ",), got (", smoothing.shape(0), ",)"));
  return {smoothing.begin(), smoothing.end()};
}

/// Says what rounding did, once for all systems of a call.
void check_conditioning(double relative_error) {
  const auto said = [&](std::string_view verdict) {
    return message("the interpolation is ", verdict, ": rounding may change results by about ", relative_error,
                   " of the largest value");
  };
  if (relative_error >= 1.0)
    throw NumericalError(said("too ill-conditioned to be trusted") +
                         "; a larger epsilon, smoothing, or another kernel helps");
  if (relative_error > half_the_digits) warn(said("ill-conditioned"));
}

/// One column that is as rough as the columns of values are, whatever their units.
std::vector<double> mixture_of(MatrixView<const double> values) {
  std::vector<double> largest(values.cols, 0.0);
  for (std::size_t i = 0; i < values.rows; ++i)
    for (std::size_t s = 0; s < values.cols; ++s)
      // The comparison is false for NaN, and a column that has one is left out.
      largest[s] = std::abs(values(i, s)) <= std::numeric_limits<double>::max()
                       ? std::max(largest[s], std::abs(values(i, s)))
                       : std::numeric_limits<double>::infinity();
  std::vector<double> mixture(values.rows, 0.0);
  for (std::size_t s = 0; s < values.cols; ++s) {
    // Shares that differ, so that equal columns do not cancel.
    const double share = 1.0 / (largest[s] * static_cast<double>(1 + s));
    if (std::isfinite(share) && share > 0.0)
      for (std::size_t i = 0; i < values.rows; ++i) mixture[i] += share * values(i, s);
  }
  return mixture;
}

/// A function that is smooth over the whole of the points.
std::vector<double> smooth_function_at(MatrixView<const double> points) {
  std::vector<double> values(points.rows, 0.0);
  const auto [low, high] = box_around(points);
  for (std::size_t axis = 0; axis < points.cols; ++axis)
    if (high[axis] > low[axis])
      for (std::size_t i = 0; i < points.rows; ++i)
        values[i] += (points(i, axis) - low[axis]) / (high[axis] - low[axis]);
  for (double& value : values) value = std::cos(3.0 * value);
  return values;
}

}  // namespace

std::vector<std::string_view> rbf_methods() { return {"direct", "partition_of_unity"}; }

RBFMethod rbf_method_named(std::string_view name) { return choice_named<RBFMethod>(name, rbf_methods(), "method"); }

void validate(const RBFOptions& options) {
  const KernelTraits& kernel = traits(options.kernel);
  if (!options.epsilon && !kernel.scale_invariant)
    throw InvalidArgument(message("epsilon: must be given for the kernel ", kernel.name));
  if (options.epsilon && (!std::isfinite(*options.epsilon) || *options.epsilon == 0.0))
    throw InvalidArgument(message("epsilon: expected a finite number other than 0, got ", *options.epsilon));
  if (options.degree && *options.degree < -1)
    throw InvalidArgument(message("degree: expected at least -1, got ", *options.degree));
  if (options.neighbors && *options.neighbors == 0) throw InvalidArgument("neighbors: expected at least 1, got 0");
  if (options.smoothing.dimension() > 1)
    throw InvalidArgument(
        message("smoothing: expected a scalar or one number a point, got ", options.smoothing.dimension(), " axes"));
  if (!std::ranges::all_of(options.smoothing, [](double s) { return std::isfinite(s); }))
    throw InvalidArgument("smoothing: expected finite numbers, got NaN or infinity");
  if (options.cluster_size == 0) throw InvalidArgument("cluster_size: expected at least 1, got 0");
  if (options.overlap && !(*options.overlap >= 0.01 && *options.overlap <= 1.0))
    throw InvalidArgument(message("overlap: expected a number from 0.01 to 1, got ", *options.overlap));
  if (options.method == RBFMethod::partition_of_unity && options.neighbors)
    throw InvalidArgument("neighbors: expected none with the method partition_of_unity, which has cluster_size");
  if (!(options.power > 0.0) || !std::isfinite(options.power))
    throw InvalidArgument(message("power: expected a finite number above 0, got ", options.power));
  Axes(options.scales, options.periods);
}

/// What depends on the points alone.
struct RBFInterpolator::Points {
  RBFOptions options;
  Axes axes;
  std::size_t dim;
  xt::xarray<double> embedded;
  std::vector<double> smoothing;
  PointCloud cloud;
  std::optional<RBFSystem> global;
  std::optional<CompactSystem> compact;
  std::optional<LocalInterpolation> local;
  std::optional<PartitionOfUnity> partition;

  /// \param may_be_sparse  whether a system of a compactly supported kernel may be
  Points(const ArrayRef<double>& points, const RBFOptions& given, bool may_be_sparse = true)
      : options(given), axes(given.scales, given.periods), dim(0), cloud{} {
    const auto rows = checked_points(points, "points");
    const std::size_t num_points = rows.rows;
    dim = rows.cols;
    if (num_points == 0) throw InvalidArgument("points: expected at least one, got none");
    cloud.model = resolve(options);
    axes.expect_dim(dim);
    smoothing = spread(options.smoothing, num_points);
    const bool is_partition = options.method == RBFMethod::partition_of_unity;
    const std::size_t used =
        std::min(is_partition ? options.cluster_size : options.neighbors.value_or(num_points), num_points);
    const auto expect = [&](std::size_t required) {
      if (required > used)
        throw InvalidArgument(message("At least ", required,
                                      is_partition        ? " points in a cluster"
                                      : options.neighbors ? " neighbors"
                                                          : " data points",
                                      " are required when degree is ", cloud.model.degree,
                                      " and the number of dimensions is ", dim, "; got ", used));
    };
    // A periodic axis adds to the monomials; without that they are too many to be counted one by one, perhaps.
    expect(monomial_count(dim, cloud.model.degree));
    embedded = axes.embedded(rows);
    if (!axes.is_plain()) cloud.model.redundant_squares = axes.redundant_squares(dim);
    expect(Monomials(embedded.shape(1), cloud.model.degree, cloud.model.redundant_squares).size());
    cloud.points = as_matrix(std::as_const(embedded));
    cloud.smoothing = smoothing;
    cloud.allow_lower_degree = options.allow_lower_degree;
    if (is_partition && used < num_points)
      partition.emplace(cloud, options.cluster_size, options.overlap.value_or(cloud.points.cols < 3 ? 0.35 : 0.22),
                        threads(1e3 * static_cast<double>(num_points)));
    else if (used < num_points)
      local.emplace(cloud, used);
    else if (may_be_sparse && CompactSystem::suits(cloud))
      compact.emplace(cloud);
    else
      global.emplace(cloud.points, cloud.smoothing,
                     options.allow_lower_degree ? determined(cloud.model, cloud.points) : cloud.model);
  }
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;

  /// Queries as they are embedded.
  xt::xarray<double> checked_queries(const ArrayRef<double>& queries) const {
    return axes.embedded(checked_points(queries, dim, "queries"));
  }

  std::size_t threads(double operations) const { return threads_for(options.threads, operations); }
};

/// What depends on the values too.
struct RBFInterpolator::Solved {
  Shape point_shape;  ///< of the values of a point
  std::size_t columns;
  std::optional<RBFSystem::Solution> global;
  std::optional<CompactSystem::Solution> compact;
  xt::xarray<double> values;  ///< `(P, columns)`, for neighborhoods
  std::vector<double> probe;
  std::optional<PartitionOfUnity::Solution> partition;
};

RBFInterpolator::RBFInterpolator(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                 const RBFOptions& options)
    : RBFInterpolator(
          [&] {
            if (points.dimension() > 0 && (values.dimension() == 0 || values.shape()[0] != points.shape()[0]))
              throw InvalidArgument(message("values: expected ", points.shape()[0],
                                            " along the first axis, one a point, got the shape ",
                                            shape_text(values.shape())));
            return std::make_shared<const Points>(points, options);
          }(),
          values) {}

RBFInterpolator::RBFInterpolator(std::shared_ptr<const Points> points, const ArrayRef<double>& values)
    : points_(std::move(points)) {
  const std::size_t num_points = points_->cloud.points.rows;
  if (values.dimension() == 0 || values.shape()[0] != num_points)
    throw InvalidArgument(message("values: expected ", num_points, " along the first axis, one a point, got the shape ",
                                  shape_text(values.shape())));
  auto solved = std::make_shared<Solved>();
  solved->point_shape.assign(values.shape().begin() + 1, values.shape().end());
  solved->columns = size_of(solved->point_shape);
  const MatrixView<const double> columns{values.data(), num_points, solved->columns};
  if (points_->global || points_->compact) {
    auto rows = xt::xarray<double>::from_shape({columns.cols, num_points});
    for (std::size_t i = 0; i < num_points; ++i)
      for (std::size_t s = 0; s < columns.cols; ++s) rows(s, i) = columns(i, s);
    if (points_->global)
      solved->global = points_->global->solve(as_matrix(std::as_const(rows)));
    else
      solved->compact = points_->compact->solve(as_matrix(std::as_const(rows)));
    check_conditioning(points_->global ? solved->global->relative_error : solved->compact->relative_error);
  } else if (points_->partition) {
    const double size = static_cast<double>(points_->options.cluster_size);
    solved->partition =
        points_->partition->solve(columns, points_->threads(size * size * static_cast<double>(num_points)));
    check_conditioning(solved->partition->relative_error);
  } else {
    solved->values = values.copy();
    solved->probe = mixture_of(columns);
  }
  solved_ = std::move(solved);
}

RBFInterpolator RBFInterpolator::with_values(const ArrayRef<double>& values) const { return {points_, values}; }

std::size_t RBFInterpolator::bytes() const {
  if (points_->compact) return points_->compact->bytes();
  const std::size_t n = points_->global ? points_->cloud.points.rows : 0;
  return n * n * sizeof(double);
}

xt::xarray<double> RBFInterpolator::evaluate(const xt::xarray<double>& embedded,
                                             std::optional<std::size_t> derivative_axis) const {
  const Points& points = *points_;
  const auto queries = as_matrix(embedded);
  const std::size_t columns = solved_->columns;
  auto results = xt::xarray<double>::from_shape({queries.rows, columns});
  const auto rows = as_matrix(results);
  const double pairs = static_cast<double>(queries.rows) * static_cast<double>(points.cloud.points.rows);
  if (points.global) {
    points.global->evaluate(queries, *solved_->global, derivative_axis, rows, points.threads(pairs));
  } else if (points.compact) {
    points.compact->evaluate(queries, *solved_->compact, derivative_axis, rows, points.threads(0.1 * pairs));
  } else if (points.partition) {
    const double near = 4.0 * static_cast<double>(queries.rows * points.options.cluster_size);
    check_conditioning(points.partition->evaluate(queries, *solved_->partition, derivative_axis, rows, points.threads(near)));
  } else {
    const MatrixView<const double> values{solved_->values.data(), points.cloud.points.rows, columns};
    const auto neighbors = static_cast<double>(*points.options.neighbors);
    const std::size_t threads = points.threads(static_cast<double>(queries.rows) * neighbors * neighbors);
    check_conditioning(points.local->for_each(
        queries, derivative_axis, solved_->probe, threads,
        [&](std::size_t, std::size_t query, std::span<const std::size_t> nearest, std::span<const double> weights) {
          const auto sums = rows.row(query);
          std::ranges::fill(sums, 0.0);
          for (std::size_t j = 0; j < nearest.size(); ++j)
            for (std::size_t s = 0; s < columns; ++s) sums[s] += weights[j] * values(nearest[j], s);
        }));
  }
  return results;
}

xt::xarray<double> RBFInterpolator::operator()(const ArrayRef<double>& queries) const {
  auto results = evaluate(points_->checked_queries(queries), std::nullopt);
  results.reshape(joined({queries.shape()[0]}, solved_->point_shape));
  return results;
}

xt::xarray<double> RBFInterpolator::gradient(const ArrayRef<double>& queries) const {
  const Points& points = *points_;
  if (!traits(points.cloud.model.kernel).differentiable)
    throw InvalidArgument(
        message("kernel: expected one that is differentiable, got ", traits(points.cloud.model.kernel).name));
  const auto embedded = points.checked_queries(queries);
  std::vector<xt::xarray<double>> along;
  along.reserve(embedded.shape(1));
  for (std::size_t axis = 0; axis < embedded.shape(1); ++axis) along.push_back(evaluate(embedded, axis));
  auto results =
      xt::xarray<double>::from_shape(joined({queries.shape()[0]}, joined(solved_->point_shape, {points.dim})));
  const MatrixView<double> rows{results.data(), embedded.shape(0), solved_->columns * points.dim};
  const MatrixView<const double> plain{queries.data(), embedded.shape(0), points.dim};
  std::vector<double> derivatives(along.size());
  for (std::size_t q = 0; q < rows.rows; ++q)
    for (std::size_t s = 0; s < solved_->columns; ++s) {
      for (std::size_t axis = 0; axis < along.size(); ++axis) derivatives[axis] = along[axis](q, s);
      for (std::size_t axis = 0; axis < points.dim; ++axis)
        rows(q, s * points.dim + axis) = points.axes.chain(plain.row(q), axis, derivatives);
    }
  return results;
}

double RBFInterpolator::rounding_error() const {
  if (solved_->global) return solved_->global->relative_error;
  if (solved_->compact) return solved_->compact->relative_error;
  return solved_->partition ? solved_->partition->relative_error : 0.0;
}

xt::xarray<double> RBFInterpolator::leave_one_out_errors() const {
  if (!points_->global)
    throw InvalidArgument(
        "leave_one_out_errors: expected an interpolant of all points, by a matrix that is not sparse");
  const auto errors = points_->global->leave_one_out_errors(*solved_->global);
  auto results = xt::xarray<double>::from_shape(joined({errors.shape(1)}, solved_->point_shape));
  transpose_into(as_matrix(errors), as_matrix(results, errors.shape(1), errors.shape(0)));
  return results;
}

std::variant<SparseRows, xt::xarray<double>> RBFInterpolator::weights(const ArrayRef<double>& given,
                                                                      const ArrayRef<double>& queries,
                                                                      const RBFOptions& options,
                                                                      MatrixView<const double> values) {
  const Points points(given, options, false);
  const auto embedded = points.checked_queries(queries);
  const auto rows = as_matrix(embedded);
  const std::size_t num_points = points.cloud.points.rows;
  if (std::max(num_points, rows.rows) > std::numeric_limits<std::uint32_t>::max())
    throw InvalidArgument(message("expected fewer than 2^32 points and queries, got ", num_points, " and ", rows.rows));
  const std::vector<double> probe =
      values.data != nullptr ? mixture_of(values) : smooth_function_at(points.cloud.points);
  if (points.global) {
    const xt::xarray<double> column = xt::adapt(probe, std::vector<std::size_t>{1, num_points});
    check_conditioning(points.global->solve(as_matrix(column)).relative_error);
    auto dense = xt::xarray<double>::from_shape({rows.rows, num_points});
    points.global->weights(rows, std::nullopt, as_matrix(dense));
    return dense;
  }
  const auto size = static_cast<double>(points.partition ? points.options.cluster_size : *points.options.neighbors);
  const std::size_t threads = points.threads(static_cast<double>(rows.rows) * size * size);
  if (points.partition) {
    double relative_error = 0.0;
    auto sparse = points.partition->weights(rows, probe, threads, relative_error);
    check_conditioning(relative_error);
    return sparse;
  }
  const std::size_t neighbors = *points.options.neighbors;
  auto sparse = SparseRows::of_width(rows.rows, num_points, neighbors);
  check_conditioning(points.local->for_each(
      rows, std::nullopt, probe, threads,
      [&](std::size_t place, std::size_t query, std::span<const std::size_t> nearest, std::span<const double> weights) {
        sparse.order[place] = static_cast<std::uint32_t>(query);
        for (std::size_t j = 0; j < neighbors; ++j)
          sparse.columns[place * neighbors + j] = static_cast<std::uint32_t>(nearest[j]);
        std::ranges::copy(weights, &sparse.weights[place * neighbors]);
      }));
  return sparse;
}

}  // namespace fieldfold
