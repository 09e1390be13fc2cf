module fieldfold.fields.statistics;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.fields.normalization;
import fieldfold.linalg.vector;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A row whose deviation is at most this many rounding units of its mean is constant.
constexpr double units_of_a_constant = 16.0;

/// Moments that can be merged in any order without cancellation (Chan, Golub and LeVeque 1983,
/// doi:10.1080/00031305.1983.10483115).
struct Moments {
  double weight = 0.0;
  double mean = 0.0;
  double squares = 0.0;  ///< weighted sum of squared deviations from the mean
  double low = infinity;
  double high = -infinity;

  void add(const Moments& other) {
    if (other.weight == 0.0) return;
    const double sum = weight + other.weight;
    const double apart = other.mean - mean;
    squares += other.squares + apart * apart * (weight * (other.weight / sum));
    mean += apart * (other.weight / sum);
    weight = sum;
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }
};

/// The moments over all ranks: deviations are taken from the common mean.
std::vector<Moments> of_all_ranks(std::vector<Moments> fields, const RowPartition& partition) {
  if (!partition.is_distributed()) return fields;
  const std::size_t count = fields.size();
  std::vector<double> sums(2 * count);
  std::vector<double> extremes(2 * count);
  for (std::size_t field = 0; field < count; ++field) {
    sums[field] = fields[field].weight;
    sums[count + field] = fields[field].weight * fields[field].mean;
    extremes[field] = -fields[field].low;
    extremes[count + field] = fields[field].high;
  }
  partition.sum(sums);
  partition.maximum(extremes);
  std::vector<double> squares(count);
  for (std::size_t field = 0; field < count; ++field) {
    const double mean = sums[field] > 0.0 ? sums[count + field] / sums[field] : 0.0;
    const double apart = fields[field].mean - mean;
    squares[field] = fields[field].squares + fields[field].weight * apart * apart;
    fields[field] = {sums[field], mean, 0.0, -extremes[field], extremes[count + field]};
  }
  partition.sum(squares);
  for (std::size_t field = 0; field < count; ++field) fields[field].squares = squares[field];
  return fields;
}

/// A sum with independent accumulators, so that additions do not wait for each other.
template <class Term>
double sum_over(std::size_t count, const Term& term) {
  constexpr std::size_t width = 8;
  double sums[width] = {};
  std::size_t j = 0;
  for (; j + width <= count; j += width)
    for (std::size_t k = 0; k < width; ++k) sums[k] += term(j + k);
  for (; j < count; ++j) sums[0] += term(j);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

template <class T>
class StatisticsPass {
 public:
  StatisticsPass(const RowSource<T>& source, const StatisticsRequest& request)
      : source_(source),
        request_(request),
        groups_(request.fields.size()),
        weights_(request.column_weights),
        fields_(groups_) {
    const auto any_method = [&](const auto& condition) {
      return std::ranges::any_of(request.normalizations, condition, &Normalization::method);
    };
    wants_fields_ = any_method(needs_statistics);
    wants_ranges_ = any_method([](NormalizationMethod method) { return method == NormalizationMethod::minmax; });
    wants_squares_ = request.wants_deviations || wants_fields_;
    total_ = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    heaviest_ = static_cast<std::size_t>(std::ranges::max_element(weights_) - weights_.begin());
  }

  SnapshotStatistics run() {
    // A mask is likely to find something. Most other snapshots are complete: NaN and infinity show up in the row sums.
    const bool wants_moments =
        request_.wants_means || wants_squares_ || wants_ranges_ || request_.keeps_gappy_columns || has_logarithms();
    if (request_.finds_masked_rows) {
      find_gaps();
      has_gaps_ = std::ranges::any_of(missing_, [](std::size_t count) { return count > 0; });
    }
    if ((wants_moments || !request_.finds_masked_rows) && !compute_moments()) {
      find_gaps();
      compute_moments();
    }
    SnapshotStatistics result{std::move(masked_), std::move(means_), std::move(deviations_), {}, std::move(gaps_), {}};
    if (fills_gaps_) result.finite_weights = std::move(finite_weights_);
    // A field without any number has no spread.
    for (const Moments& field : fields_)
      result.fields.push_back(field.weight > 0.0 ? FieldStatistics{field.mean, std::sqrt(field.squares / field.weight),
                                                                   field.low, field.high}
                                                 : FieldStatistics{});
    return result;
  }

 private:
  bool has_logarithms() const {
    return std::ranges::find(request_.normalizations, NormalizationMethod::log10, &Normalization::method) !=
           request_.normalizations.end();
  }

  bool is_logarithmic(std::size_t field) const {
    return request_.normalizations[field].method == NormalizationMethod::log10;
  }

  template <class Work>
  void for_rows(const Work& work) const {
    std::vector<std::vector<T>> buffers(request_.threads);
    for_each_block(source_.rows(), source_.block_rows(),
                   {.threads = request_.threads, .alignment = groups_, .progress = request_.progress},
                   [&](std::size_t part, std::size_t first, std::size_t count) {
                     const auto rows = source_.read(first, count, buffers[part]);
                     for (std::size_t i = 0; i < count; ++i) work(part, first + i, rows.row(i).data());
                   });
  }

  /// Finds masked rows and gaps, and sets the weights of dropped columns to 0.
  void find_gaps() {
    const std::size_t n = source_.cols();
    const std::size_t threads = request_.threads;
    std::vector<std::uint8_t> empty_rows(source_.rows(), 0);
    std::vector<std::vector<std::size_t>> missing(threads, std::vector<std::size_t>(n, 0));
    std::vector<std::vector<Gap>> gaps(threads);
    for_rows([&](std::size_t part, std::size_t row, const T* x) {
      const auto finite = static_cast<std::size_t>(
          std::ranges::count_if(std::span(x, n), [](T value) { return std::isfinite(value); }));
      const bool is_empty = finite == 0 || static_cast<double>(finite) < request_.mask_share * static_cast<double>(n);
      empty_rows[row] = is_empty ? 1 : 0;
      if (finite == n || (is_empty && request_.finds_masked_rows)) return;
      for (std::size_t j = 0; j < n; ++j)
        if (!std::isfinite(x[j])) {
          ++missing[part][j];
          if (request_.keeps_gappy_columns && weights_[j] > 0.0) gaps[part].push_back({row, j, 0.0});
        }
    });
    const RowPartition& partition = request_.partition;
    const bool has_empty = partition.any(std::ranges::find(empty_rows, 1) != empty_rows.end());
    if (request_.finds_masked_rows && has_empty) masked_ = std::move(empty_rows);
    for (std::size_t part = 1; part < threads; ++part)
      std::ranges::transform(missing[0], missing[part], missing[0].begin(), std::plus<>{});
    std::vector<double> counts(missing[0].begin(), missing[0].end());
    partition.sum(counts);
    std::ranges::transform(counts, missing[0].begin(), [](double count) { return static_cast<std::size_t>(count); });
    const auto present = partition.sum(source_.rows() - static_cast<std::size_t>(std::ranges::count(masked_, 1)));
    for (std::size_t j = 0; j < n; ++j)
      if (missing[0][j] > 0 && (!request_.keeps_gappy_columns || missing[0][j] == present)) weights_[j] = 0.0;
    total_ = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    missing_ = std::move(missing[0]);
    if (present == 0) throw InvalidArgument("snapshots: expected at least one finite number, got none");
    if (total_ == 0.0)
      throw InvalidArgument(
          message("snapshots: expected at least one that is finite, got ", n, ", all with NaN or infinity",
                  request_.finds_masked_rows ? "; a larger mask_share leaves out more numbers"
                                             : "; the mask auto leaves out numbers that are missing in all snapshots"));
    for (const auto& part : gaps)
      for (const Gap& gap : part)
        if (weights_[gap.column] > 0.0) gaps_.push_back(gap);
    fills_gaps_ = partition.any(!gaps_.empty());
    has_gaps_ = true;
  }

  /// Computes means and deviations. False if numbers are missing and `find_gaps` has not run yet.
  bool compute_moments() {
    const std::size_t m = source_.rows();
    const bool wants_means = request_.wants_means || request_.wants_deviations || fills_gaps_;
    means_ = zeros<double>({wants_means ? m : 0});
    deviations_ = zeros<double>({request_.wants_deviations ? m : 0});
    finite_weights_.assign(fills_gaps_ ? m : 0, total_);
    std::vector<std::vector<Moments>> fields(request_.threads, std::vector<Moments>(groups_));
    std::vector<std::vector<double>> logarithms(request_.threads);
    std::vector<char> complete(request_.threads, 1);
    for_rows([&](std::size_t part, std::size_t row, const T* x) {
      if (!masked_.empty() && masked_[row] != 0) return;
      const std::size_t field = row % groups_;
      if (is_logarithmic(field)) take_logarithms(field, x, logarithms[part]);
      Moments moments = is_logarithmic(field) ? moments_of(logarithms[part].data()) : moments_of(x);
      if (!std::isfinite(moments.mean)) complete[part] = 0;
      if (has_gaps_ && moments.weight == 0.0)
        throw InvalidArgument(message("field ", request_.fields[field], ": expected a number in at least one snapshot ",
                                      "at point ", request_.partition.number(row) / groups_,
                                      ", got none; a mask leaves such points out"));
      if (wants_means) means_(row) = moments.mean;
      if (fills_gaps_) finite_weights_[row] = moments.weight;
      if (request_.wants_deviations) {
        const double deviation = std::sqrt(moments.squares / moments.weight);
        const double rounding = units_of_a_constant * static_cast<double>(std::numeric_limits<T>::epsilon());
        deviations_(row) = deviation > rounding * std::abs(moments.mean) ? deviation : 0.0;
      }
      if (!wants_fields_) return;
      if (request_.point_weights.size() > 0) {
        moments.weight *= request_.point_weights(row / groups_);
        moments.squares *= request_.point_weights(row / groups_);
      }
      fields[part][field].add(moments);
    });
    const bool is_complete = request_.partition.all(std::ranges::find(complete, 0) == complete.end());
    if (!has_gaps_ && !is_complete) return false;
    fields_ = std::move(fields[0]);
    for (std::size_t part = 1; part < request_.threads; ++part)
      for (std::size_t field = 0; field < groups_; ++field) fields_[field].add(fields[part][field]);
    if (wants_fields_) fields_ = of_all_ranks(fields_, request_.partition);
    for (Gap& gap : gaps_) gap.value = means_(gap.row);
    if (request_.wants_deviations) find_constants();
    return true;
  }

  /// Numbers whose deviation is at the rounding level of their field are constants.
  void find_constants() {
    std::vector<double> sizes(groups_, 0.0);
    for (std::size_t row = 0; row < deviations_.size(); ++row)
      sizes[row % groups_] = std::max(sizes[row % groups_], std::hypot(means_(row), deviations_(row)));
    request_.partition.maximum(sizes);
    std::vector<double> constants(groups_, 0.0);
    for (std::size_t row = 0; row < deviations_.size(); ++row) {
      if (deviations_(row) == 0.0 || deviations_(row) > spread_of_a_constant * sizes[row % groups_]) continue;
      deviations_(row) = 0.0;
      constants[row % groups_] += 1.0;
    }
    request_.partition.sum(constants);
    const std::size_t num_pts = request_.partition.total(deviations_.size()) / groups_;
    for (std::size_t field = 0; field < groups_; ++field)
      if (constants[field] > 0.0)
        warn(message("field ", request_.fields[field], ": ", static_cast<std::size_t>(constants[field]), " of ",
                     num_pts, " numbers taken as constant, and not standardized, because their deviations are below ",
                     spread_of_a_constant, " of the field's size"));
  }

  void take_logarithms(std::size_t field, const T* x, std::vector<double>& values) const {
    const double offset = request_.normalizations[field].offset;
    values.resize(source_.cols());
    for (std::size_t j = 0; j < values.size(); ++j) {
      values[j] = static_cast<double>(x[j]) + offset;
      if (values[j] > 0.0) continue;
      // Dropped snapshots may hold any number; they are known from the second pass on.
      if (has_gaps_ && (weights_[j] > 0.0 || missing_[j] == 0))
        logarithm_of(static_cast<double>(x[j]), offset, request_.fields[field]);
      values[j] = std::numeric_limits<double>::quiet_NaN();
    }
    vector_loops().decimal_logarithms(values.data(), values.size());
  }

  template <class X>
  Moments moments_of(const X* x) const {
    const std::size_t n = source_.cols();
    const double* const w = weights_.data();
    if (has_gaps_) return moments_with_gaps(x);
    Moments moments{.weight = total_};
    // Relative to a number of largest weight, so that rounding errors are relative to the deviations.
    const auto origin = static_cast<double>(x[heaviest_]);
    moments.mean =
        origin + sum_over(n, [=](std::size_t j) { return w[j] * (static_cast<double>(x[j]) - origin); }) / total_;
    if (wants_squares_)
      moments.squares = sum_over(n, [=, mean = moments.mean](std::size_t j) {
        const double apart = static_cast<double>(x[j]) - mean;
        return w[j] * apart * apart;
      });
    if (wants_ranges_) add_range(x, moments);
    return moments;
  }

  template <class X>
  void add_range(const X* x, Moments& moments) const {
    const std::size_t n = source_.cols();
    const double* const w = weights_.data();
    // Independent minima and maxima, so that comparisons do not wait for each other.
    constexpr std::size_t width = 8;
    double low[width];
    double high[width];
    std::fill_n(low, width, infinity);
    std::fill_n(high, width, -infinity);
    const auto include = [&](std::size_t j, std::size_t k) {
      const auto value = static_cast<double>(x[j]);
      const double at_most = w[j] > 0.0 ? value : infinity;
      const double at_least = w[j] > 0.0 ? value : -infinity;
      low[k] = at_most < low[k] ? at_most : low[k];
      high[k] = at_least > high[k] ? at_least : high[k];
    };
    std::size_t j = 0;
    for (; j + width <= n; j += width)
      for (std::size_t k = 0; k < width; ++k) include(j + k, k);
    for (; j < n; ++j) include(j, 0);
    moments.low = *std::min_element(low, low + width);
    moments.high = *std::max_element(high, high + width);
  }

  template <class X>
  Moments moments_with_gaps(const X* x) const {
    const std::size_t n = source_.cols();
    Moments moments;
    const auto counts = [&](std::size_t j) { return weights_[j] > 0.0 && std::isfinite(x[j]); };
    double origin = 0.0;
    double largest_weight = 0.0;
    for (std::size_t j = 0; j < n; ++j)
      if (counts(j) && weights_[j] > largest_weight) {
        largest_weight = weights_[j];
        origin = static_cast<double>(x[j]);
      }
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      if (!counts(j)) continue;
      const auto value = static_cast<double>(x[j]);
      moments.weight += weights_[j];
      sum += weights_[j] * (value - origin);
      moments.low = std::min(moments.low, value);
      moments.high = std::max(moments.high, value);
    }
    if (moments.weight == 0.0) return moments;
    moments.mean = origin + sum / moments.weight;
    for (std::size_t j = 0; j < n; ++j)
      if (counts(j)) moments.squares += weights_[j] * std::pow(static_cast<double>(x[j]) - moments.mean, 2);
    return moments;
  }

  const RowSource<T>& source_;
  const StatisticsRequest& request_;
  std::size_t groups_;
  std::vector<double> weights_;  ///< of the columns; 0: held out or dropped
  double total_ = 0.0;
  std::size_t heaviest_ = 0;  ///< a column of largest weight
  bool wants_fields_ = false;
  bool wants_ranges_ = false;
  bool wants_squares_ = false;
  bool fills_gaps_ = false;           ///< whether a rank has gaps
  bool has_gaps_ = false;             ///< whether numbers that are not masked may be missing
  std::vector<std::size_t> missing_;  ///< missing numbers per column
  std::vector<std::uint8_t> masked_;
  std::vector<Gap> gaps_;
  std::vector<double> finite_weights_;
  std::vector<Moments> fields_;
  xt::xarray<double> means_ = zeros<double>({0});
  xt::xarray<double> deviations_ = zeros<double>({0});
};

}  // namespace

double logarithm_of(double x, double offset, const std::string& field) {
  if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
  if (!(x + offset > 0.0))
    throw InvalidArgument(message("field ", field, ": expected numbers above ", 0.0 - offset,
                                  " for log10 with the offset ", offset, ", got ", x));
  return std::log10(x + offset);
}

template <class T>
SnapshotStatistics snapshot_statistics(const RowSource<T>& source, const StatisticsRequest& request) {
  return StatisticsPass<T>(source, request).run();
}

template SnapshotStatistics snapshot_statistics(const RowSource<double>&, const StatisticsRequest&);
template SnapshotStatistics snapshot_statistics(const RowSource<float>&, const StatisticsRequest&);

}  // namespace fieldfold
