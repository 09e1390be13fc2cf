module fieldfold.pod.svd;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.memory;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.decomposition.errors;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.learn;
import fieldfold.fields.options;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.pod.gappy;
import fieldfold.pod.map;
import fieldfold.pod.projection;
import fieldfold.points.duplicates;
import fieldfold.rbf.interpolator;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

SnapshotErrors snapshot_errors(RelativeErrors&& errors) {
  return {std::move(errors.columns), std::move(errors.groups), std::move(errors.column_groups)};
}

/// \throws InvalidArgument  no finite snapshot; only zeros, or identical snapshots if they are centred
template <class T>
void check_learned(const Decomposition<T>& found, std::size_t rows, std::size_t samples, bool is_centered) {
  if (found.kept.empty())
    throw InvalidArgument(message(
        "snapshots: expected at least one that is finite, got ", samples - found.left_out.size(), " of ", rows,
        " rows, all with NaN or infinity; the mask auto leaves out numbers ", "that are missing in all snapshots"));
  if (found.rank == 0)
    throw InvalidArgument(is_centered ? "snapshots: expected some that differ, got identical ones"
                                      : "snapshots: expected one that is not zero, got only zeros");
}

/// States with NaN in place of missing values; a view of the given ones if none stands for a missing value.
template <class S>
class MarkedStates {
 public:
  MarkedStates(const ArrayRef<S>& states, std::span<const double> missing_values) {
    if (missing_values.empty()) {
      view_.emplace(states.data(), states.shape());
      return;
    }
    copy_ = states.copy();
    for (S& x : copy_)
      if (is_missing_value(static_cast<double>(x), missing_values)) x = std::numeric_limits<S>::quiet_NaN();
    view_.emplace(copy_.data(), states.shape());
  }
  MarkedStates(const MarkedStates&) = delete;
  MarkedStates& operator=(const MarkedStates&) = delete;

  const ArrayRef<S>& states() const { return *view_; }

 private:
  xt::xarray<S> copy_;
  std::optional<ArrayRef<S>> view_;
};

void warn_of_few_points(std::size_t num_pts, std::size_t samples) {
  constexpr std::size_t far_more = 20;
  if (samples >= far_more * num_pts)
    warn(message("snapshots: ", samples, " samples of only ", num_pts,
                 " points; if some axes of the samples are axes of the grid, coords or a grid shape say so"));
}

void warn_of_coincident_points(const xt::xarray<double>& coords, const RBFOptions& options) {
  if (options.merge_duplicates || options.smoothing.dimension() > 0 || options.smoothing() != 0.0) return;
  const auto pairs = coincident_pairs(as_matrix(coords), [](std::size_t) { return true; });
  if (pairs.count > 0)
    warn(message("coords: points ", pairs.first.first, " and ", pairs.first.second, " coincide, one of ", pairs.count,
                 " such pairs; interpolation from this grid needs smoothing or merge_duplicates"));
}

/// Numbers that may stand for a missing value: the least and the largest one, if they are far from most others, which
/// differ, and at least one in a hundred.
/// \param numbers  ascending
std::vector<double> fill_values_among(const std::vector<double>& numbers) {
  constexpr double far = 3.0;
  // Without the extremes, so that one fill value does not hide another.
  const auto inner =
      std::span(std::ranges::upper_bound(numbers, numbers.front()), std::ranges::lower_bound(numbers, numbers.back()));
  if (inner.empty() || numbers.front() == numbers.back()) return {};
  const auto quantile = [&](std::size_t percent) { return inner[(inner.size() - 1) * percent / 100]; };
  const double low = quantile(2);
  const double high = quantile(98);
  const auto is_frequent = [&](std::ptrdiff_t count) {
    return 100 * static_cast<std::size_t>(count) >= numbers.size();
  };
  std::vector<double> found;
  if (high > low && is_frequent(inner.data() - numbers.data()) && low - numbers.front() > far * (high - low))
    found.push_back(numbers.front());
  if (high > low && is_frequent(numbers.data() + numbers.size() - (inner.data() + inner.size())) &&
      numbers.back() - high > far * (high - low))
    found.push_back(numbers.back());
  return found;
}

/// Warns of such numbers in a sample of the rows.
template <class S>
void warn_of_fill_values(const RowSource<S>& snapshots, const std::vector<std::string>& fields) {
  constexpr std::size_t blocks = 8;
  constexpr std::size_t block_points = 32;
  constexpr std::size_t most_columns = 1024;
  const std::size_t qoi = fields.size();
  const std::size_t points = snapshots.rows() / qoi;
  const std::size_t step = std::max<std::size_t>(1, points / blocks);
  const std::size_t column_step = std::max<std::size_t>(1, snapshots.cols() / most_columns);
  std::vector<std::vector<double>> numbers(qoi);
  std::vector<S> buffer;
  for (std::size_t point = 0; point < points; point += step) {
    const std::size_t count = std::min({step, block_points, points - point}) * qoi;
    const auto rows = snapshots.read(point * qoi, count, buffer);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < rows.cols; j += column_step)
        if (std::isfinite(rows(i, j))) numbers[i % qoi].push_back(static_cast<double>(rows(i, j)));
  }
  for (std::size_t field = 0; field < qoi; ++field) {
    if (numbers[field].empty()) continue;
    std::ranges::sort(numbers[field]);
    for (const double value : fill_values_among(numbers[field]))
      warn(message("field ", fields[field], ": ", value, " occurs often, and is far from all other numbers; if it ",
                   "stands for a missing value, missing_values says so"));
  }
}

/// The map of a decomposition, without the basis and the space. Its parts are moved from the decomposition.
template <class T>
BasicSVDMap<T> map_of(Decomposition<T>& found, std::size_t num_snapshots, const std::vector<double>& sample_weights,
                      const SVDOptions& options) {
  BasicSVDMap<T> map{.projection_matrix = zeros<T>({0, 0}),
                     .singular_values = std::move(found.s),
                     .unresolved_squares = found.unresolved_squares,
                     .latent_ranges = ranges_of(found.coefficients),
                     .training_latents = std::nullopt,
                     .num_samples = found.kept.size(),
                     .num_dropped = num_snapshots - found.kept.size() - found.left_out.size(),
                     .errors = snapshot_errors(std::move(found.errors)),
                     .validation_errors = std::nullopt};
  if (found.kept.size() < num_snapshots) map.snapshot_numbers = found.kept;
  map.set_latent_statistics(found.coefficients, sample_weights);
  if (!found.left_out.empty()) map.validation_errors = snapshot_errors(std::move(found.left_out_errors));
  if (options.keep_training_latents) map.training_latents = std::move(found.coefficients);
  return map;
}

}  // namespace

template <class T>
BasicSVD<T>::BasicSVD(CompressionOptions grid, SVDOptions options)
    : BasicCompression<T>([&] {
        grid.mask = options.field_opts.mask;
        if (options.field_opts.gappy_states == GappyStates::fill) grid.holes = Holes::skip;
        grid.missing_values = options.field_opts.missing_values;
        return std::move(grid);
      }()),
      options_(std::move(options)) {
  validate(options_.rule);
  validate(options_.field_opts, this->fields());
  if (options_.validate_every == 1) throw InvalidArgument("validate_every: expected 0, or 2 or more, got 1");
}

template <class T>
BasicSVD<T>::BasicSVD(CompressionOptions grid, SVDOptions options, const ArrayRef<T>& snapshots)
    : BasicSVD(std::move(grid), std::move(options)) {
  compute_map(snapshots);
}

template <class T>
BasicSVD<T>::BasicSVD(CompressionOptions grid, SVDOptions options, const BasicFields<T>& fields)
    : BasicSVD(std::move(grid), std::move(options)) {
  compute_map(fields);
}

template <class T>
BasicSVD<T>::BasicSVD(CompressionOptions grid, SVDOptions options, BasicSVDMap<T> map)
    : BasicSVD(std::move(grid), std::move(options)) {
  map.complete(options_.threads);
  map.validate();
  if (map.space && map.space->parts().fields != this->fields())
    throw InvalidArgument(message("map: expected a space of the fields ", listing(this->fields()), ", got ",
                                  listing(map.space->parts().fields)));
  for (const auto* errors : {&map.errors, &map.validation_errors})
    if (*errors && (*errors)->fields.size() != this->num_qoi())
      throw InvalidArgument(
          message("map: expected errors of ", this->num_qoi(), " fields, got ", (*errors)->fields.size()));
  this->set_num_pts(this->num_pts_of(map.projection_matrix.shape(0), "map"));
  map_ = std::move(map);
}

template <class T>
void BasicSVD<T>::compute_map(const ArrayRef<T>& snapshots, const RankRule& rule) {
  if (snapshots.dimension() != 2)
    throw InvalidArgument(
        message("snapshots: expected the shape (dof, num_samples), got ", shape_text(snapshots.shape())));
  compute_map(MatrixRows<T>({snapshots.data(), snapshots.shape()[0], snapshots.shape()[1]}), rule);
}

template <class T>
void BasicSVD<T>::compute_map(const BasicFields<T>& fields, const RankRule& rule) {
  const FieldRows<T> rows(this->snapshot_rows(fields));
  if (!this->has_grid()) warn_of_few_points(rows.rows() / this->num_qoi(), rows.cols());
  compute_map(rows, rule);
}

template <class T>
void BasicSVD<T>::compute_map(const RowSource<T>& snapshots, const RankRule& rule) {
  ArrayStore<T> basis;
  auto [map, report] = learn(snapshots, basis, rule);
  map.projection_matrix = std::move(basis.array());
  map.complete(options_.threads);
  const std::size_t num_pts = this->num_pts_of(snapshots.rows(), "snapshots");
  map_ = std::move(map);
  report_ = report;
  this->set_num_pts(num_pts);
}

template <class T>
DecompositionRequest<T> BasicSVD<T>::request_for(const RankRule& rule) const {
  return {.choose_rank = [&rule](const Spectrum<T>& spectrum) { return choose_rank(rule, spectrum); },
          .needs_coefficients = rule.sample_tol.has_value() && !rule.rank,
          .known_rank = rule.rank,
          .expected_tail = expected_tail(rule),
          .method = options_.method,
          .threads = options_.threads,
          .groups = this->num_qoi(),
          .leave_out_every = options_.validate_every,
          .progress = options_.progress};
}

template <class T>
template <class S>
std::pair<BasicSVDMap<T>, DecompositionReport> BasicSVD<T>::learn_from(const RowSource<S>& given, RowStore<T>& basis,
                                                                       const RankRule& rule) const {
  const RankRule& chosen = rule.is_empty() ? options_.rule : rule;
  validate(chosen);
  warn_of_ignored(chosen);
  FieldOptions field_opts = options_.field_opts;
  this->num_pts_of(given.rows(), "snapshots");
  if (given.rows() == 0 || given.cols() == 0)
    throw InvalidArgument(
        message("snapshots: expected rows and samples, got the shape (", given.rows(), ", ", given.cols(), ")"));
  const RowSource<S>* snapshots = &given;
  std::optional<RowsWithMissingValues<S>> marked;
  if (!field_opts.missing_values.empty()) snapshots = &marked.emplace(given, field_opts.missing_values);
  warn_of_fill_values(*snapshots, this->fields());
  if (this->has_coords() && this->interpolate_method() == "rbf")
    warn_of_coincident_points(this->coords(), this->interpolate_opts());
  std::optional<SelectedColumns<S>> weighted;
  if (field_opts.sample_weights && field_opts.sample_weights->size() == given.cols()) {
    // Snapshots of weight 0 are left out.
    auto& weights = *field_opts.sample_weights;
    std::vector<std::size_t> columns;
    for (std::size_t j = 0; j < weights.size(); ++j)
      if (weights.data()[j] > 0.0) columns.push_back(j);
    if (columns.size() < weights.size()) {
      auto kept = xt::xarray<double>::from_shape({columns.size()});
      for (std::size_t k = 0; k < columns.size(); ++k) kept(k) = weights.data()[columns[k]];
      weights = std::move(kept);
      snapshots = &weighted.emplace(*snapshots, columns);
      auto learned = learn_complete(*snapshots, basis, chosen, field_opts);
      auto& numbers = learned.first.snapshot_numbers;
      for (std::size_t& number : numbers) number = columns[number];
      if (numbers.empty()) numbers = std::move(columns);
      return learned;
    }
  }
  auto learned = learn_complete(*snapshots, basis, chosen, field_opts);
  if (marked)
    for (const double value : marked->not_found())
      warn(message("missing_values: no number of the snapshots equals ", value));
  return learned;
}

template <class T>
template <class S>
std::pair<BasicSVDMap<T>, DecompositionReport> BasicSVD<T>::learn_complete(const RowSource<S>& snapshots,
                                                                           RowStore<T>& basis, const RankRule& rule,
                                                                           const FieldOptions& field_opts) const {
  DecompositionRequest<T> request = request_for(rule);
  request.choose_rank = [choose = request.choose_rank, &snapshots](const Spectrum<T>& spectrum) {
    try {
      return choose(spectrum);
    } catch (const InvalidArgument& error) {
      if (spectrum.columns == snapshots.cols()) throw;
      throw InvalidArgument(message(
          error.what(), "; ", snapshots.cols() - spectrum.columns, " of ", snapshots.cols(),
          " snapshots are held out, or have NaN or infinity; the mask auto leaves out numbers ", "that are missing"));
    }
  };
  const auto check = [&](const Decomposition<T>& found, bool is_centered) {
    check_learned(found, snapshots.rows(), snapshots.cols(), is_centered);
  };
  if (is_plain(field_opts)) {
    std::optional<ConvertedRows<T, S>> converted;
    const RowSource<T>* rows = nullptr;
    if constexpr (std::is_same_v<T, S>)
      rows = &snapshots;
    else
      rows = &converted.emplace(snapshots);
    auto found = decompose<T>(*rows, request, basis);
    check(found, false);
    return {map_of(found, snapshots.cols(), std::vector<double>(found.kept.size(), 1.0), options_), found.report};
  }
  SpaceLearning learning{.leave_out_every = options_.validate_every, .threads = options_.threads};
  if (options_.progress) learning.progress = [this](double share) { options_.progress("statistics", share); };
  auto [space, statistics] = learn_space(snapshots, field_opts, this->fields(), learning);
  SpaceScaling<T> scaling(std::move(space), field_opts.sample_weights);
  request.inner_product = scaling.inner_product();
  request.masked_rows = scaling.space().parts().masked;
  if (!statistics.gaps.empty()) fill_gaps(snapshots, scaling, statistics, request);
  const ScaledRows<T, S> rows(snapshots, scaling, statistics.gaps);
  // A mass matrix reads rows in any order, which files are slow at.
  auto staged = zeros<T>({0, 0});
  const bool stages = request.inner_product != nullptr && !snapshots.has_fast_rows() &&
                      rows.rows() * rows.cols() * sizeof(T) < available_memory() / 2;
  if (stages) {
    staged = xt::xarray<T>::from_shape({rows.rows(), rows.cols()});
    copy_rows(rows, as_matrix(staged));
  }
  const MatrixRows<T> staged_rows(as_matrix(std::as_const(staged)));
  const RowSource<T>& scaled_rows = stages ? static_cast<const RowSource<T>&>(staged_rows) : rows;
  auto found = decompose<T>(scaled_rows, request, basis);
  check(found, scaling.space().parts().is_centered);
  scaling.unscale(basis, as_matrix(found.coefficients), found.kept, found.report.threads);
  std::vector<double> sample_weights;
  sample_weights.reserve(found.kept.size());
  for (const std::size_t column : found.kept) sample_weights.push_back(scaling.sample_weight(column));
  auto map = map_of(found, snapshots.cols(), sample_weights, options_);
  map.num_filled = statistics.gaps.size();
  map.space = std::move(scaling).release();
  return {std::move(map), found.report};
}

template <class T>
const DecompositionReport& BasicSVD<T>::report() const {
  if (!report_) throw NotReady("there is no report: the map was not computed by this object");
  return *report_;
}

template <class T>
const BasicSVDMap<T>& BasicSVD<T>::map() const {
  if (!map_) throw NotReady("there is no map yet: compute_map learns one from snapshots");
  return *map_;
}

template <class T>
template <class S>
xt::xarray<T> BasicSVD<T>::compress_states(const ArrayRef<S>& states, GappyStates policy) const {
  const MarkedStates<S> marked(states, options_.field_opts.missing_values);
  const auto [loop_shape, rows] = split_loop(marked.states(), {this->dof()}, "states");
  auto latent = xt::xarray<T>::from_shape(joined(loop_shape, {rank()}));
  map().projection().compress(rows, policy, as_matrix(latent, rows.rows, rank()));
  return latent;
}

template <class T>
void BasicSVD<T>::compress(const ArrayRef<T>& states, std::span<T> latent) const {
  const MarkedStates<T> marked(states, options_.field_opts.missing_values);
  const auto rows = split_loop(marked.states(), {this->dof()}, "states").matrix;
  if (latent.size() != rows.rows * rank())
    throw InvalidArgument(
        message("latent: expected memory for ", rows.rows, " x ", rank(), " numbers, got ", latent.size()));
  map().projection().compress(rows, options_.field_opts.gappy_states, {latent.data(), rows.rows, rank()});
}

template <class T>
template <class S>
BasicAssessment<T> BasicSVD<T>::assess_states(const ArrayRef<S>& states) const {
  const MarkedStates<S> marked(states, options_.field_opts.missing_values);
  const auto [loop_shape, rows] = split_loop(marked.states(), {this->dof()}, "states");
  BasicAssessment<T> result{xt::xarray<T>::from_shape(joined(loop_shape, {rank()})),
                            xt::xarray<double>::from_shape(loop_shape), xt::xarray<double>::from_shape(loop_shape),
                            xt::xarray<double>::from_shape(loop_shape)};
  // The norms are replaced by the quotients below.
  map().projection().assess(rows, {.latent = as_matrix(result.latent, rows.rows, rank()),
                                   .distances = {result.distance.data(), rows.rows},
                                   .norms = {result.relative_distance.data(), rows.rows},
                                   .conditions = {result.condition.data(), rows.rows}});
  for (std::size_t k = 0; k < rows.rows; ++k) {
    double& relative = result.relative_distance.data()[k];
    const double distance = result.distance.data()[k];
    relative = distance > 0.0 ? distance / relative : distance;
  }
  return result;
}

template <class T>
xt::xarray<T> BasicSVD<T>::reconstruct(const ArrayRef<T>& latent) const {
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  auto states = xt::xarray<T>::from_shape(joined(loop_shape, {this->dof()}));
  reconstruct(latent, {states.data(), states.size()});
  return states;
}

template <class T>
void BasicSVD<T>::reconstruct(const ArrayRef<T>& latent, std::span<T> states) const {
  const auto rows = split_loop(latent, {rank()}, "latent").matrix;
  if (states.size() != rows.rows * this->dof())
    throw InvalidArgument(
        message("states: expected memory for ", rows.rows, " x ", this->dof(), " numbers, got ", states.size()));
  map().projection().reconstruct(rows, {states.data(), rows.rows, this->dof()});
}

template <class T>
BasicFields<T> BasicSVD<T>::reconstruct_at(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const {
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  const FieldSpace* const space = map().space ? &*map().space : nullptr;
  if (rows.rows <= rank() || (space != nullptr && space->is_logarithmic()))
    return this->interpolate_from_grid(reconstruct(latent), new_coords);
  // The modes, and the state with coefficients 0.
  const std::size_t origin = space != nullptr ? 1 : 0;
  xt::xarray<T> modes = zeros<T>({rank() + origin, this->dof()});
  const MatrixView<T> changes{modes.data(), rank(), this->dof()};
  transpose_into(as_matrix(projection_matrix()), changes);
  auto coefficients = xt::xarray<T>::from_shape({rows.rows, rank() + origin});
  for (std::size_t k = 0; k < rows.rows; ++k) {
    std::ranges::copy(rows.row(k), as_matrix(coefficients).row(k).begin());
    if (origin > 0) coefficients(k, rank()) = T{1};
  }
  if (space != nullptr) {
    space->inverse_transform_linear(changes);
    space->inverse_transform(MatrixView<T>{&modes(rank(), 0), 1, this->dof()});
  }
  BasicFields<T> fields = this->interpolate_from_grid(modes, new_coords);
  for (auto& [name, values] : fields) {
    const Shape coord_shape(values.shape().begin() + 1, values.shape().end());
    auto summed = xt::xarray<T>::from_shape(joined(loop_shape, coord_shape));
    const std::size_t count = size_of(coord_shape);
    multiply(as_matrix(std::as_const(coefficients)), as_matrix(std::as_const(values), rank() + origin, count),
             as_matrix(summed, rows.rows, count));
    values = std::move(summed);
  }
  return fields;
}

template <class T>
LatentRanges BasicSVD<T>::estimate_latent_ranges(double margin) const {
  if (!(margin >= 0.0) || !std::isfinite(margin))
    throw InvalidArgument(message("margin: expected a finite share of 0 or more, got ", margin));
  LatentRanges ranges = map().latent_ranges;
  for (auto& [low, high] : ranges) {
    const double more = margin * (high - low);
    low -= more;
    high += more;
  }
  return ranges;
}

template <class T>
xt::xarray<T> BasicSVD<T>::mean() const {
  if (!map().is_centered()) throw NotReady("there is no mean snapshot: the field option center is off");
  return reconstruct(xt::xarray<T>(zeros<T>({rank()})));
}

template <class T>
double BasicSVD<T>::energy() const {
  return 1.0 - tail_shares(singular_values(), map().unresolved_squares)[rank()];
}

template <class T>
double BasicSVD<T>::reconstruction_error() const {
  return std::sqrt(tail_shares(singular_values(), map().unresolved_squares)[rank()]);
}

template <class T>
const SnapshotErrors& BasicSVD<T>::errors() const {
  if (!map().errors) throw NotReady("the errors of the snapshots are unknown: the map was learned without them");
  return *map().errors;
}

template <class T>
const SnapshotErrors& BasicSVD<T>::validation_errors() const {
  if (!map().validation_errors) throw NotReady("there are no validation errors: the option validate_every was not set");
  return *map().validation_errors;
}

template <class T>
const xt::xarray<T>& BasicSVD<T>::training_latents() const {
  if (!map().training_latents)
    throw NotReady("there are no training latents: the option keep_training_latents was not set");
  return *map().training_latents;
}

template class BasicSVD<double>;
template class BasicSVD<float>;
template xt::xarray<double> BasicSVD<double>::compress_states(const ArrayRef<double>&, GappyStates) const;
template xt::xarray<float> BasicSVD<float>::compress_states(const ArrayRef<float>&, GappyStates) const;
template xt::xarray<float> BasicSVD<float>::compress_states(const ArrayRef<double>&, GappyStates) const;
template BasicAssessment<double> BasicSVD<double>::assess_states(const ArrayRef<double>&) const;
template BasicAssessment<float> BasicSVD<float>::assess_states(const ArrayRef<float>&) const;
template BasicAssessment<float> BasicSVD<float>::assess_states(const ArrayRef<double>&) const;
template std::pair<BasicSVDMap<double>, DecompositionReport> BasicSVD<double>::learn_from(const RowSource<double>&,
                                                                                          RowStore<double>&,
                                                                                          const RankRule&) const;
template std::pair<BasicSVDMap<float>, DecompositionReport> BasicSVD<float>::learn_from(const RowSource<float>&,
                                                                                        RowStore<float>&,
                                                                                        const RankRule&) const;
template std::pair<BasicSVDMap<float>, DecompositionReport> BasicSVD<float>::learn_from(const RowSource<double>&,
                                                                                        RowStore<float>&,
                                                                                        const RankRule&) const;

}  // namespace fieldfold
