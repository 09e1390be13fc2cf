module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.compression.grid;
import fieldfold.decomposition.incremental;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.learn;
import fieldfold.fields.options;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.missing_values;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

template <class T>
double squares_of(std::span<const T> row) {
  return sum_of_squares(MatrixView<const T>{row.data(), 1, row.size()});
}

/// The sum of squares of rows, times the squares of their weights.
template <class T>
double weighted_squares(MatrixView<const T> rows, const std::vector<double>& weights, const RowPartition& partition) {
  std::array squares{0.0};
  for (std::size_t i = 0; i < rows.rows; ++i) squares[0] += weights[i] * weights[i] * squares_of(rows.row(i));
  partition.sum(squares);
  return squares[0];
}

void validate(const IncrementalOptions& options) {
  if (options.max_rank && *options.max_rank == 0) throw InvalidArgument("max_rank: expected at least 1, got 0");
  if (!(options.tolerance >= 0.0))
    throw InvalidArgument(message("tolerance: expected a relative error of 0 or more, got ", options.tolerance));
  if (!(options.forgetting > 0.0 && options.forgetting <= 1.0))
    throw InvalidArgument(message("forgetting: expected a factor in (0, 1], got ", options.forgetting));
  if (options.block == std::size_t{0}) throw InvalidArgument("block: expected at least 1, got 0");
}

/// The names of the options that differ between two decompositions that are merged; none: they can be merged.
std::vector<std::string> differing_options(const FieldOptions& a, const FieldOptions& b,
                                           const std::vector<std::string>& fields) {
  std::vector<std::string> names;
  const auto compare = [&](bool are_equal, const char* name) {
    if (!are_equal) names.emplace_back(name);
  };
  const auto weights_of = [&](const FieldOptions& options) {
    std::vector<double> weights;
    for (const std::string& field : fields) {
      const auto own = options.field_weights.find(field);
      weights.push_back(own == options.field_weights.end() ? 1.0 : own->second);
    }
    return weights;
  };
  const auto points_of = [](const FieldOptions& options) {
    return options.point_weights ? std::vector<double>(options.point_weights->begin(), options.point_weights->end())
                                 : std::vector<double>();
  };
  compare(normalizations_of(a, fields) == normalizations_of(b, fields), "normalize");
  compare(a.center == b.center, "center");
  compare(points_of(a) == points_of(b), "point_weights");
  compare(weights_of(a) == weights_of(b), "field_weights");
  compare(a.missing_values == b.missing_values, "missing_values");
  return names;
}

/// Adds a multiple of a row to each row of a matrix.
void add_to_rows(Matrix& matrix, double factor, std::span<const double> row) {
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t k = 0; k < row.size(); ++k) matrix(i, k) += factor * row[k];
}

/// The most snapshots that one update should process: of short states more, since each update rotates all coefficients
/// so far, but no more than have similar weights.
std::size_t longest_block(const IncrementalOptions& options, std::size_t dof) {
  constexpr double of_long_states = 16.0;
  // A triangle of the shortest states, which is decomposed in each update, is then small beside the block.
  const double most_numbers = dof <= 512 ? 1 << 22 : 1 << 17;
  const double similar = 1.0 / (1.0 - options.forgetting);
  return static_cast<std::size_t>(std::max(of_long_states, std::min(most_numbers / static_cast<double>(dof), similar)));
}

/// Snapshots per update.
std::size_t block_size(const IncrementalOptions& options, std::size_t dof) {
  constexpr std::size_t most_numbers = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(double);
  return std::min(options.block.value_or(longest_block(options, dof)), most_numbers / dof);
}

/// A basis with further orthonormal columns, for modes with a singular value of 0. They are the same in every run.
template <class T>
xt::xarray<T> completed_basis(const xt::xarray<T>& basis, std::size_t rank, const RowPartition& partition) {
  const std::size_t dof = basis.shape(0);
  auto result = zeros<T>({dof, rank});
  for (std::size_t i = 0; i < dof; ++i) std::ranges::copy(as_matrix(basis).row(i), as_matrix(result).row(i).begin());
  std::vector<double> column(dof);
  for (std::size_t mode = basis.shape(1); mode < rank; ++mode) {
    for (std::size_t i = 0; i < dof; ++i)
      column[i] = std::cos(static_cast<double>((partition.number(i) + 1) * (mode + 1) % 9973));
    for (int sweep = 0; sweep < 3; ++sweep) {
      for (std::size_t k = 0; k < mode; ++k) {
        std::array along{0.0};
        for (std::size_t i = 0; i < dof; ++i) along[0] += column[i] * static_cast<double>(result(i, k));
        partition.sum(along);
        for (std::size_t i = 0; i < dof; ++i) column[i] -= along[0] * static_cast<double>(result(i, k));
      }
      std::array square{0.0};
      for (const double x : column) square[0] += x * x;
      partition.sum(square);
      for (double& x : column) x /= std::sqrt(square[0]);
    }
    for (std::size_t i = 0; i < dof; ++i) result(i, mode) = static_cast<T>(column[i]);
  }
  return result;
}

}  // namespace

template <class T>
BasicIncrementalSVD<T>::BasicIncrementalSVD(CompressionOptions grid, IncrementalOptions incremental, SVDOptions options)
    : BasicCompression<T>(std::move(grid)), options_(std::move(options)), incremental_(incremental) {
  const auto& communicator = this->compression_options().communicator;
  if (communicator && options_.threads == 0) options_.threads = communicator->threads();
  validate(options_.rule);
  validate(options_.field_opts, this->fields());
  validate(incremental_);
  if (options_.rule.sample_tol || options_.rule.optimal_threshold)
    throw InvalidArgument(
        "rule: sample_tol and optimal_threshold need all modes, which an incremental SVD does not keep");
  const auto& weights = options_.field_opts.point_weights;
  scaling_for(weights ? weights->size() : 1);
  if (options_.validate_every != 0)
    throw InvalidArgument(
        message("validate_every: expected 0, because no snapshot is kept, got ", options_.validate_every));
}

template <class T>
BasicIncrementalSVD<T>::BasicIncrementalSVD(CompressionOptions grid, IncrementalOptions incremental, SVDOptions options,
                                            IncrementalCheckpoint<T> checkpoint)
    : BasicIncrementalSVD(std::move(grid), incremental, std::move(options)) {
  const auto require = [](bool holds, const char* expected) {
    if (!holds) throw InvalidArgument(message("checkpoint: expected ", expected));
  };
  const auto all_finite = [](const auto& array) {
    return std::ranges::all_of(array, [](auto x) { return std::isfinite(x); });
  };
  const IncrementalState<T>& state = checkpoint.state;
  const std::size_t dof = checkpoint.dof;
  const std::size_t rank = state.s.size();
  const auto& communicator = this->compression_options().communicator;
  this->together([&] {
    if (communicator && RowPartition(*communicator, dof).total(dof) > 0) partition_ = this->partition_of(dof);
  });
  const std::size_t dof_of_all = partition_.total(dof);
  require(state.basis.dimension() == 2 && state.s.dimension() == 1 && state.coefficients.dimension() == 2 &&
              state.basis.shape(1) == rank && state.coefficients.shape(1) == rank &&
              (rank == 0 || state.basis.shape(0) == dof) && rank <= dof_of_all,
          "a basis (dof, rank), singular values (rank,) and coefficients (num_samples, rank)");
  require(all_finite(state.basis) && all_finite(state.s) && all_finite(state.coefficients) && all_finite(state.mean) &&
              all_finite(checkpoint.waiting),
          "finite numbers");
  require(std::ranges::is_sorted(state.s, std::greater<>{}) && state.squares >= 0.0 && state.bound >= 0.0 &&
              state.weight >= 0.0 && std::isfinite(state.squares + state.bound + state.weight),
          "descending singular values, and sums of 0 or more");
  require(state.mean.size() == 0 || (options_.field_opts.center && state.mean.size() == dof),
          "a mean of the length of the states, and only if they are centred");
  require(dof_of_all == 0 ? checkpoint.num_waiting == 0 && rank == 0
                          : checkpoint.waiting.size() == checkpoint.num_waiting * dof &&
                                checkpoint.num_waiting < block_size(incremental_, dof_of_all),
          "waiting states that do not fill a block");
  if (dof_of_all != 0) {
    const std::size_t num_pts = this->num_pts_of(dof, "checkpoint");
    scaling_ = scaling_for(num_pts);
    this->set_num_pts(num_pts);
  }
  std::array squares{squares_of<T>(checkpoint.waiting)};
  this->together([&] { partition_.sum(squares); });
  waiting_squares_ = squares[0];
  progress_ = std::move(checkpoint);
}

/// The scaling of the field options; none if they are plain. The mean is not part of it.
template <class T>
std::optional<SpaceScaling<T>> BasicIncrementalSVD<T>::scaling_for(std::size_t num_pts) const {
  FieldOptions options = options_.field_opts;
  options.center = false;
  FieldSpace space = fixed_space(options, this->fields(), num_pts);
  if (is_plain(options_.field_opts)) return std::nullopt;
  return SpaceScaling<T>(std::move(space));
}

template <class T>
void BasicIncrementalSVD<T>::add(const BasicFields<T>& fields) {
  this->together([&] { add(this->join_snapshots(fields)); });
}

template <class T>
void BasicIncrementalSVD<T>::add(const ArrayRef<T>& states) {
  this->together([&] { add_states(states); });
}

template <class T>
void BasicIncrementalSVD<T>::add_states(const ArrayRef<T>& states) {
  if (states.dimension() == 0) throw InvalidArgument("states: expected the shape (*loop_shape, dof), got ()");
  const std::size_t dof = states.shape().back();
  const std::size_t num_pts = this->num_pts_of(dof, "states");
  const std::size_t before = progress_.dof;
  const RowPartition partition = partition_.is_distributed() ? partition_ : this->partition_of(dof);
  if (partition.total(dof) == 0 || (before != 0 && dof != before))
    throw InvalidArgument(message("states: expected a length of ", before == 0 ? std::size_t{1} : before,
                                  before == 0 ? " or more" : ", as before", ", got ", dof));
  std::optional<SpaceScaling<T>> first_scaling;
  if (before == 0) first_scaling = scaling_for(num_pts);
  const std::optional<SpaceScaling<T>>& scaling = before == 0 ? first_scaling : scaling_;

  // Everything that may throw comes first; the object changes last.
  const auto rows = split_loop(states, {dof}, "states").matrix;
  if (rows.rows == 0) return;
  const auto& missing = options_.field_opts.missing_values;
  std::vector<T> scaled(scaling || !missing.empty() ? rows.rows * dof : 0);
  std::vector<std::span<const T>> given;
  std::vector<double> squares_of_rows(rows.rows, 0.0);
  std::vector<double> is_gappy(rows.rows, 0.0);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    auto row = rows.row(i);
    const bool has_missing = !missing.empty() && std::ranges::any_of(row, [&](T x) {
      return is_missing_value(static_cast<double>(x), missing);
    });
    if (scaling && !has_missing) {
      const auto scaled_row = std::span(scaled).subspan(i * dof, dof);
      scaling->scale(row, scaled_row);
      row = scaled_row;
    }
    given.push_back(row);
    squares_of_rows[i] = has_missing ? 0.0 : squares_of(row);
    if (has_missing || !std::ranges::all_of(row, [](T x) { return std::isfinite(x); })) is_gappy[i] = 1.0;
  }
  partition.sum(squares_of_rows);
  partition.maximum(is_gappy);
  std::vector<std::span<const T>> accepted;
  std::vector<double> squares;
  double sum = progress_.state.squares + waiting_squares_;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    if (is_gappy[i] > 0.0) continue;
    sum += squares_of_rows[i];
    if (!std::isfinite(sum)) throw NumericalError("states: the sum of squares overflows");
    accepted.push_back(given[i]);
    squares.push_back(squares_of_rows[i]);
  }
  const RowPartition before_partition = std::exchange(partition_, partition);
  try {
    take_in(accepted, squares, dof);
  } catch (...) {
    partition_ = before_partition;
    throw;
  }
  if (before == 0) scaling_ = std::move(first_scaling);
  progress_.num_dropped += rows.rows - accepted.size();
  progress_.dof = dof;
  this->set_num_pts(num_pts);
}

template <class T>
void BasicIncrementalSVD<T>::take_in(const std::vector<std::span<const T>>& rows, const std::vector<double>& squares,
                                     std::size_t dof) {
  const std::size_t dof_of_all = partition_.total(dof);
  const std::size_t length = block_size(incremental_, dof_of_all);
  auto& waiting = progress_.waiting;
  const std::size_t total = progress_.num_waiting + rows.size();
  if (total < length) {
    if (total * dof > waiting.capacity())
      waiting.reserve(std::min(std::max(2 * waiting.size(), total * dof), length * dof));
    for (const auto& row : rows) waiting.insert(waiting.end(), row.begin(), row.end());
    for (const double square : squares) waiting_squares_ += square;
    progress_.num_waiting = total;
    return;
  }
  const std::size_t longest = std::max<std::size_t>(1, longest_block(incremental_, dof_of_all) / length) * length;
  std::size_t left = total / length * length;
  std::vector<T> block;
  block.reserve(std::min(longest, left) * dof);
  block.assign(waiting.begin(), waiting.end());
  std::size_t count = progress_.num_waiting;
  double squares_of_block = 0.0;
  std::optional<IncrementalState<T>> advanced;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    block.insert(block.end(), rows[i].begin(), rows[i].end());
    squares_of_block += squares[i];
    ++count;
    if (left == 0 || count < std::min(longest, left)) continue;
    left -= count;
    advanced = with_block(advanced ? *advanced : progress_.state, block, count, dof);
    block.clear();
    count = 0;
    squares_of_block = 0.0;
  }
  progress_.state = std::move(*advanced);
  waiting = std::move(block);
  progress_.num_waiting = count;
  waiting_squares_ = squares_of_block;
}

template <class T>
void BasicIncrementalSVD<T>::update() {
  this->together([&] { update_state(); });
}

template <class T>
void BasicIncrementalSVD<T>::update_state() {
  if (progress_.num_waiting == 0) return;
  progress_.state = with_block(progress_.state, progress_.waiting, progress_.num_waiting, progress_.dof);
  progress_.waiting.clear();
  progress_.num_waiting = 0;
  waiting_squares_ = 0.0;
}

template <class T>
IncrementalState<T> BasicIncrementalSVD<T>::with_block(const IncrementalState<T>& state, std::vector<T> block,
                                                       std::size_t count, std::size_t dof) const {
  std::vector<double> weights(count);
  // Squares of the smallest weight do not underflow.
  constexpr double smallest_weight = 1e-75;
  for (std::size_t i = 0; i < count; ++i)
    weights[i] = std::max(smallest_weight, std::pow(incremental_.forgetting, static_cast<double>(count - 1 - i)));
  const double fade = std::pow(incremental_.forgetting, static_cast<double>(count));
  IncrementalTotals totals{scaled(state.s, fade), state.squares * (fade * fade), state.bound * fade};
  if (options_.field_opts.center) return with_centered_block(state, std::move(block), dof, weights, fade);
  const MatrixView<T> rows{block.data(), count, dof};
  totals.squares += weighted_squares(readable(rows), weights, partition_);
  auto [next, coefficients] = updated(state, rows, weights, totals, truncation(), pass());
  next.coefficients = stacked(next.coefficients, coefficients);
  return std::move(next);
}

/// The rows of the update are the deviations of the block from its own mean, and the difference of both means, which
/// accounts for the shift of the mean (Ross, Lim, Lin and Yang 2008, doi:10.1007/s11263-007-0075-7).
template <class T>
IncrementalState<T> BasicIncrementalSVD<T>::with_centered_block(const IncrementalState<T>& state, std::vector<T> block,
                                                                std::size_t dof, std::vector<double> weights,
                                                                double fade) const {
  const std::size_t count = weights.size();
  auto mean = zeros<double>({dof});
  double weight = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    weight += weights[i] * weights[i];
    const double share = weights[i] * weights[i] / weight;
    for (std::size_t k = 0; k < dof; ++k) mean(k) += share * (static_cast<double>(block[i * dof + k]) - mean(k));
  }
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < dof; ++k)
      block[i * dof + k] = static_cast<T>(static_cast<double>(block[i * dof + k]) - mean(k));
  IncrementalState<T> before = state;
  before.s = scaled(state.s, fade);
  before.squares *= fade * fade;
  before.bound *= fade;
  before.weight *= fade * fade;
  const double squares = weighted_squares(MatrixView<const T>{block.data(), count, dof}, weights, partition_);
  return with_shifted_mean(before, std::move(block), std::move(weights), nullptr,
                           {.squares = squares, .mean = std::move(mean), .weight = weight});
}

/// Appends the difference of two means to the rows of an update, and refers all coefficients to the common mean.
/// \param to_rows  `(new samples, b)`: the coefficients of new samples in the rows; null: the rows are the samples
/// \param added    squares, bound, mean and weight of what is added
template <class T>
IncrementalState<T> BasicIncrementalSVD<T>::with_shifted_mean(const IncrementalState<T>& state, std::vector<T> rows,
                                                              std::vector<double> weights, const Matrix* to_rows,
                                                              const IncrementalState<T>& added) const {
  const std::size_t dof = added.mean.size();
  const std::size_t b = weights.size();
  const double total = state.weight + added.weight;
  IncrementalTotals totals{state.s, state.squares + added.squares, state.bound + added.bound};
  xt::xarray<double> mean = added.mean;
  const bool shifts = state.weight > 0.0;
  if (shifts) {
    const double root = std::sqrt(state.weight * (added.weight / total));
    weights.push_back(root);
    std::array square{0.0};
    for (std::size_t k = 0; k < dof; ++k) {
      const double apart = state.mean(k) - added.mean(k);
      rows.push_back(static_cast<T>(apart));
      square[0] += apart * apart;
      mean(k) += state.weight / total * apart;
    }
    partition_.sum(square);
    totals.squares += root * root * square[0];
  }
  auto [result, row_coefficients] =
      updated(state, MatrixView<T>{rows.data(), weights.size(), dof}, weights, totals, truncation(), pass());
  Matrix further = leading_block(row_coefficients, b, row_coefficients.shape(1));
  if (to_rows != nullptr) further = product(*to_rows, further);
  if (shifts) {
    const auto shift = as_matrix(std::as_const(row_coefficients)).row(b);
    add_to_rows(result.coefficients, added.weight / total, shift);
    add_to_rows(further, -state.weight / total, shift);
  }
  result.coefficients = stacked(result.coefficients, further);
  result.mean = std::move(mean);
  result.weight = total;
  return std::move(result);
}

template <class T>
void BasicIncrementalSVD<T>::expect_same_options(const BasicIncrementalSVD& other) const {
  if (this->fields() != other.fields())
    throw InvalidArgument(
        message("other: expected the fields ", listing(this->fields()), ", got ", listing(other.fields())));
  auto names = differing_options(options_.field_opts, other.options_.field_opts, this->fields());
  if (incremental_.forgetting != other.incremental_.forgetting) names.emplace_back("forgetting");
  if (this->has_coords() && other.has_coords() && !(this->coords() == other.coords())) names.emplace_back("coords");
  if (!names.empty())
    throw InvalidArgument(message("other: expected the options of this object, got another ", listing(names)));
}

template <class T>
void BasicIncrementalSVD<T>::merge(const BasicIncrementalSVD& other) {
  this->together([&] { merge_states(other); });
}

template <class T>
void BasicIncrementalSVD<T>::merge_states(const BasicIncrementalSVD& other) {
  expect_same_options(other);
  const std::size_t dof = other.progress_.dof;
  if (other.partition_.total(dof) == 0) return;
  const std::size_t num_pts = this->num_pts_of(dof, "other");
  if (progress_.dof != 0 && progress_.dof != dof)
    throw InvalidArgument(message("other: expected states of length ", progress_.dof, ", got ", dof));
  BasicIncrementalSVD added = other;
  added.update();
  BasicIncrementalSVD merged = *this;
  merged.partition_ = other.partition_;
  merged.update();
  auto& state = merged.progress_.state;
  const auto& further = added.progress_.state;
  // The other basis vectors enter as snapshots, weighted by their singular values.
  std::vector<T> vectors(further.basis.size());
  const MatrixView<T> rows{vectors.data(), added.rank(), dof};
  if (added.rank() > 0) transpose_into<T>(as_matrix(further.basis), rows);
  const IncrementalTotals totals{state.s, state.squares + further.squares, state.bound + further.bound};
  std::vector<double> weights(further.s.begin(), further.s.end());
  if (further.weight > 0.0) {
    state = merged.with_shifted_mean(state, std::move(vectors), std::move(weights), &further.coefficients, further);
  } else if (added.rank() == 0) {
    state.squares = totals.squares;
    state.bound = totals.bound;
    auto coefficients = zeros<double>({merged.num_samples() + added.num_samples(), merged.rank()});
    std::ranges::copy(state.coefficients, coefficients.begin());
    state.coefficients = std::move(coefficients);
  } else {
    auto [next, coefficients] = updated(state, rows, weights, totals, truncation(), merged.pass());
    next.coefficients = stacked(next.coefficients, product(further.coefficients, coefficients));
    state = std::move(next);
  }
  merged.progress_.num_dropped += added.progress_.num_dropped;
  merged.progress_.dof = dof;
  merged.set_num_pts(num_pts);
  if (progress_.dof == 0) merged.scaling_ = other.scaling_;
  *this = std::move(merged);
}

template <class T>
double BasicIncrementalSVD<T>::error_bound() const {
  const auto& state = progress_.state;
  return state.squares > 0.0 ? state.bound / std::sqrt(state.squares) : 0.0;
}

/// The number of modes of `finish`.
template <class T>
std::size_t BasicIncrementalSVD<T>::chosen_rank(double unresolved) const {
  const auto& state = progress_.state;
  const RankRule& rule = options_.rule;
  if (rule.is_empty()) return rank();
  if (rule.rank && *rule.rank > rank()) {
    const std::size_t dof = partition_.total(progress_.dof);
    const std::size_t most = std::min(dof, num_samples());
    if (incremental_.max_rank || incremental_.tolerance > 0.0 || *rule.rank > most)
      throw InvalidArgument(
          *rule.rank > most
              ? message("rank: expected 1 to min(dof, samples) = min(", dof, ", ", num_samples(), "), got ", *rule.rank)
              : message("rank: expected 1 to ", rank(), ", the number of modes kept by max_rank and tolerance, got ",
                        *rule.rank));
    return *rule.rank;
  }
  const Spectrum<T> spectrum{array_cast<T>(state.s), state.coefficients, partition_.total(progress_.dof), num_samples(),
                             unresolved};
  return choose_rank(rule, spectrum).rank;
}

/// The space of the basis: that of the options, with the mean of the snapshots.
template <class T>
std::optional<FieldSpace> BasicIncrementalSVD<T>::learned_space() const {
  if (!scaling_) return std::nullopt;
  const FieldSpace& space = scaling_->space();
  const auto& mean = progress_.state.mean;
  if (!options_.field_opts.center) return space;
  FieldSpaceParts parts = space.parts();
  parts.is_centered = true;
  parts.mean = xt::xarray<double>::from_shape({mean.size()});
  for (std::size_t i = 0; i < mean.size(); ++i)
    parts.mean(i) = space.shift(i) + mean(i) / (space.factor(i) * scaling_->row_scale(i));
  return FieldSpace(std::move(parts), mean.size() / this->num_qoi());
}

template <class T>
BasicSVD<T> BasicIncrementalSVD<T>::finish() {
  std::optional<BasicSVD<T>> svd;
  this->together([&] { svd.emplace(finished()); });
  return std::move(*svd);
}

template <class T>
BasicSVD<T> BasicIncrementalSVD<T>::finished() {
  update();
  const auto& state = progress_.state;
  if (num_samples() == 0) throw InvalidArgument("snapshots: expected at least one that is finite, got none");
  if (rank() == 0)
    throw InvalidArgument(options_.field_opts.center ? "snapshots: expected some that differ, got identical ones"
                                                     : "snapshots: expected one that is not zero, got only zeros");
  double squares = 0.0;
  for (const double value : state.s) squares += value * value;
  const double unresolved = std::min(std::max(0.0, state.squares - squares), state.bound * state.bound);
  const std::size_t modes = chosen_rank(unresolved);
  const std::size_t kept = std::min(modes, rank());
  xt::xarray<T> basis = completed_basis(leading_block(state.basis, progress_.dof, kept), modes, partition_);
  xt::xarray<T> latents = zeros<T>({num_samples(), modes});
  for (std::size_t j = 0; j < num_samples(); ++j)
    for (std::size_t k = 0; k < kept; ++k) latents(j, k) = static_cast<T>(state.coefficients(j, k));
  auto singular_values = zeros<T>({std::max(rank(), modes)});
  std::ranges::transform(state.s, singular_values.begin(), [](double value) { return static_cast<T>(value); });
  if (scaling_) scaling_->unscale(as_matrix(basis));
  ColumnSigns<T> signs(modes);
  signs.add(as_matrix(std::as_const(basis)));
  const std::vector<T> factors = signs.signs(partition_);
  scale_columns(as_matrix(basis), factors);
  scale_columns(as_matrix(latents), factors);
  BasicSVDMap<T> map{.projection_matrix = std::move(basis),
                     .singular_values = std::move(singular_values),
                     .unresolved_squares = unresolved,
                     .latent_ranges = ranges_of(latents),
                     .training_latents = std::nullopt,
                     .num_samples = num_samples(),
                     .num_dropped = progress_.num_dropped,
                     .errors = std::nullopt,
                     .validation_errors = std::nullopt};
  map.space = learned_space();
  std::vector<double> weights(num_samples());
  for (std::size_t j = 0; j < weights.size(); ++j)
    weights[j] = std::pow(incremental_.forgetting, 2.0 * static_cast<double>(weights.size() - 1 - j));
  map.set_latent_statistics(latents, weights);
  if (options_.keep_training_latents) map.training_latents = std::move(latents);
  return BasicSVD<T>(this->compression_options(), options_, std::move(map));
}

template class BasicIncrementalSVD<double>;
template class BasicIncrementalSVD<float>;

}  // namespace fieldfold
