module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

module fieldfold.rbf;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;
import fieldfold.neighbors;
import fieldfold.rbf.kernel;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.system;

namespace fieldfold {
namespace {

constexpr double half_the_digits = 1e-8;

MatrixView<const double> checked_points(const ArrayRef<double>& points, std::string_view name) {
  if (points.dimension() != 2)
    throw InvalidArgument(
        message(name, ": expected a 2-D array (number, dimension), got the shape ", shape_text(points.shape())));
  if (!std::ranges::all_of(points.values(), [](double x) { return std::isfinite(x); }))
    throw InvalidArgument(message(name, ": expected finite coordinates, got NaN or infinity"));
  return {points.data(), points.shape()[0], points.shape()[1]};
}

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
void judge(double relative_error) {
  const auto said = [&](std::string_view verdict) {
    return message("the interpolation is ", verdict, ": rounding may change results by about ", relative_error,
                   " of the largest value");
  };
  if (relative_error >= 1.0)
    throw NumericalError(said("too ill-conditioned to be trusted") +
                         "; a larger epsilon, smoothing, or another kernel helps");
  if (relative_error > half_the_digits) warn(said("ill-conditioned"));
}

}  // namespace

void validate(const RBFOptions& options) {
  const KernelTraits& kernel = traits(options.kernel);
  if (!options.epsilon && !kernel.scale_invariant) {
    std::vector<std::string_view> without;
    for (const KernelTraits& other : kernels())
      if (other.scale_invariant) without.push_back(other.name);
    throw InvalidArgument(
        message("epsilon: must be given for the kernel ", kernel.name, "; only ", listing(without), " do without"));
  }
  if (options.epsilon && (!std::isfinite(*options.epsilon) || *options.epsilon == 0.0))
    throw InvalidArgument(message("epsilon: expected a finite number other than 0, got ", *options.epsilon));
  if (options.degree && *options.degree < -1)
    throw InvalidArgument(message("degree: expected at least -1, got ", *options.degree));
  if (options.neighbors && *options.neighbors == 0) throw InvalidArgument("neighbors: expected at least 1, got 0");
  if (options.smoothing.dimension() > 1)
    throw InvalidArgument(
        message("smoothing: expected a scalar or a 1-D array, got one with ", options.smoothing.dimension(), " axes"));
  if (!std::ranges::all_of(options.smoothing, [](double s) { return std::isfinite(s); }))
    throw InvalidArgument("smoothing: expected finite numbers, got NaN or infinity");
}

struct RBFInterpolator::Interpolant {
  RBFModel model;
  std::size_t neighbors;
  Shape point_shape;          ///< of the values at one point
  xt::xarray<double> points;  ///< `(P, N)`
  xt::xarray<double> values;  ///< `(S, P)`: a column of values is a row here
  std::vector<double> smoothing;

  struct Global {
    RBFSystem system;
    RBFSystem::Solution solution;
  };
  std::optional<Global> global;            ///< every query uses all points ...
  std::optional<NearestNeighbors> search;  ///< ... or those found here

  MatrixView<const double> points_view() const { return as_matrix(points, points.shape(0), points.shape(1)); }
  MatrixView<const double> values_view() const { return as_matrix(values, values.shape(0), values.shape(1)); }

  void evaluate_locally(MatrixView<const double> queries, MatrixView<double> results) const {
    const std::size_t dim = points.shape(1);
    std::vector<std::size_t> nearest(neighbors);
    auto local_points = xt::xarray<double>::from_shape({neighbors, dim});
    auto local_values = xt::xarray<double>::from_shape({results.cols, neighbors});
    std::vector<double> local_smoothing(neighbors);
    double relative_error = 0.0;
    for (std::size_t q = 0; q < queries.rows; ++q) {
      search->find(queries.row(q), nearest);
      for (std::size_t j = 0; j < neighbors; ++j) {
        std::ranges::copy(points_view().row(nearest[j]), &local_points(j, 0));
        for (std::size_t s = 0; s < results.cols; ++s) local_values(s, j) = values(s, nearest[j]);
        local_smoothing[j] = smoothing[nearest[j]];
      }
      const RBFSystem system(as_matrix(std::as_const(local_points), neighbors, dim), local_smoothing, model);
      const auto solution = system.solve(as_matrix(std::as_const(local_values), results.cols, neighbors));
      relative_error = std::max(relative_error, solution.relative_error);
      system.evaluate({queries.row(q).data(), 1, dim}, solution, {results.row(q).data(), 1, results.cols});
    }
    judge(relative_error);
  }
};

RBFInterpolator::RBFInterpolator(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                 const RBFOptions& options) {
  const auto point_rows = checked_points(points, "points");
  const std::size_t num_points = point_rows.rows;
  const std::size_t dim = point_rows.cols;
  if (num_points == 0 || dim == 0)
    throw InvalidArgument(
        message("points: expected at least one point of one dimension, got the shape ", shape_text(points.shape())));
  if (values.dimension() == 0 || values.shape()[0] != num_points)
    throw InvalidArgument(message("values: expected ", num_points, " along the first axis, one a point, got the shape ",
                                  shape_text(values.shape())));
  auto made = std::make_shared<Interpolant>();
  made->model = resolve(options);
  made->neighbors = std::min(options.neighbors.value_or(num_points), num_points);
  const std::size_t required = monomial_count(dim, made->model.degree);
  if (required > made->neighbors)
    throw InvalidArgument(message("At least ", required, options.neighbors ? " neighbors" : " data points",
                                  " are required when degree is ", made->model.degree,
                                  " and the number of dimensions is ", dim, "; got ", made->neighbors));
  made->smoothing = spread(options.smoothing, num_points);
  made->point_shape.assign(values.shape().begin() + 1, values.shape().end());
  made->points = points.copy();
  const MatrixView<const double> columns{values.data(), num_points, size_of(made->point_shape)};
  made->values = xt::xarray<double>::from_shape({columns.cols, num_points});
  for (std::size_t i = 0; i < num_points; ++i)
    for (std::size_t s = 0; s < columns.cols; ++s) made->values(s, i) = columns(i, s);

  if (made->neighbors < num_points) {
    made->search.emplace(made->points_view());
  } else {
    RBFSystem system(made->points_view(), made->smoothing, made->model);
    auto solution = system.solve(made->values_view());
    judge(solution.relative_error);
    made->global.emplace(std::move(system), std::move(solution));
  }
  interpolant_ = std::move(made);
}

xt::xarray<double> RBFInterpolator::operator()(const ArrayRef<double>& queries) const {
  const Interpolant& made = *interpolant_;
  const auto query_rows = checked_points(queries, "queries");
  if (query_rows.cols != made.points.shape(1))
    throw InvalidArgument(
        message("queries: expected points of dimension ", made.points.shape(1), ", got ", query_rows.cols));
  auto results = xt::xarray<double>::from_shape(joined({query_rows.rows}, made.point_shape));
  const auto result_rows = as_matrix(results, query_rows.rows, made.values.shape(0));
  if (made.global)
    made.global->system.evaluate(query_rows, made.global->solution, result_rows);
  else
    made.evaluate_locally(query_rows, result_rows);
  return results;
}

}  // namespace fieldfold
