module fieldfold.rbf.system;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.linalg.dense;
import fieldfold.linalg.vector;
import fieldfold.points.affine;
import fieldfold.points.boxes;
import fieldfold.points.regions;
import fieldfold.rbf.kernel;
import fieldfold.rbf.lanes;
import fieldfold.rbf.polynomial;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

/// Evaluation works on blocks of rows of about this many numbers, so that they stay in the cache.
constexpr std::size_t block_numbers = std::size_t{1} << 17;

/// Below this pivot or reciprocal condition the cause of a singular matrix is searched: after rounding, such a matrix
/// can be factorized, with pivots near the rounding unit.
constexpr double suspicious = 1e-12;

MatrixView<const double> matrix_of(const xt::xarray<double>& array) { return as_matrix(array); }

/// Whether two points without smoothing coincide; smoothing makes coincident points admissible.
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

/// A power of two, so that scaling is exact, near 1 over the largest magnitude of the kernel on the points. Kernels
/// vary slowly enough for an estimate from a few distances.
double scale_for(MatrixView<const double> points, const RBFModel& model) {
  double square = 0.0;
  const auto [low, high] = box_around(points);
  for (std::size_t axis = 0; axis < points.cols; ++axis) {
    const double extent = model.epsilon * (high[axis] - low[axis]);
    square += extent * extent;
  }
  double samples[] = {0.0, square / 16.0, square / 4.0, square};
  kernel_loops().kernel_values(model.kernel, samples, std::size(samples));
  return power_of_two_scale(largest_magnitude(samples));
}

}  // namespace

AffineSpan span_of(MatrixView<const double> points, const RBFModel& model, const RowPartition& partition) {
  // A circle has two axes, and the square of the second is redundant.
  std::vector<bool> circles = model.redundant_squares;
  for (std::size_t axis = 1; axis < circles.size(); ++axis)
    if (model.redundant_squares[axis]) circles[axis - 1] = true;
  if (!partition.is_distributed()) return AffineSpan(points, circles);
  return AffineSpan(points, circles, partition, [&] { return least_distance(points, partition); });
}

RBFModel restricted(RBFModel model, const AffineSpan& span) {
  if (span.is_whole() || model.redundant_squares.empty()) return model;
  const auto circles = static_cast<std::size_t>(std::ranges::count(model.redundant_squares, true));
  model.redundant_squares.assign(span.rank(), false);
  for (std::size_t i = 0; i < circles; ++i) model.redundant_squares[span.rank() - 1 - 2 * i] = true;
  return model;
}

RBFModel determined(RBFModel model, MatrixView<const double> points) {
  const AffineSpan span = span_of(points, model);
  const auto coordinates = span.coordinates(points);
  const auto rows = as_matrix(coordinates);
  const RBFModel own = restricted(model, span);
  PolynomialPivots pivots;
  for (; model.degree > 0; --model.degree) {
    Monomials monomials(rows.cols, model.degree, own.redundant_squares);
    monomials.fit(rows);
    if (monomials.size() <= rows.rows && pivots.choose(rows, monomials)) break;
  }
  return model;
}

void RBFBasis::evaluate(std::span<const double> point, std::optional<std::size_t> derivative_axis,
                        std::span<double> values) const {
  if (span == nullptr || span->is_whole()) return evaluate_in_span(point, derivative_axis, values);
  const auto projected = span->coordinates({point.data(), 1, point.size()});
  const std::span<const double> coordinates(projected.data(), projected.size());
  if (!derivative_axis) return evaluate_in_span(coordinates, std::nullopt, values);
  std::vector<double> direction(coordinates.size(), 0.0);
  std::vector<double> slopes(values.size());
  std::ranges::fill(values, 0.0);
  for (std::size_t r = 0; r < coordinates.size(); ++r) {
    direction[r] = 1.0;
    const double along = span->chain(*derivative_axis, direction);
    direction[r] = 0.0;
    evaluate_in_span(coordinates, r, slopes);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += along * slopes[i];
  }
}

void RBFBasis::evaluate_in_span(std::span<const double> point, std::optional<std::size_t> derivative_axis,
                                std::span<double> values) const {
  const std::size_t n = axes.cols;
  const KernelLoops& loops = kernel_loops();
  loops.squared_distances(point.data(), axes.data, axes.stride, point.size(), n, model.epsilon, values.data());
  const std::span<double> polynomial = values.subspan(n);
  if (!derivative_axis) {
    loops.kernel_values(model.kernel, values.data(), n);
    monomials.evaluate(point, polynomial);
    return;
  }
  loops.kernel_slopes(model.kernel, values.data(), n);
  const double* const along = axes.row(*derivative_axis).data();
  const double factor = 2.0 * model.epsilon * model.epsilon;
  for (std::size_t j = 0; j < n; ++j) values[j] *= factor * (point[*derivative_axis] - along[j]);
  std::vector<double> undifferentiated(polynomial.size());
  monomials.evaluate(point, undifferentiated);
  monomials.differentiate(point, undifferentiated, *derivative_axis, polynomial);
}

void RBFBasis::sum(MatrixView<const double> queries, MatrixView<const double> coefficients,
                   std::optional<std::size_t> derivative_axis, MatrixView<double> results) const {
  // As many rows as fit in the cache; coefficients are read once for all of them.
  constexpr std::size_t height = 8;
  std::vector<double> memory(std::min(height, queries.rows) * size());
  for (std::size_t first = 0; first < queries.rows; first += height) {
    const MatrixView<double> rows{memory.data(), std::min(height, queries.rows - first), size()};
    const MatrixView<double> part{results.row(first).data(), rows.rows, results.cols, results.stride};
    for (std::size_t i = 0; i < rows.rows; ++i) evaluate(queries.row(first + i), derivative_axis, rows.row(i));
    vector_loops().multiply_transposed(rows.data, rows.stride, rows.rows, coefficients.data, coefficients.stride,
                                       coefficients.rows, size(), part.data, part.stride);
    for (std::size_t i = 0; i < rows.rows; ++i)
      if (!std::ranges::all_of(part.row(i), [](double value) { return std::isfinite(value); }))
        expect_finite(rows.row(i), model.kernel);
  }
}

RBFSystem::RBFSystem(MatrixView<const double> given, std::span<const double> smoothing, const RBFModel& model)
    : span_(span_of(given, model)),
      model_(restricted(model, span_)),
      monomials_(span_.rank(), model_.degree, model_.redundant_squares) {
  const auto projected = span_.is_whole() ? zeros<double>({0, 0}) : span_.coordinates(given);
  const auto points = span_.is_whole() ? given : as_matrix(projected);
  const std::size_t n = points.rows;
  kernel_scale_ = scale_for(points, model_);
  monomials_.fit(points);
  if (!pivots_.choose(points, monomials_))
    throw NumericalError(message("Singular matrix. The matrix of monomials evaluated at the ", n,
                                 " data points does not have full column rank (", monomials_.size(),
                                 "); use a lower degree or points in more general position"));
  axes_ = xt::xarray<double>::from_shape({points.cols, n});
  std::vector<double> ordered_smoothing(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t axis = 0; axis < points.cols; ++axis) axes_(axis, i) = points(pivots_.order()[i], axis);
    ordered_smoothing[i] = smoothing[pivots_.order()[i]];
  }
  eliminated_.emplace(eliminated(ordered_smoothing));
  if (!eliminated_->is_positive_definite()) {
    eliminated_.reset();
    whole_.emplace(whole(ordered_smoothing));
  }
  if ((eliminated_ ? eliminated_->smallest_pivot() : whole_->reciprocal_condition()) > suspicious) return;
  if (have_twins(points, smoothing)) throw NumericalError("Singular matrix. Two data points coincide");
  if (whole_ && whole_->is_singular())
    throw NumericalError("Singular matrix. The epsilon may be too small for the distances");
}

double RBFSystem::reciprocal_condition() const {
  return eliminated_ ? eliminated_->reciprocal_condition() : whole_->reciprocal_condition();
}

template <class Take>
void RBFSystem::for_each_row(std::span<const double> smoothing, const Take& take) {
  const std::size_t n = axes_.shape(1);
  std::vector<double> point(axes_.shape(0));
  std::vector<double> row(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t axis = 0; axis < point.size(); ++axis) point[axis] = axes_(axis, i);
    const std::span<double> values = std::span(row).first(i + 1);
    kernel_loops().squared_distances(point.data(), axes_.data(), n, point.size(), i + 1, model_.epsilon, values.data());
    kernel_loops().kernel_values(model_.kernel, values.data(), i + 1);
    // The sum is not finite if a value is not.
    double sum = 0.0;
    for (double& value : values) {
      value *= kernel_scale_;
      sum += std::abs(value);
    }
    if (!std::isfinite(sum)) expect_finite(values, model_.kernel);
    values[i] += kernel_scale_ * smoothing[i];
    take(i, values);
  }
}

PositiveDefiniteSystem RBFSystem::eliminated(std::span<const double> smoothing) {
  const std::size_t n = axes_.shape(1);
  const std::size_t m = monomials_.size();
  pivot_block_ = xt::xarray<double>::from_shape({m, m});
  pivot_columns_ = xt::xarray<double>::from_shape({n - m, m});
  ArrayStore<double> store;
  store.reserve(n - m, n - m);
  const auto lower = as_matrix(store.array());
  // W and `K_21 - W K_11 / 2` column by column, for loops over rows.
  std::vector<double> multipliers(m * n);
  std::vector<double> columns(m * n);
  std::vector<double> sums(n, 0.0);
  for_each_row(smoothing, [&](std::size_t i, std::span<const double> row) {
    double sum = 0.0;
    for (std::size_t j = 0; j < i; ++j) {
      sum += std::abs(row[j]);
      sums[j] += std::abs(row[j]);
    }
    sums[i] += sum + std::abs(row[i]);
    if (i < m) {
      for (std::size_t j = 0; j <= i; ++j) pivot_block_(i, j) = pivot_block_(j, i) = row[j];
    } else {
      const std::size_t r = i - m;
      double* const rest = lower.row(r).data();
      std::ranges::copy(row.subspan(m), rest);
      for (std::size_t k = 0; k < m; ++k) {
        double half = 0.0;
        for (std::size_t l = 0; l < m; ++l) half += 0.5 * pivots_.multipliers()(r, l) * pivot_block_(l, k);
        columns[k * n + r] = pivot_columns_(r, k) = row[k] - half;
        multipliers[k * n + r] = pivots_.multipliers()(r, k);
      }
      for (std::size_t k = 0; k < m; ++k) {
        const double w = multipliers[k * n + r];
        const double c = columns[k * n + r];
        for (std::size_t j = 0; j <= r; ++j) rest[j] -= w * columns[k * n + j] + c * multipliers[k * n + j];
      }
    }
  });
  // Each monomial is at most 1.
  norm_ = std::ranges::max(sums) + static_cast<double>(m);
  if (m > 0) norm_ = std::max(norm_, static_cast<double>(n));
  return PositiveDefiniteSystem(std::move(store.array()));
}

SymmetricSystem RBFSystem::whole(std::span<const double> smoothing) {
  const std::size_t n = axes_.shape(1);
  const std::size_t size = n + monomials_.size();
  xt::xarray<double> matrix = zeros<double>({size, size});
  std::vector<double> point(axes_.shape(0));
  for_each_row(smoothing, [&](std::size_t i, std::span<const double> row) {
    for (std::size_t j = 0; j <= i; ++j) matrix(i, j) = matrix(j, i) = row[j];
    for (std::size_t axis = 0; axis < point.size(); ++axis) point[axis] = axes_(axis, i);
    monomials_.evaluate(point, as_matrix(matrix).row(i).subspan(n));
    for (std::size_t j = n; j < size; ++j) matrix(j, i) = matrix(i, j);
  });
  return SymmetricSystem(std::move(matrix));
}

void RBFSystem::solve_rows(MatrixView<double> rows) const {
  if (rows.rows == 0) return;
  if (whole_) return whole_->solve(rows);
  const std::size_t n = axes_.shape(1);
  const std::size_t m = monomials_.size();
  const std::size_t k = rows.rows;
  // The parts of each row: d at the pivots, d at the other points, and p.
  const MatrixView<double> pivots{rows.data, k, m, rows.stride};
  const MatrixView<double> others{rows.data + m, k, n - m, rows.stride};
  const MatrixView<double> polynomial{rows.data + n, k, m, rows.stride};
  for (std::size_t i = 0; i < k; ++i) pivots_.solve_transposed(polynomial.row(i));
  auto start = xt::xarray<double>::from_shape({k, m});
  for (std::size_t i = 0; i < k; ++i) std::ranges::copy(polynomial.row(i), as_matrix(start).row(i).begin());
  const xt::xarray<double> half = scaled(pivot_block_, 0.5);
  // `d_1 - K_11 s / 2`, with s = P_1^-T p in `start`.
  subtract_product_transposed(matrix_of(start), matrix_of(half), pivots);
  subtract_product_transposed(readable(pivots), pivots_.multipliers(), others);
  subtract_product_transposed(matrix_of(start), matrix_of(pivot_columns_), others);
  eliminated_->solve(others);
  // The coefficients at the pivots replace p; the remainder of d_1 stays in its place.
  auto product = xt::xarray<double>::from_shape({k, m});
  multiply(readable(others), pivots_.multipliers(), as_matrix(product));
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < m; ++j) polynomial(i, j) -= product(i, j);
  subtract_product_transposed(readable(polynomial), matrix_of(half), pivots);
  multiply(readable(others), matrix_of(pivot_columns_), as_matrix(product));
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < m; ++j) pivots(i, j) -= product(i, j);
    pivots_.solve(pivots.row(i));
    std::swap_ranges(pivots.row(i).begin(), pivots.row(i).end(), polynomial.row(i).begin());
  }
}

RBFSystem::Solution RBFSystem::solve(MatrixView<const double> values) const {
  const std::size_t n = values.cols;
  const std::size_t size = n + monomials_.size();
  Solution solution{zeros<double>({values.rows, size}), 0.0};
  const auto rows = as_matrix(solution.coefficients);
  for (std::size_t k = 0; k < values.rows; ++k)
    for (std::size_t i = 0; i < n; ++i) rows(k, i) = values(k, pivots_.order()[i]);
  solve_rows(rows);
  // The solution is exact for a matrix perturbed by a rounding unit, so results are perturbed by that share of the sum
  // of magnitudes, |A| |coefficients|, which is far above the values where coefficients cancel.
  for (std::size_t k = 0; k < values.rows; ++k) {
    const double growth = norm_ * largest_magnitude(rows.row(k)) / largest_magnitude(values.row(k));
    if (std::isfinite(growth))
      solution.relative_error = std::max(solution.relative_error, growth * std::numeric_limits<double>::epsilon());
    // Scaled coefficients, so that kernels need no scaling in evaluations.
    for (double& coefficient : rows.row(k).first(n)) coefficient *= kernel_scale_;
  }
  return solution;
}

void RBFSystem::weights(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                        MatrixView<double> weights) const {
  const std::size_t n = axes_.shape(1);
  const std::size_t size = n + monomials_.size();
  const std::size_t block = std::clamp<std::size_t>(block_numbers / size, 64, 512);
  auto values = xt::xarray<double>::from_shape({std::min(block, queries.rows), size});
  for (std::size_t first = 0; first < queries.rows; first += block) {
    const auto rows = as_matrix(values, std::min(block, queries.rows - first), size);
    for (std::size_t i = 0; i < rows.rows; ++i) {
      basis().evaluate(queries.row(first + i), derivative_axis, rows.row(i));
      expect_finite(rows.row(i).first(n), model_.kernel);
      for (double& value : rows.row(i).first(n)) value *= kernel_scale_;
    }
    solve_rows(rows);
    for (std::size_t i = 0; i < rows.rows; ++i)
      for (std::size_t j = 0; j < n; ++j) weights(first + i, pivots_.order()[j]) = rows(i, j);
  }
}

void RBFSystem::evaluate(MatrixView<const double> queries, const Solution& solution,
                         std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                         std::size_t threads) const {
  for_each_block(queries.rows, 256, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    basis().sum({queries.row(first).data(), count, queries.cols, queries.stride}, matrix_of(solution.coefficients),
                derivative_axis, {results.row(first).data(), count, results.cols, results.stride});
  });
}

xt::xarray<double> RBFSystem::leave_one_out_errors(const Solution& solution) const {
  const std::size_t n = axes_.shape(1);
  const auto coefficients = matrix_of(solution.coefficients);
  auto errors = xt::xarray<double>::from_shape({coefficients.rows, n});
  constexpr std::size_t block = 256;
  auto units = xt::xarray<double>::from_shape({std::min(block, n), coefficients.cols});
  for (std::size_t first = 0; first < n; first += block) {
    const auto rows = as_matrix(units, std::min(block, n - first), coefficients.cols);
    std::fill_n(rows.data, rows.rows * rows.cols, 0.0);
    for (std::size_t i = 0; i < rows.rows; ++i) rows(i, first + i) = 1.0;
    solve_rows(rows);
    for (std::size_t i = 0; i < rows.rows; ++i)
      for (std::size_t k = 0; k < coefficients.rows; ++k)
        errors(k, pivots_.order()[first + i]) = coefficients(k, first + i) / (kernel_scale_ * rows(i, first + i));
  }
  return errors;
}

}  // namespace fieldfold
