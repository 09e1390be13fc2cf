module fieldfold.rbf.compact;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;
import fieldfold.linalg.sparse_cholesky;
import fieldfold.points.neighbors;
import fieldfold.rbf.kernel;
import fieldfold.rbf.lanes;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

namespace fieldfold {
namespace {

double reach_of(const RBFModel& model) { return 1.0 / std::abs(model.epsilon); }

/// Squared distances of a point from selected points of the cloud, times epsilon squared.
void squares_of(const PointCloud& cloud, std::span<const double> point, std::span<const std::size_t> near,
                std::vector<double>& squares) {
  squares.assign(near.size(), 0.0);
  for (std::size_t j = 0; j < near.size(); ++j)
    for (std::size_t axis = 0; axis < point.size(); ++axis) {
      const double difference = cloud.model.epsilon * (point[axis] - cloud.points(near[j], axis));
      squares[j] += difference * difference;
    }
}

}  // namespace

bool CompactSystem::suits(const PointCloud& cloud) {
  // With fewer points, a dense system takes less than a second.
  constexpr std::size_t many = 4000;
  // Wendland's functions are positive definite in up to three dimensions.
  constexpr std::size_t most_axes = 3;
  const std::size_t n = cloud.points.rows;
  if (!sparse_cholesky_is_built() || !traits(cloud.model.kernel).compact || n < many || cloud.points.cols > most_axes)
    return false;
  // The mean number of points within the support, from a sample.
  constexpr std::size_t samples = 100;
  const NearestNeighbors search(cloud.points);
  std::vector<std::size_t> near;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    search.within(cloud.points.row(i * (n / samples)), reach_of(cloud.model), near);
    seen += near.size();
  }
  return seen / samples < n / 16;
}

CompactSystem::CompactSystem(const PointCloud& cloud)
    : cloud_(cloud),
      monomials_(cloud.points.cols, cloud.model.degree, cloud.model.redundant_squares),
      search_(cloud.points) {
  const std::size_t n = cloud.points.rows;
  const std::size_t m = monomials_.size();
  monomials_.fit(cloud.points);
  SparseRows lower{.cols = n};
  std::vector<std::size_t> near;
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) {
    search_.within(cloud.points.row(i), reach_of(cloud.model), near);
    squares_of(cloud, cloud.points.row(i), near, values);
    kernel_loops().kernel_values(cloud.model.kernel, values.data(), values.size());
    double sum = std::abs(cloud.smoothing[i]);
    std::vector<std::pair<std::size_t, double>> row;
    for (std::size_t j = 0; j < near.size(); ++j) {
      sum += std::abs(values[j]);
      if (near[j] <= i) row.emplace_back(near[j], values[j] + (near[j] == i ? cloud.smoothing[i] : 0.0));
    }
    norm_ = std::max(norm_, sum);
    std::ranges::sort(row);
    for (const auto& [column, value] : row) {
      lower.columns.push_back(static_cast<std::uint32_t>(column));
      lower.weights.push_back(value);
    }
    lower.offsets.push_back(lower.columns.size());
  }
  cholesky_.emplace(lower);
  if (!cholesky_->is_positive_definite())
    throw NumericalError(
        "Singular matrix. Two data points coincide, or epsilon is too small for the distances; smoothing helps");
  solved_monomials_ = xt::xarray<double>::from_shape({m, n});
  xt::xarray<double> schur = zeros<double>({m, m});
  if (m > 0) {
    auto monomials = xt::xarray<double>::from_shape({m, n});
    std::vector<double> own(m);
    for (std::size_t i = 0; i < n; ++i) {
      monomials_.evaluate(cloud.points.row(i), own);
      for (std::size_t k = 0; k < m; ++k) monomials(k, i) = own[k];
    }
    solved_monomials_ = monomials;
    cholesky_->solve(as_matrix(solved_monomials_));
    multiply_transposed(as_matrix(std::as_const(monomials)), as_matrix(std::as_const(solved_monomials_)),
                        as_matrix(schur));
  }
  schur_.emplace(std::move(schur));
  if (m > 0 && !schur_->is_positive_definite())
    throw NumericalError(message("Singular matrix. The matrix of monomials evaluated at the ", n,
                                 " data points does not have full column rank (", m,
                                 "); use a lower degree or points in more general position"));
}

CompactSystem::Solution CompactSystem::solve(MatrixView<const double> values) const {
  const std::size_t n = values.cols;
  const std::size_t m = monomials_.size();
  Solution solution{xt::xarray<double>::from_shape({values.rows, n}), zeros<double>({values.rows, m}), 0.0};
  const auto kernels = as_matrix(solution.kernels);
  const auto polynomial = as_matrix(solution.polynomial);
  // b solves (P^T K^-1 P) b = (K^-1 P)^T d, and a = K^-1 d - K^-1 P b.
  multiply_transposed(values, as_matrix(solved_monomials_), polynomial);
  if (m > 0) schur_->solve(polynomial);
  for (std::size_t k = 0; k < values.rows; ++k) std::ranges::copy(values.row(k), kernels.row(k).begin());
  cholesky_->solve(kernels);
  for (std::size_t k = 0; k < values.rows; ++k) {
    double largest = 0.0;
    double largest_value = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l < m; ++l) kernels(k, i) -= polynomial(k, l) * solved_monomials_(l, i);
      largest = std::max(largest, std::abs(kernels(k, i)));
      largest_value = std::max(largest_value, std::abs(values(k, i)));
    }
    const double growth = norm_ * largest / largest_value;
    if (std::isfinite(growth))
      solution.relative_error = std::max(solution.relative_error, growth * std::numeric_limits<double>::epsilon());
  }
  return solution;
}

void CompactSystem::evaluate(MatrixView<const double> queries, const Solution& solution,
                             std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                             std::size_t threads) const {
  const std::size_t m = monomials_.size();
  const double epsilon = cloud_.model.epsilon;
  for_each_block(queries.rows, 256, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    std::vector<std::size_t> near;
    std::vector<double> values;
    std::vector<double> monomials(m);
    std::vector<double> derivatives(m);
    for (std::size_t q = first; q < first + count; ++q) {
      const auto query = queries.row(q);
      search_.within(query, reach_of(cloud_.model), near);
      squares_of(cloud_, query, near, values);
      monomials_.evaluate(query, monomials);
      if (derivative_axis) {
        kernel_loops().kernel_slopes(cloud_.model.kernel, values.data(), values.size());
        for (std::size_t j = 0; j < near.size(); ++j)
          values[j] *= 2.0 * epsilon * epsilon * (query[*derivative_axis] - cloud_.points(near[j], *derivative_axis));
        monomials_.differentiate(query, monomials, *derivative_axis, derivatives);
        std::ranges::copy(derivatives, monomials.begin());
      } else {
        kernel_loops().kernel_values(cloud_.model.kernel, values.data(), values.size());
      }
      for (std::size_t k = 0; k < results.cols; ++k) {
        double sum = 0.0;
        for (std::size_t j = 0; j < near.size(); ++j) sum += values[j] * solution.kernels(k, near[j]);
        for (std::size_t l = 0; l < m; ++l) sum += monomials[l] * solution.polynomial(k, l);
        results(q, k) = sum;
      }
    }
  });
}

}  // namespace fieldfold
