module fieldfold.rbf.interpolator;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.linalg.dense;
import fieldfold.linalg.sparse;
import fieldfold.points.affine;
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
                 "; the interpolant may not be unique, or the system may be singular"));
  return {options.kernel, options.epsilon.value_or(1.0), degree};
}

std::vector<double> spread(const xt::xarray<double>& smoothing, std::size_t num_points) {
  if (smoothing.dimension() == 0) return std::vector<double>(num_points, smoothing());
  if (smoothing.shape(0) != num_points)
    throw InvalidArgument(
        message("smoothing: expected a scalar or the shape (", num_points, ",), got (", smoothing.shape(0), ",)"));
  return {smoothing.begin(), smoothing.end()};
}

void expect_length(const ArrayRef<double>& values, std::size_t num_points) {
  if (values.dimension() == 0 || values.shape()[0] != num_points)
    throw InvalidArgument(message("values: expected ", num_points,
                                  " along the first axis, one per point, got the shape ", shape_text(values.shape())));
}

/// Warns of the largest rounding error of a call, or throws if it is as large as the values.
void check_conditioning(double relative_error) {
  const auto text = [&](std::string_view verdict) {
    return message("the interpolation is ", verdict, ": rounding may change results by about ", relative_error,
                   " of the largest value");
  };
  if (relative_error >= 1.0)
    throw NumericalError(text("too ill-conditioned to be trusted") +
                         "; a larger epsilon, smoothing, or another kernel helps");
  if (relative_error > half_the_digits) warn(text("ill-conditioned"));
}

/// The same for stencils; a query off the affine subspace of its stencil has the value of its projection.
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
        message("smoothing: expected a scalar or one number per point, got ", options.smoothing.dimension(), " axes"));
  if (!std::ranges::all_of(options.smoothing, [](double s) { return std::isfinite(s); }))
    throw InvalidArgument("smoothing: expected finite numbers, got NaN or infinity");
  if (options.cluster_size == 0) throw InvalidArgument("cluster_size: expected at least 1, got 0");
  if (options.overlap && !(*options.overlap >= 0.01 && *options.overlap <= 1.0))
    throw InvalidArgument(message("overlap: expected a number from 0.01 to 1, got ", *options.overlap));
  if (options.method == RBFMethod::partition_of_unity && options.neighbors)
    throw InvalidArgument("neighbors: expected none with the method partition_of_unity, which uses cluster_size");
  if (!(options.power > 0.0) || !std::isfinite(options.power))
    throw InvalidArgument(message("power: expected a finite number above 0, got ", options.power));
  Axes(options.scales, options.periods);
}

namespace {

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

using Scheme = std::variant<DirectScheme, CompactScheme, LocalScheme, PartitionScheme>;

/// The purpose of an interpolant; a sparse system gives no weights.
enum class Purpose : std::uint8_t { values, weights };

}  // namespace

/// The part that depends on the points alone.
struct RBFInterpolator::Points {
  Axes axes;
  std::size_t dim;
  xt::xarray<double> embedded;
  std::optional<AffineSpan> span;  ///< of the embedded points; none: the whole space
  std::vector<double> smoothing;
  PointCloud cloud;
  std::optional<Scheme> scheme;

  Points(const ArrayRef<double>& points, const RBFOptions& options, Purpose purpose)
      : axes(options.scales, options.periods), dim(0), cloud{} {
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
    embedded = axes.embedded(rows);
    if (!axes.is_plain()) cloud.model.redundant_squares = axes.redundant_squares(dim);
    restrict_to_span();
    const std::size_t circles = static_cast<std::size_t>(std::ranges::count(cloud.model.redundant_squares, true));
    const std::size_t dimensions = embedded.shape(1) - circles;
    const auto expect_points = [&](std::size_t required) {
      if (required > used)
        throw InvalidArgument(message("At least ", required,
                                      is_partition        ? " points in a cluster"
                                      : options.neighbors ? " neighbors"
                                                          : " data points",
                                      " are required when degree is ", cloud.model.degree,
                                      " and the number of dimensions is ", dimensions, "; got ", used));
    };
    // First without the axes that periods add: with them there may be too many monomials to enumerate.
    expect_points(monomial_count(dimensions, cloud.model.degree));
    expect_points(Monomials(embedded.shape(1), cloud.model.degree, cloud.model.redundant_squares).size());
    cloud.points = as_matrix(std::as_const(embedded));
    cloud.smoothing = smoothing;
    cloud.allow_lower_degree = options.allow_lower_degree;
    const Threads threads{options.threads};
    if (is_partition && used < num_points)
      scheme.emplace(std::in_place_type<PartitionScheme>, cloud, options.cluster_size,
                     options.overlap.value_or(cloud.points.cols < 3 ? 0.35 : 0.22), threads);
    else if (used < num_points)
      scheme.emplace(std::in_place_type<LocalScheme>, cloud, used, threads);
    else if (purpose == Purpose::values && CompactSystem::suits(cloud))
      scheme.emplace(std::in_place_type<CompactScheme>, cloud, threads);
    else
      scheme.emplace(std::in_place_type<DirectScheme>, cloud, threads);
  }
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;

  /// Queries in the coordinates of the embedded points.
  xt::xarray<double> embedded_queries(const ArrayRef<double>& queries) const {
    auto result = axes.embedded(checked_points(queries, dim, "queries"));
    if (!span) return result;
    const auto rows = as_matrix(std::as_const(result));
    span->warn_if_off(rows, "queries");
    return span->coordinates(rows);
  }

  /// Replaces coordinates by those in the affine subspace of the points.
  void restrict_to_span() {
    const auto rows = as_matrix(std::as_const(embedded));
    AffineSpan own = span_of(rows, cloud.model);
    own.warn_if_nearly_flat("points");
    if (own.is_whole()) return;
    own.warn_if_off(rows, "points");
    embedded = own.coordinates(rows);
    cloud.model = restricted(std::move(cloud.model), own);
    span = std::move(own);
  }
};

/// The part that depends on the values too.
struct RBFInterpolator::Solved {
  Shape point_shape;  ///< of the values at one point
  std::size_t columns;
  std::variant<DirectScheme::Solution, CompactScheme::Solution, LocalScheme::Solution, PartitionScheme::Solution>
      solution;

  template <class OneScheme>
  const typename OneScheme::Solution& of(const OneScheme&) const {
    return std::get<typename OneScheme::Solution>(solution);
  }
};

RBFInterpolator::RBFInterpolator(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                 const RBFOptions& options)
    : RBFInterpolator(
          [&] {
            if (points.dimension() > 0) expect_length(values, points.shape()[0]);
            return make_shared<const Points>(points, options, Purpose::values);
          }(),
          values) {}

RBFInterpolator::RBFInterpolator(std::shared_ptr<const Points> points, const ArrayRef<double>& values)
    : points_(std::move(points)) {
  const std::size_t num_points = points_->cloud.points.rows;
  expect_length(values, num_points);
  auto solved = make_shared<Solved>();
  solved->point_shape.assign(values.shape().begin() + 1, values.shape().end());
  solved->columns = size_of(solved->point_shape);
  const MatrixView<const double> columns{values.data(), num_points, solved->columns};
  std::visit([&](const auto& scheme) { solved->solution = scheme.solve(columns); }, *points_->scheme);
  solved_ = std::move(solved);
}

RBFInterpolator RBFInterpolator::with_values(const ArrayRef<double>& values) const { return {points_, values}; }

std::size_t RBFInterpolator::bytes() const {
  return std::visit([](const auto& scheme) { return scheme.bytes(); }, *points_->scheme);
}

xt::xarray<double> RBFInterpolator::evaluate(const xt::xarray<double>& embedded,
                                             std::optional<std::size_t> derivative_axis) const {
  auto results = xt::xarray<double>::from_shape({embedded.shape(0), solved_->columns});
  std::visit(
      [&](const auto& scheme) {
        scheme.evaluate(as_matrix(embedded), solved_->of(scheme), derivative_axis, as_matrix(results));
      },
      *points_->scheme);
  return results;
}

xt::xarray<double> RBFInterpolator::operator()(const ArrayRef<double>& queries) const {
  auto results = evaluate(points_->embedded_queries(queries), std::nullopt);
  results.reshape(joined({queries.shape()[0]}, solved_->point_shape));
  return results;
}

xt::xarray<double> RBFInterpolator::gradient(const ArrayRef<double>& queries) const {
  const Points& points = *points_;
  if (!traits(points.cloud.model.kernel).differentiable)
    throw InvalidArgument(
        message("kernel: expected one that is differentiable, got ", traits(points.cloud.model.kernel).name));
  const auto embedded = points.embedded_queries(queries);
  std::vector<xt::xarray<double>> along;
  along.reserve(embedded.shape(1));
  for (std::size_t axis = 0; axis < embedded.shape(1); ++axis) along.push_back(evaluate(embedded, axis));
  const std::size_t embedding = points.span ? points.span->dim() : along.size();
  auto results =
      xt::xarray<double>::from_shape(joined({queries.shape()[0]}, joined(solved_->point_shape, {points.dim})));
  const MatrixView<double> rows{results.data(), embedded.shape(0), solved_->columns * points.dim};
  const MatrixView<const double> plain{queries.data(), embedded.shape(0), points.dim};
  std::vector<double> in_span(along.size());
  std::vector<double> derivatives(embedding);
  for (std::size_t q = 0; q < rows.rows; ++q)
    for (std::size_t s = 0; s < solved_->columns; ++s) {
      for (std::size_t axis = 0; axis < along.size(); ++axis) in_span[axis] = along[axis](q, s);
      for (std::size_t axis = 0; axis < embedding; ++axis)
        derivatives[axis] = points.span ? points.span->chain(axis, in_span) : in_span[axis];
      for (std::size_t axis = 0; axis < points.dim; ++axis)
        rows(q, s * points.dim + axis) = points.axes.chain(plain.row(q), axis, derivatives);
    }
  return results;
}

double RBFInterpolator::rounding_error() const {
  return std::visit([&](const auto& scheme) { return scheme.rounding_error(solved_->of(scheme)); }, *points_->scheme);
}

xt::xarray<double> RBFInterpolator::leave_one_out_errors() const {
  const auto* const direct = std::get_if<DirectScheme>(&*points_->scheme);
  if (direct == nullptr)
    throw InvalidArgument("leave_one_out_errors: expected an interpolant of all points with a dense system");
  const auto errors = direct->system().leave_one_out_errors(solved_->of(*direct));
  auto results = xt::xarray<double>::from_shape(joined({errors.shape(1)}, solved_->point_shape));
  transpose_into(as_matrix(errors), as_matrix(results, errors.shape(1), errors.shape(0)));
  return results;
}

std::variant<SparseRows, xt::xarray<double>> RBFInterpolator::weights(const ArrayRef<double>& given,
                                                                      const ArrayRef<double>& queries,
                                                                      const RBFOptions& options,
                                                                      MatrixView<const double> values) {
  const Points points(given, options, Purpose::weights);
  const auto embedded = points.embedded_queries(queries);
  const std::size_t num_points = points.cloud.points.rows;
  if (std::max(num_points, embedded.shape(0)) > std::numeric_limits<std::uint32_t>::max())
    throw InvalidArgument(
        message("expected fewer than 2^32 points and queries, got ", num_points, " and ", embedded.shape(0)));
  if (values.data != nullptr && values.rows != num_points)
    throw InvalidArgument(message("values: expected ", num_points, " rows, one per point, got ", values.rows));
  const std::vector<double> probe =
      values.data != nullptr ? mixture_of(values) : smooth_function_at(points.cloud.points);
  return std::visit(
      [&]<class OneScheme>(const OneScheme& scheme) -> std::variant<SparseRows, xt::xarray<double>> {
        if constexpr (std::is_same_v<OneScheme, CompactScheme>)
          throw NotReady("weights: a sparse system has none");
        else
          return scheme.weights(as_matrix(embedded), probe);
      },
      *points.scheme);
}

}  // namespace fieldfold
