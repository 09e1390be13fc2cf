module fieldfold.pod.svd;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.memory;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.decomposition.errors;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.learn;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.pod.gappy;
import fieldfold.pod.map;
import fieldfold.pod.projection;
import fieldfold.points.duplicates;
import fieldfold.rbf.interpolator;
import fieldfold.rows.missing_values;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

/// What turns the norms of errors of fields into root mean squares.
struct FieldTotals {
  /// `(num_qoi,)`: `1^T W 1` of each field, for an inner product W, without masked numbers.
  std::vector<double> weights;
  bool is_standardized = false;
};

FieldTotals totals_of(const FieldSpace& space, const RowPartition& partition) {
  auto ones = zeros<double>({space.dof(), 1});
  for (std::size_t i = 0; i < space.dof(); ++i) ones(i, 0) = space.is_masked(i) ? 0.0 : 1.0;
  auto weights = zeros<double>({space.dof(), 1});
  space.apply_weights(as_matrix(std::as_const(ones)), as_matrix(weights));
  std::vector<double> totals(space.num_qoi(), 0.0);
  for (std::size_t i = 0; i < space.dof(); ++i) totals[space.layout().field(i)] += ones(i, 0) * weights(i, 0);
  partition.sum(totals);
  return {std::move(totals), partition.any(space.parts().deviation.size() > 0)};
}

/// \param space           null: untransformed states  \param sample_weights  of the columns
SnapshotErrors snapshot_errors(RelativeErrors&& errors, const FieldSpace* space, const FieldTotals& totals,
                               const std::vector<double>& sample_weights) {
  std::vector<double> rms = std::move(errors.group_norms);
  const double samples = std::accumulate(sample_weights.begin(), sample_weights.end(), 0.0);
  for (std::size_t field = 0; field < rms.size(); ++field) {
    rms[field] /= std::sqrt(totals.weights[field] * samples);
    if (space == nullptr) continue;
    const FieldTransform& transform = space->parts().transforms[field];
    const bool has_unit = !transform.is_logarithmic && !totals.is_standardized;
    rms[field] = has_unit ? rms[field] / transform.factor : std::numeric_limits<double>::quiet_NaN();
  }
  return {std::move(errors.columns), std::move(errors.groups), std::move(errors.column_groups), std::move(rms)};
}

/// How many numbers are to blame for dropped snapshots, and what leaves them out.
template <class S>
std::string blame_of_dropped(const RowSource<S>& snapshots, const FieldOptions& options,
                             const RowPartition& partition) {
  const auto [gappy, empty] = gappy_rows(snapshots, options.mask_share);
  const bool is_masked = options.mask == Mask::automatic;
  return message("NaN or infinity in ", partition.sum(is_masked ? gappy - empty : gappy), " of ",
                 partition.total(snapshots.rows()), " numbers; ", is_masked ? "a larger mask_share" : "the mask auto",
                 " leaves out numbers that are often missing");
}

/// \throws InvalidArgument  no finite snapshot; only zeros, or identical snapshots if they are centred
template <class T, class S>
void check_learned(const Decomposition<T>& found, const RowSource<S>& snapshots, const FieldOptions& options,
                   bool is_centered, const RowPartition& partition) {
  if (found.kept.empty())
    throw InvalidArgument(message("snapshots: expected at least one that is finite, got ",
                                  snapshots.cols() - found.left_out.size(), " of ", partition.total(snapshots.rows()),
                                  " rows, all with ", blame_of_dropped(snapshots, options, partition)));
  if (found.rank > 0) return;
  const std::size_t dropped = snapshots.cols() - found.kept.size() - found.left_out.size();
  throw InvalidArgument(message(is_centered ? "snapshots: expected some that differ, got identical ones"
                                            : "snapshots: expected one that is not zero, got only zeros",
                                dropped > 0 ? message("; ", dropped, " others are dropped because of ",
                                                      blame_of_dropped(snapshots, options, partition))
                                            : ""));
}

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

/// The missing values that no rank has found.
std::vector<double> of_no_rank(const std::vector<double>& not_found, const std::vector<double>& missing_values,
                               const RowPartition& partition) {
  if (missing_values.empty()) return {};
  std::vector<double> found(missing_values.size());
  std::ranges::transform(missing_values, found.begin(), [&](double value) {
    return std::ranges::find(not_found, value) == not_found.end() ? 1.0 : 0.0;
  });
  partition.maximum(found);
  std::vector<double> values;
  for (std::size_t k = 0; k < found.size(); ++k)
    if (found[k] == 0.0) values.push_back(missing_values[k]);
  return values;
}

/// The snapshots with a weight above 0.
std::vector<std::size_t> weighted_columns(const xt::xarray<double>& weights) {
  std::vector<std::size_t> columns;
  for (std::size_t j = 0; j < weights.size(); ++j)
    if (weights.data()[j] > 0.0) columns.push_back(j);
  return columns;
}

/// The map of a decomposition, without the basis and the space. Its parts are moved from the decomposition.
/// \param scaling  null: none
template <class T>
BasicSVDMap<T> map_of(Decomposition<T>& found, const FieldTotals& totals, std::size_t num_snapshots,
                      const SpaceScaling<T>* scaling, const SVDOptions& options) {
  const auto weights_of = [&](const std::vector<std::size_t>& columns) {
    std::vector<double> weights(columns.size(), 1.0);
    for (std::size_t k = 0; k < columns.size() && scaling != nullptr; ++k)
      weights[k] = scaling->sample_weight(columns[k]);
    return weights;
  };
  const auto errors_of = [&](RelativeErrors& errors, const std::vector<std::size_t>& columns) {
    return snapshot_errors(std::move(errors), scaling != nullptr ? &scaling->space() : nullptr, totals,
                           weights_of(columns));
  };
  BasicSVDMap<T> map{.projection_matrix = zeros<T>({0, 0}),
                     .singular_values = std::move(found.s),
                     .unresolved_squares = found.unresolved_squares,
                     .latent_ranges = ranges_of(found.coefficients),
                     .training_latents = std::nullopt,
                     .num_samples = found.kept.size(),
                     .num_dropped = num_snapshots - found.kept.size() - found.left_out.size(),
                     .errors = errors_of(found.errors, found.kept),
                     .validation_errors = std::nullopt};
  if (found.kept.size() < num_snapshots) map.snapshot_numbers = found.kept;
  map.set_latent_statistics(found.coefficients, weights_of(found.kept));
  if (!found.left_out.empty()) map.validation_errors = errors_of(found.left_out_errors, found.left_out);
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
  const auto& communicator = this->compression_options().communicator;
  if (communicator && options_.threads == 0) options_.threads = communicator->threads();
  this->together([&] {
    validate(options_.rule);
    validate(options_.field_opts, this->fields());
    if (options_.validate_every == 1) throw InvalidArgument("validate_every: expected 0, or 2 or more, got 1");
  });
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
  this->together([&] { set_map(std::move(map)); });
}

template <class T>
void BasicSVD<T>::set_map(BasicSVDMap<T> map) {
  map.complete(options_.threads);
  const RowPartition partition = this->partition_of(map.num_rows());
  if (map.space && map.space->parts().mass && map.space->parts().mass->is_distributed() != partition.is_distributed())
    throw InvalidArgument("map: expected a mass matrix of the same ranks as the points");
  map.validate(partition);
  if (map.space && map.space->parts().fields != this->fields())
    throw InvalidArgument(message("map: expected a space of the fields ", listing(this->fields()), ", got ",
                                  listing(map.space->parts().fields)));
  for (const auto* errors : {&map.errors, &map.validation_errors})
    if (*errors && (*errors)->fields.size() != this->num_qoi())
      throw InvalidArgument(
          message("map: expected errors of ", this->num_qoi(), " fields, got ", (*errors)->fields.size()));
  this->set_num_pts(this->num_pts_of(map.projection_matrix.shape(0), "map"));
  map_ = std::move(map);
  partition_ = partition;
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
  this->together([&] {
    const FieldRows<T> rows(this->snapshot_rows(fields));
    if (!this->has_grid() && !this->compression_options().communicator)
      warn_of_few_points(rows.rows() / this->num_qoi(), rows.cols());
    compute_map(rows, rule);
  });
}

template <class T>
void BasicSVD<T>::compute_map(const RowSource<T>& snapshots, const RankRule& rule) {
  std::optional<std::pair<BasicSVDMap<T>, DecompositionReport>> found;
  RowPartition partition;
  this->together([&] {
    ArrayStore<T> basis;
    found = learn(snapshots, basis, rule);
    found->first.projection_matrix = std::move(basis.array());
    found->first.complete(options_.threads);
    partition = this->partition_of(snapshots.rows());
  });
  map_ = std::move(found->first);
  partition_ = partition;
  report_ = found->second;
  this->set_num_pts(snapshots.rows() / this->num_qoi());
}

template <class T>
DecompositionRequest<T> BasicSVD<T>::request_for(const RankRule& rule, const RowPartition& partition) const {
  return {.choose_rank = [&rule](const Spectrum<T>& spectrum) { return choose_rank(rule, spectrum); },
          .needs_coefficients = rule.sample_tol.has_value() && !rule.rank,
          .known_rank = rule.rank,
          .expected_tail = expected_tail(rule),
          .method = options_.method,
          .threads = options_.threads,
          .groups = this->num_qoi(),
          .leave_out_every = options_.validate_every,
          .partition = partition,
          .progress = options_.progress};
}

template <class T>
template <class S>
std::pair<BasicSVDMap<T>, DecompositionReport> BasicSVD<T>::learn_from(const RowSource<S>& given, RowStore<T>& basis,
                                                                       const RankRule& rule) const {
  std::optional<std::pair<BasicSVDMap<T>, DecompositionReport>> found;
  this->together([&] { found = learn_together(given, basis, rule); });
  return std::move(*found);
}

template <class T>
template <class S>
std::pair<BasicSVDMap<T>, DecompositionReport> BasicSVD<T>::learn_together(const RowSource<S>& given,
                                                                           RowStore<T>& basis,
                                                                           const RankRule& rule) const {
  const RowPartition partition = this->partition_of(given.rows());
  const RankRule& chosen = rule.is_empty() ? options_.rule : rule;
  validate(chosen);
  warn_of_ignored(chosen);
  FieldOptions field_opts = options_.field_opts;
  this->num_pts_of(given.rows(), "snapshots");
  if (partition.total(given.rows()) == 0 || given.cols() == 0)
    throw InvalidArgument(message("snapshots: expected rows and samples, got the shape (",
                                  partition.total(given.rows()), ", ", given.cols(), ")"));
  if (options_.validate_every > given.cols())
    throw InvalidArgument(message("validate_every: expected at most the number of snapshots, ", given.cols(), ", got ",
                                  options_.validate_every));
  const RowsWithMissingValues<S> marked(given, field_opts.missing_values);
  const RowSource<S>* snapshots = &marked;
  warn_of_likely_missing_values(marked, this->fields(), "; if it stands for a missing value, missing_values says so");
  if (this->has_coords() && this->interpolate_method() == "rbf")
    warn_of_coincident_points(this->coords(), this->interpolate_opts());
  std::vector<std::size_t> columns;
  std::optional<SelectedColumns<S>> weighted;
  if (auto& weights = field_opts.sample_weights; weights && weights->size() == given.cols())
    columns = weighted_columns(*weights);
  if (!columns.empty() && columns.size() < given.cols()) {
    // Snapshots of weight 0 are left out.
    auto kept = xt::xarray<double>::from_shape({columns.size()});
    for (std::size_t k = 0; k < columns.size(); ++k) kept(k) = field_opts.sample_weights->data()[columns[k]];
    field_opts.sample_weights = std::move(kept);
    snapshots = &weighted.emplace(*snapshots, columns);
  }
  auto learned = learn_complete(*snapshots, basis, request_for(chosen, partition), field_opts);
  if (weighted) {
    auto& numbers = learned.first.snapshot_numbers;
    for (std::size_t& number : numbers) number = columns[number];
    if (numbers.empty()) numbers = std::move(columns);
  }
  for (const double value : of_no_rank(marked.not_found(), field_opts.missing_values, partition))
    warn(message("missing_values: no number of the snapshots equals ", value));
  return learned;
}

template <class T>
template <class S>
std::pair<BasicSVDMap<T>, DecompositionReport> BasicSVD<T>::learn_complete(const RowSource<S>& snapshots,
                                                                           RowStore<T>& basis,
                                                                           const DecompositionRequest<T>& common,
                                                                           const FieldOptions& field_opts) const {
  DecompositionRequest<T> request = common;
  const RowPartition& partition = common.partition;
  request.choose_rank = [&](const Spectrum<T>& spectrum) {
    try {
      return common.choose_rank(spectrum);
    } catch (const InvalidArgument& error) {
      if (spectrum.columns == snapshots.cols()) throw;
      throw InvalidArgument(message(error.what(), "; ", snapshots.cols() - spectrum.columns, " of ", snapshots.cols(),
                                    " snapshots are held out, or dropped because of ",
                                    blame_of_dropped(snapshots, field_opts, partition)));
    }
  };
  const auto check = [&](const Decomposition<T>& found, bool is_centered) {
    check_learned(found, snapshots, field_opts, is_centered, partition);
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
    const std::size_t num_pts = partition.total(snapshots.rows()) / this->num_qoi();
    return {map_of<T>(found, {.weights = std::vector<double>(this->num_qoi(), static_cast<double>(num_pts))},
                      snapshots.cols(), nullptr, options_),
            found.report};
  }
  SpaceLearning learning{
      .leave_out_every = options_.validate_every, .threads = options_.threads, .partition = partition};
  if (options_.progress) learning.progress = [this](double share) { options_.progress("statistics", share); };
  auto [space, statistics] = learn_space(snapshots, field_opts, this->fields(), learning);
  SpaceScaling<T> scaling(std::move(space), field_opts.sample_weights);
  request.inner_product = scaling.inner_product();
  request.masked_rows = scaling.space().parts().masked;
  if (partition.any(!statistics.gaps.empty())) fill_gaps(snapshots, scaling, statistics, request);
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
  scaling.unscale(basis, as_matrix(found.coefficients), found.kept, found.report.threads, partition);
  auto map = map_of(found, totals_of(scaling.space(), partition), snapshots.cols(), &scaling, options_);
  map.num_filled = partition.sum(statistics.gaps.size());
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
