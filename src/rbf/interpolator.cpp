module fieldfold.rbf.interpolator;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.memory;
import fieldfold.linalg.dense;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.affine;
import fieldfold.points.axes;
import fieldfold.points.boxes;
import fieldfold.points.checks;
import fieldfold.points.duplicates;
import fieldfold.points.neighborhoods;
import fieldfold.rbf.compact;
import fieldfold.rbf.kernel;
import fieldfold.rbf.local;
import fieldfold.rbf.partition;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.ranks;
import fieldfold.rbf.schemes;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

namespace fieldfold {
namespace {

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
  for (const double smoothing : options.smoothing)
    if (!(smoothing >= 0.0 && std::isfinite(smoothing)))
      throw InvalidArgument(message("smoothing: expected finite numbers of 0 or more, got ", smoothing));
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

/// Refuses a system of all points that does not fit in memory, and warns of one that takes long.
void check_size_of_system(std::size_t num_points) {
  constexpr std::size_t many = 5000;
  const std::size_t bytes = num_points * num_points * sizeof(double);
  if (const std::size_t available = available_memory(); bytes > available || num_points > std::size_t{1} << 31)
    throw InvalidArgument(message("points: a system of all ", num_points, " points needs ", bytes_text(bytes), ", and ",
                                  bytes_text(available), " are available; neighbors, or partition_of_unity as the ",
                                  "method, need far less"));
  if (num_points > many)
    warn(message("points: a system of all ", num_points, " points takes a time that grows with their cube; ",
                 "partition_of_unity as the method, or neighbors, takes far less"));
}

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
  std::optional<MergedPoints> merged;
  std::size_t num_given = 0;  ///< points before coincident ones are merged
  PointCloud cloud;
  std::optional<Scheme> scheme;

  /// Calls an action of the scheme; see `with_explained_duplicates`.
  template <class Action>
  auto explained(const Action& action) const {
    return with_explained_duplicates(as_matrix(embedded), smoothing, action);
  }

  /// The points in the coordinates in which they are interpolated, without a scheme.
  /// \param partition  of the points of this rank, if they are distributed among ranks; collective then
  Points(const ArrayRef<double>& points, const RBFOptions& options, const RowPartition& partition)
      : axes(options.scales, options.periods), dim(0), cloud{} {
    const auto rows = checked_points(points, "points");
    num_given = rows.rows;
    dim = rows.cols;
    if (partition.total(num_given) == 0) throw InvalidArgument("points: expected at least one, got none");
    cloud.model = resolve(options);
    axes.expect_dim(dim);
    smoothing = spread(options.smoothing, num_given);
    embedded = axes.embedded(rows);
    if (!axes.is_plain()) cloud.model.redundant_squares = axes.redundant_squares(dim);
    restrict_to_span(partition);
    if (options.merge_duplicates) merge();
    expect_monomials(used_of(partition.total(embedded.shape(0)), options), options);
    cloud.points = as_matrix(std::as_const(embedded));
    cloud.smoothing = smoothing;
    cloud.allow_lower_degree = options.allow_lower_degree;
  }

  Points(const ArrayRef<double>& points, const RBFOptions& options, Purpose purpose)
      : Points(points, options, RowPartition()) {
    const std::size_t num_points = embedded.shape(0);
    const bool is_partition = options.method == RBFMethod::partition_of_unity;
    const std::size_t used = used_of(num_points, options);
    const Threads threads{options.threads};
    explained([&] {
      if (is_partition && used < num_points) {
        scheme.emplace(std::in_place_type<PartitionScheme>, cloud, options.cluster_size, overlap_of(options), threads);
      } else if (used < num_points) {
        scheme.emplace(std::in_place_type<LocalScheme>, cloud, used, threads);
      } else if (purpose == Purpose::values && CompactSystem::suits(cloud)) {
        scheme.emplace(std::in_place_type<CompactScheme>, cloud, threads);
      } else {
        check_size_of_system(num_points);
        scheme.emplace(std::in_place_type<DirectScheme>, cloud, threads);
      }
    });
  }
  Points(const Points&) = delete;
  Points& operator=(const Points&) = delete;

  /// The number of points in one system.
  static std::size_t used_of(std::size_t num_points, const RBFOptions& options) {
    const bool is_partition = options.method == RBFMethod::partition_of_unity;
    return std::min(is_partition ? options.cluster_size : options.neighbors.value_or(num_points), num_points);
  }

  double overlap_of(const RBFOptions& options) const {
    return options.overlap.value_or(cloud.points.cols < 3 ? 0.35 : 0.22);
  }

  /// Queries in the coordinates of the embedded points.
  xt::xarray<double> embedded_queries(const ArrayRef<double>& queries) const {
    auto result = axes.embedded(checked_points(queries, dim, "queries"));
    if (!span) return result;
    const auto rows = as_matrix(std::as_const(result));
    span->warn_if_off(rows, "queries");
    return span->coordinates(rows);
  }

  /// \throws InvalidArgument  fewer points in a system than monomials
  void expect_monomials(std::size_t used, const RBFOptions& options) const {
    const auto circles = static_cast<std::size_t>(std::ranges::count(cloud.model.redundant_squares, true));
    const std::size_t dimensions = embedded.shape(1) - circles;
    const auto expect_points = [&](std::size_t required) {
      if (required > used)
        throw InvalidArgument(message("At least ", required,
                                      options.method == RBFMethod::partition_of_unity ? " points in a cluster"
                                      : options.neighbors                             ? " neighbors"
                                                                                      : " data points",
                                      " are required when degree is ", cloud.model.degree,
                                      " and the number of dimensions is ", dimensions, "; got ", used));
    };
    // First without the axes that periods add: with them there may be too many monomials to enumerate.
    expect_points(monomial_count(dimensions, cloud.model.degree));
    expect_points(Monomials(embedded.shape(1), cloud.model.degree, cloud.model.redundant_squares).size());
  }

  /// Replaces coincident points by one.
  void merge() {
    MergedPoints own(as_matrix(std::as_const(embedded)));
    if (own.size() == num_given) return;
    embedded = own.means(as_matrix(std::as_const(embedded)));
    const auto means = own.means({smoothing.data(), num_given, 1});
    smoothing.assign(means.begin(), means.end());
    merged = std::move(own);
  }

  /// Replaces coordinates by those in the affine subspace of the points.
  void restrict_to_span(const RowPartition& partition) {
    const auto rows = as_matrix(std::as_const(embedded));
    AffineSpan own = span_of(rows, cloud.model, partition);
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
  expect_length(values, points_->num_given);
  auto solved = make_shared<Solved>();
  solved->point_shape.assign(values.shape().begin() + 1, values.shape().end());
  solved->columns = size_of(solved->point_shape);
  MatrixView<const double> columns{values.data(), points_->num_given, solved->columns};
  const auto means = points_->merged ? points_->merged->means(columns) : zeros<double>({0, 0});
  if (points_->merged) columns = as_matrix(means);
  points_->explained(
      [&] { std::visit([&](const auto& scheme) { solved->solution = scheme.solve(columns); }, *points_->scheme); });
  solved_ = std::move(solved);
}

RBFInterpolator RBFInterpolator::with_values(const ArrayRef<double>& values) const { return {points_, values}; }

std::size_t RBFInterpolator::bytes() const {
  return std::visit([](const auto& scheme) { return scheme.bytes(); }, *points_->scheme);
}

xt::xarray<double> RBFInterpolator::evaluate(const xt::xarray<double>& embedded,
                                             std::optional<std::size_t> derivative_axis) const {
  auto results = xt::xarray<double>::from_shape({embedded.shape(0), solved_->columns});
  points_->explained([&] {
    std::visit(
        [&](const auto& scheme) {
          scheme.evaluate(as_matrix(embedded), solved_->of(scheme), derivative_axis, as_matrix(results));
        },
        *points_->scheme);
  });
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
  const auto& merged = points_->merged;
  auto results = xt::xarray<double>::from_shape(joined({points_->num_given}, solved_->point_shape));
  const auto rows = as_matrix(results, points_->num_given, errors.shape(0));
  for (std::size_t i = 0; i < rows.rows; ++i)
    for (std::size_t c = 0; c < rows.cols; ++c) rows(i, c) = errors(c, merged ? merged->merged_of(i) : i);
  return results;
}

RowsOnRanks RBFInterpolator::weights(const RowPartition& partition, const ArrayRef<double>& given,
                                     const ArrayRef<double>& queries, const RBFOptions& options) {
  const std::size_t own = checked_points(given, "points").rows;
  const std::size_t total = partition.total(own);
  const std::size_t used = Points::used_of(total, options);
  if (used == total) {
    // A system of all points is solved on each rank.
    const auto all = gathered_rows(partition, checked_points(given, "points"));
    RBFOptions of_all = options;
    if (options.smoothing.dimension() == 1) {
      const auto smoothing = gathered_rows(partition, {options.smoothing.data(), own, 1});
      of_all.smoothing = smoothing;
      of_all.smoothing.reshape({total});
    }
    return with_own_columns(partition, own, weights(all, queries, of_all));
  }
  if (options.merge_duplicates)
    throw InvalidArgument("merge_duplicates: expected false, because coincident points of ranks are not merged");
  const Points points(given, options, partition);
  const auto embedded = points.embedded_queries(queries);
  const Threads threads{options.threads};
  if (options.method == RBFMethod::partition_of_unity)
    return partition_rows(partition, points.cloud, as_matrix(embedded), options.cluster_size,
                          points.overlap_of(options), threads);
  return local_rows(partition, points.cloud, as_matrix(embedded), used, threads);
}

std::variant<SparseRows, xt::xarray<double>> RBFInterpolator::weights(const ArrayRef<double>& given,
                                                                      const ArrayRef<double>& queries,
                                                                      const RBFOptions& options,
                                                                      MatrixView<const double> values) {
  const Points points(given, options, Purpose::weights);
  const auto embedded = points.embedded_queries(queries);
  const std::size_t num_points = points.num_given;
  if (std::max(num_points, embedded.shape(0)) > std::numeric_limits<std::uint32_t>::max())
    throw InvalidArgument(
        message("expected fewer than 2^32 points and queries, got ", num_points, " and ", embedded.shape(0)));
  if (values.data != nullptr && values.rows != num_points)
    throw InvalidArgument(message("values: expected ", num_points, " rows, one per point, got ", values.rows));
  const auto means = points.merged && values.data != nullptr ? points.merged->means(values) : zeros<double>({0, 0});
  const std::vector<double> probe = values.data == nullptr ? smooth_function_at(points.cloud.points)
                                    : points.merged        ? mixture_of(as_matrix(means))
                                                           : mixture_of(values);
  using Weights = std::variant<SparseRows, xt::xarray<double>>;
  return points.explained([&] {
    return std::visit(
        [&]<class OneScheme>(const OneScheme& scheme) -> Weights {
          if constexpr (std::is_same_v<OneScheme, CompactScheme>) {
            throw NotReady("weights: a sparse system has none");
          } else {
            auto weights = scheme.weights(as_matrix(embedded), probe);
            if (points.merged) return points.merged->spread(weights);
            return weights;
          }
        },
        *points.scheme);
  });
}

}  // namespace fieldfold
