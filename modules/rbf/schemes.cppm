/// The schemes of radial basis function interpolation: interpolants on fixed points, for any values.
export module fieldfold.rbf.schemes;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;
import fieldfold.points.boxes;
import fieldfold.points.duplicates;
import fieldfold.rbf.compact;
import fieldfold.rbf.local;
import fieldfold.rbf.partition;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

export namespace fieldfold {

/// Warns of the largest rounding error of a call, or throws if it is as large as the values.
/// \throws NumericalError  it is
void check_conditioning(double relative_error) {
  const auto text = [&](std::string_view verdict) {
    // It is an estimate, and its size is all that it says.
    return message("the interpolation is ", verdict, ": rounding may change results by about 1e",
                   static_cast<int>(std::round(std::log10(relative_error))), " of the largest value");
  };
  if (relative_error >= 1.0)
    throw NumericalError(text("too ill-conditioned to be trusted") +
                         "; a larger epsilon, smoothing, scales for axes of other units, or another kernel helps");
  constexpr double half_the_digits = 1e-8;
  if (relative_error > half_the_digits) warn(text("ill-conditioned"));
}

/// The same for stencils; warns of queries off the affine subspace of their stencil, which have the value of their
/// projection.
void check_conditioning(const StencilDefects& defects) {
  check_conditioning(defects.relative_error);
  if (defects.off_span > 0.0)
    warn(message("queries: up to ", defects.off_span,
                 " off the line or plane of their neighbors among the points, and projected to it"));
}

/// One column as rough as the columns of values, whatever their units.
std::vector<double> mixture_of(MatrixView<const double> values) {
  std::vector<double> largest(values.cols, 0.0);
  for (std::size_t i = 0; i < values.rows; ++i)
    for (std::size_t s = 0; s < values.cols; ++s)
      // The comparison is false for NaN, so that columns with NaN are left out.
      largest[s] = std::abs(values(i, s)) <= std::numeric_limits<double>::max()
                       ? std::max(largest[s], std::abs(values(i, s)))
                       : std::numeric_limits<double>::infinity();
  std::vector<double> mixture(values.rows, 0.0);
  for (std::size_t s = 0; s < values.cols; ++s) {
    // Distinct shares, so that columns do not cancel.
    const double share = 1.0 / (largest[s] * static_cast<double>(1 + s));
    if (std::isfinite(share) && share > 0.0)
      for (std::size_t i = 0; i < values.rows; ++i) mixture[i] += share * values(i, s);
  }
  return mixture;
}

/// A smooth function on the bounding box of the points.
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

/// Calls an action, and explains its failure if points without smoothing coincide.
/// \param numbers  `(n,)` of the points in messages; empty: their indices
template <class Action>
auto with_explained_duplicates(MatrixView<const double> points, std::span<const double> smoothing, const Action& action,
                               std::span<const std::uint64_t> numbers = {}) try {
  return action();
} catch (const NumericalError&) {
  auto pairs = coincident_pairs(points, [&](std::size_t i) { return smoothing[i] == 0.0; });
  if (pairs.count == 0) throw;
  if (!numbers.empty()) pairs.first = {numbers[pairs.first.first], numbers[pairs.first.second]};
  throw NumericalError("Singular matrix. " + explanation(pairs));
}

/// The number of threads for a number of operations.
struct Threads {
  std::size_t asked;
  std::size_t operator()(double operations) const { return threads_for(asked, operations); }
};

// Schemes: interpolants on fixed points, for any values. Each has
//   Solution                            the part that depends on the values
//   solve(values)                       the solution for values (P, k)
//   evaluate(queries, solution, ...)    the interpolant at queries, or its derivative along an axis
//   weights(queries, probe)             the interpolant as a matrix; the probe estimates the rounding error
//   bytes()                             the memory of a factorization
//   rounding_error(solution)            an estimate, over the largest value; 0 if made with each query

/// All points in one system. \tparam System  `RBFSystem` or `CompactSystem`
template <class System>
class SystemScheme {
 public:
  using Solution = typename System::Solution;

  Solution solve(MatrixView<const double> values) const {
    auto rows = xt::xarray<double>::from_shape({values.cols, values.rows});
    transpose_into(values, as_matrix(rows));
    auto solution = system_.solve(as_matrix(std::as_const(rows)));
    check_conditioning(solution.relative_error);
    return solution;
  }

  void evaluate(MatrixView<const double> queries, const Solution& solution, std::optional<std::size_t> derivative_axis,
                MatrixView<double> results) const {
    constexpr double share_of_pairs = std::is_same_v<System, RBFSystem> ? 1.0 : 0.1;
    const double pairs = static_cast<double>(queries.rows) * static_cast<double>(num_points_);
    system_.evaluate(queries, solution, derivative_axis, results, threads_(share_of_pairs * pairs));
  }

  double rounding_error(const Solution& solution) const { return solution.relative_error; }
  const System& system() const { return system_; }

 protected:
  template <class... Arguments>
  SystemScheme(std::size_t num_points, Threads threads, const Arguments&... arguments)
      : system_(arguments...), num_points_(num_points), threads_(threads) {}

  System system_;
  std::size_t num_points_;
  Threads threads_;
};

/// All points in one dense system.
class DirectScheme : public SystemScheme<RBFSystem> {
 public:
  DirectScheme(const PointCloud& cloud, Threads threads)
      : SystemScheme(cloud.points.rows, threads, cloud.points, cloud.smoothing,
                     cloud.allow_lower_degree ? determined(cloud.model, cloud.points) : cloud.model) {}

  xt::xarray<double> weights(MatrixView<const double> queries, const std::vector<double>& probe) const {
    check_conditioning(system_.solve({probe.data(), 1, probe.size()}).relative_error);
    auto dense = xt::xarray<double>::from_shape({queries.rows, num_points_});
    system_.weights(queries, std::nullopt, as_matrix(dense));
    return dense;
  }

  std::size_t bytes() const { return num_points_ * num_points_ * sizeof(double); }
};

/// All points in one sparse system.
class CompactScheme : public SystemScheme<CompactSystem> {
 public:
  CompactScheme(const PointCloud& cloud, Threads threads) : SystemScheme(cloud.points.rows, threads, cloud) {}
  std::size_t bytes() const { return system_.bytes(); }
};

/// The nearest points of each query.
class LocalScheme {
 public:
  struct Solution {
    xt::xarray<double> values;  ///< `(P, k)`
    std::vector<double> probe;
  };

  LocalScheme(const PointCloud& cloud, std::size_t neighbors, Threads threads)
      : local_(cloud, neighbors), num_points_(cloud.points.rows), neighbors_(neighbors), threads_(threads) {}

  Solution solve(MatrixView<const double> values) const {
    Solution solution{xt::xarray<double>::from_shape({values.rows, values.cols}), mixture_of(values)};
    std::copy_n(values.data, values.rows * values.cols, solution.values.data());
    return solution;
  }

  void evaluate(MatrixView<const double> queries, const Solution& solution, std::optional<std::size_t> derivative_axis,
                MatrixView<double> results) const {
    const auto values = as_matrix(solution.values);
    check_conditioning(local_.for_each(
        queries, derivative_axis, solution.probe, threads(queries),
        [&](std::size_t, std::size_t query, std::span<const std::size_t> nearest, std::span<const double> weights) {
          const auto sums = results.row(query);
          std::ranges::fill(sums, 0.0);
          for (std::size_t j = 0; j < nearest.size(); ++j)
            for (std::size_t s = 0; s < sums.size(); ++s) sums[s] += weights[j] * values(nearest[j], s);
        }));
  }

  SparseRows weights(MatrixView<const double> queries, const std::vector<double>& probe) const {
    auto sparse = SparseRows::of_width(queries.rows, num_points_, neighbors_);
    check_conditioning(local_.for_each(queries, std::nullopt, probe, threads(queries),
                                       [&](std::size_t place, std::size_t query, std::span<const std::size_t> nearest,
                                           std::span<const double> weights) {
                                         sparse.order[place] = static_cast<std::uint32_t>(query);
                                         for (std::size_t j = 0; j < neighbors_; ++j)
                                           sparse.columns[place * neighbors_ + j] =
                                               static_cast<std::uint32_t>(nearest[j]);
                                         std::ranges::copy(weights, &sparse.weights[place * neighbors_]);
                                       }));
    return sparse;
  }

  std::size_t bytes() const { return 0; }
  double rounding_error(const Solution&) const { return 0.0; }

 private:
  std::size_t threads(MatrixView<const double> queries) const {
    const auto neighbors = static_cast<double>(neighbors_);
    return threads_(static_cast<double>(queries.rows) * neighbors * neighbors);
  }

  LocalInterpolation local_;
  std::size_t num_points_;
  std::size_t neighbors_;
  Threads threads_;
};

/// Clusters of points, blended by a partition of unity.
class PartitionScheme {
 public:
  using Solution = PartitionOfUnity::Solution;

  PartitionScheme(const PointCloud& cloud, std::size_t cluster_size, double overlap, Threads threads)
      : partition_(cloud, cluster_size, overlap, threads(1e3 * static_cast<double>(cloud.points.rows))),
        cluster_size_(static_cast<double>(cluster_size)),
        threads_(threads) {}

  Solution solve(MatrixView<const double> values) const {
    const double operations = cluster_size_ * cluster_size_ * static_cast<double>(values.rows);
    auto solution = partition_.solve(values, threads_(operations));
    check_conditioning(solution.relative_error);
    return solution;
  }

  void evaluate(MatrixView<const double> queries, const Solution& solution, std::optional<std::size_t> derivative_axis,
                MatrixView<double> results) const {
    const double near = 4.0 * (static_cast<double>(queries.rows) * cluster_size_);
    check_conditioning(partition_.evaluate(queries, solution, derivative_axis, results, threads_(near)));
  }

  SparseRows weights(MatrixView<const double> queries, const std::vector<double>& probe) const {
    const double operations = static_cast<double>(queries.rows) * cluster_size_ * cluster_size_;
    auto [rows, defects] = partition_.weights(queries, probe, threads_(operations));
    check_conditioning(defects);
    return std::move(rows);
  }

  std::size_t bytes() const { return 0; }
  double rounding_error(const Solution& solution) const { return solution.relative_error; }

 private:
  PartitionOfUnity partition_;
  double cluster_size_;
  Threads threads_;
};

}  // namespace fieldfold
