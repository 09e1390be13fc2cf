module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

module fieldfold.rbf.system;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;
import fieldfold.rbf.kernel;
import fieldfold.rbf.polynomial;

namespace fieldfold {
namespace {

/// Evaluation works on blocks of rows of about this many numbers, a few hundred points at a time.
constexpr std::size_t block_numbers = std::size_t{1} << 18;

/// Below this the causes of a singular matrix are looked for; rounding hides it from the factorization, and the matrix
/// comes out with a condition near the rounding unit.
constexpr double suspicious_condition = 1e-12;

xt::xarray<double> axis_by_axis(MatrixView<const double> points) {
  auto axes = xt::xarray<double>::from_shape({points.cols, points.rows});
  for (std::size_t i = 0; i < points.rows; ++i)
    for (std::size_t axis = 0; axis < points.cols; ++axis) axes(axis, i) = points(i, axis);
  return axes;
}

void expect_finite(std::span<const double> kernel_values, Kernel kernel) {
  if (!std::ranges::all_of(kernel_values, [](double value) { return std::isfinite(value); }))
    throw NumericalError(
        message("the kernel ", traits(kernel).name,
                " overflows on these coordinates; a smaller epsilon or a larger unit of length helps"));
}

bool has_full_rank(const Monomials& monomials, MatrixView<const double> points) {
  auto values = xt::xarray<double>::from_shape({points.rows, monomials.size()});
  for (std::size_t i = 0; i < points.rows; ++i)
    monomials.evaluate(points.row(i), as_matrix(values, points.rows, monomials.size()).row(i));
  const auto svd = thin_svd(std::move(values));
  return numerical_rank(svd.s) == monomials.size();
}

/// Whether two points coincide; smoothing tells such points apart.
bool have_twins(MatrixView<const double> points, std::span<const double> smoothing) {
  std::vector<std::span<const double>> sorted;
  sorted.reserve(points.rows);
  for (std::size_t i = 0; i < points.rows; ++i)
    if (smoothing[i] == 0.0) sorted.push_back(points.row(i));
  std::ranges::sort(sorted, [](auto a, auto b) { return std::ranges::lexicographical_compare(a, b); });
  return std::ranges::adjacent_find(sorted, [](auto a, auto b) { return std::ranges::equal(a, b); }) != sorted.end();
}

double largest_magnitude(std::span<const double> values) {
  double largest = 0.0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

RBFSystem::RBFSystem(MatrixView<const double> points, std::span<const double> smoothing, const RBFModel& model)
    : model_(model),
      monomials_(points, model.degree),
      axes_(axis_by_axis(points)),
      system_(assemble(points, smoothing)) {
  if (system_.reciprocal_condition() > suspicious_condition) return;
  if (monomials_.size() > 0 && !has_full_rank(monomials_, points))
    throw NumericalError(message("Singular matrix. The matrix of monomials evaluated at the ", points.rows,
                                 " data points does not have full column rank (", monomials_.size(),
                                 "); use a lower degree or points in more general position"));
  if (have_twins(points, smoothing)) throw NumericalError("Singular matrix. Two data points coincide");
  if (system_.is_singular()) throw NumericalError("Singular matrix. The epsilon may be too small for the distances");
}

xt::xarray<double> RBFSystem::assemble(MatrixView<const double> points, std::span<const double> smoothing) {
  const std::size_t n = points.rows;
  const std::size_t size = n + monomials_.size();
  xt::xarray<double> matrix = xt::zeros<double>({size, size});
  const auto rows = as_matrix(matrix, size, size);
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    evaluate_basis(points.row(i), rows.row(i));
    rows(i, i) += smoothing[i];
    expect_finite(rows.row(i).first(n), model_.kernel);
    largest = std::max(largest, largest_magnitude(rows.row(i).first(n)));
  }
  // A power of two, so that scaling rounds nothing.
  if (largest > 0.0) kernel_scale_ = std::exp2(std::min(-std::ilogb(largest), 1000));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) rows(i, j) *= kernel_scale_;
    for (std::size_t j = n; j < size; ++j) rows(j, i) = rows(i, j);
  }
  return matrix;
}

void RBFSystem::evaluate_basis(std::span<const double> point, std::span<double> values) const {
  const std::size_t n = axes_.shape(1);
  const std::span<double> kernel_values = values.first(n);
  std::ranges::fill(kernel_values, 0.0);
  for (std::size_t axis = 0; axis < point.size(); ++axis)
    for (std::size_t j = 0; j < n; ++j) {
      const double difference = model_.epsilon * (point[axis] - axes_(axis, j));
      kernel_values[j] += difference * difference;
    }
  evaluate_kernel(model_.kernel, kernel_values);
  for (double& value : kernel_values) value *= kernel_scale_;
  monomials_.evaluate(point, values.subspan(n, monomials_.size()));
}

RBFSystem::Solution RBFSystem::solve(MatrixView<const double> values) const {
  const std::size_t n = values.cols;
  const std::size_t size = n + monomials_.size();
  Solution solution{xt::zeros<double>({values.rows, size}), 0.0};
  const auto rows = as_matrix(solution.coefficients, values.rows, size);
  for (std::size_t k = 0; k < values.rows; ++k) std::ranges::copy(values.row(k), rows.row(k).begin());
  system_.solve(rows);
  // The solution is exact for a matrix that is off by a rounding unit, so results are off by that much of what is
  // summed up: |A| |coefficients|, which is far above the values where coefficients cancel.
  for (std::size_t k = 0; k < values.rows; ++k) {
    const double growth = system_.norm() * largest_magnitude(rows.row(k)) / largest_magnitude(values.row(k));
    if (std::isfinite(growth))
      solution.relative_error = std::max(solution.relative_error, growth * std::numeric_limits<double>::epsilon());
  }
  return solution;
}

void RBFSystem::evaluate(MatrixView<const double> queries, const Solution& solution, MatrixView<double> results) const {
  const std::size_t size = solution.coefficients.shape(1);
  const std::size_t block = std::clamp<std::size_t>(block_numbers / size, 1, std::max<std::size_t>(queries.rows, 1));
  auto basis = xt::xarray<double>::from_shape({block, size});
  for (std::size_t first = 0; first < queries.rows; first += block) {
    const std::size_t count = std::min(block, queries.rows - first);
    const auto rows = as_matrix(basis, count, size);
    for (std::size_t i = 0; i < count; ++i) {
      evaluate_basis(queries.row(first + i), rows.row(i));
      expect_finite(rows.row(i), model_.kernel);
    }
    multiply_transposed(readable(rows), as_matrix(solution.coefficients, results.cols, size),
                        MatrixView<double>{results.data + first * results.cols, count, results.cols});
  }
}

}  // namespace fieldfold
