module fieldfold.rbf.leave_one_out;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.points.axes;
import fieldfold.points.checks;
import fieldfold.points.duplicates;
import fieldfold.points.neighbors;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

namespace fieldfold {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The error of one choice; infinite without a trustworthy solution.
double error_of(const ArrayRef<double>& points, const ArrayRef<double>& values, const RBFOptions& options) try {
  const SilencedWarnings trial;
  const RBFInterpolator interpolator(points, values, options);
  const auto errors = interpolator.leave_one_out_errors();
  const std::size_t num_points = values.shape()[0];
  const std::size_t columns = values.size() / num_points;
  double sum = 0.0;
  std::size_t counted = 0;
  for (std::size_t s = 0; s < columns; ++s) {
    double largest = 0.0;
    double squares = 0.0;
    bool finite = true;
    for (std::size_t i = 0; i < num_points; ++i) {
      const double value = values.data()[i * columns + s];
      finite = finite && std::isfinite(value);
      largest = std::max(largest, std::abs(value));
      squares += std::pow(errors.data()[i * columns + s], 2);
    }
    // Columns with NaN are left out.
    if (!finite) continue;
    ++counted;
    if (largest > 0.0) sum += squares / (largest * largest);
  }
  const double error = std::sqrt(sum / static_cast<double>(num_points * std::max<std::size_t>(counted, 1)));
  // Leave-one-out residuals do not reveal the rounding error.
  return std::isfinite(error) ? std::max(error, interpolator.rounding_error()) : infinity;
} catch (const NumericalError&) {
  return infinity;
}

/// The mean distance of points to their nearest neighbors.
double spacing_of(MatrixView<const double> points) {
  const auto distances = nearest_distances(points);
  return std::accumulate(distances.begin(), distances.end(), 0.0) / static_cast<double>(points.rows);
}

}  // namespace

xt::xarray<double> leave_one_out_errors(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                        const RBFOptions& options) {
  if (options.neighbors || options.method != RBFMethod::direct)
    throw InvalidArgument("options: expected an interpolant of all points, got neighbors or clusters");
  return RBFInterpolator(points, values, options).leave_one_out_errors();
}

LeaveOneOutChoice choose_by_leave_one_out(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                          const RBFOptions& options, const std::vector<double>& epsilons,
                                          const std::vector<double>& smoothings) {
  const auto rows = checked_points(points, "points");
  if (options.merge_duplicates && rows.rows > 0 && values.dimension() > 0 && values.shape()[0] == rows.rows) {
    // Each distinct point counts once.
    const MergedPoints merged(rows);
    RBFOptions own = options;
    own.merge_duplicates = false;
    if (own.smoothing.dimension() == 1 && own.smoothing.size() == rows.rows) {
      own.smoothing = merged.means({own.smoothing.data(), rows.rows, 1});
      own.smoothing.reshape({merged.size()});
    }
    auto choice =
        choose_by_leave_one_out(merged.means(rows), merged.means({values.data(), rows.rows, values.size() / rows.rows}),
                                own, epsilons, smoothings);
    choice.options.merge_duplicates = true;
    if (choice.options.smoothing.dimension() == 1) choice.options.smoothing = options.smoothing;
    return choice;
  }
  if (rows.rows < 2) throw InvalidArgument(message("points: expected at least two, got ", rows.rows));
  LeaveOneOutChoice choice{options, infinity, {}};
  const auto look_at = [&](std::optional<double> epsilon, const xt::xarray<double>& smoothing) {
    RBFOptions tried = options;
    tried.epsilon = epsilon;
    tried.smoothing = smoothing;
    const double error = error_of(points, values, tried);
    choice.curve.push_back({epsilon.value_or(1.0), smoothing.dimension() == 0 ? smoothing() : 0.0, error});
    if (error < choice.error) {
      choice.error = error;
      choice.options.epsilon = epsilon;
      choice.options.smoothing = smoothing;
    }
    return error;
  };
  std::vector<xt::xarray<double>> levels(smoothings.begin(), smoothings.end());
  if (levels.empty()) levels.push_back(options.smoothing);
  const bool search = epsilons.empty() && !options.epsilon && !traits(options.kernel).scale_invariant;
  const Axes axes(options.scales, options.periods);
  axes.expect_dim(rows.cols);
  const auto embedded = axes.embedded(rows);
  const double spacing = search ? spacing_of(as_matrix(embedded)) : 1.0;
  if (spacing == 0.0) throw NumericalError("points: expected distinct points, got only coincident ones");
  const double scale = 1.0 / spacing;
  for (const auto& smoothing : levels) {
    for (const double epsilon : epsilons) look_at(epsilon, smoothing);
    if (epsilons.empty() && !search) look_at(options.epsilon, smoothing);
    if (!search) continue;
    // Steps by a factor of two, then halved steps around the best.
    double best = 0.0;
    double least = infinity;
    const auto compare = [&](double exponent) {
      const double error = look_at(scale * std::exp2(exponent), smoothing);
      if (error >= least) return;
      least = error;
      best = exponent;
    };
    for (double exponent = -6.5; exponent <= 3.5; exponent += 1.0) compare(exponent);
    for (double step = 0.5; step > 0.1; step /= 2.0)
      for (const double exponent : {best - step, best + step}) compare(exponent);
  }
  if (!std::isfinite(choice.error)) {
    const auto pairs = coincident_pairs(as_matrix(embedded), [](std::size_t) { return true; });
    throw NumericalError(pairs.count > 0
                             ? explanation(pairs)
                             : message("none of the ", choice.curve.size(), " choices has a trustworthy solution"));
  }
  std::ranges::sort(choice.curve, {}, [](const auto& trial) { return std::pair(trial.smoothing, trial.epsilon); });
  return choice;
}

}  // namespace fieldfold
