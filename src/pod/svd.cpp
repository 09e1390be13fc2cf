module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.pod.svd;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.grid;
import fieldfold.decomposition.errors;
import fieldfold.decomposition.inner_product;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.pod.gappy;
import fieldfold.pod.map;
import fieldfold.pod.projection;
import fieldfold.pod.whitening;
import fieldfold.rbf.interpolator;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

SnapshotErrors snapshot_errors(RelativeErrors&& errors) {
  return {std::move(errors.columns), std::move(errors.groups), std::move(errors.column_groups)};
}

}  // namespace

template <class T>
BasicSVD<T>::BasicSVD(SVDOptions options)
    : BasicCompression<T>({.fields = std::move(options.fields),
                           .coords = std::move(options.coords),
                           .interpolate_method = std::move(options.interpolate_method),
                           .interpolate_opts = std::move(options.interpolate_opts),
                           .mask = options.field_opts.mask,
                           .operator_cache_bytes = options.operator_cache_bytes}),
      rule_(options.rank_rule()),
      field_opts_(std::move(options.field_opts)),
      validate_every_(options.validate_every),
      keep_training_latents_(options.keep_training_latents),
      method_(options.method),
      threads_(options.threads),
      operator_cache_bytes_(options.operator_cache_bytes),
      progress_(std::move(options.progress)) {
  validate(rule_);
  validate(field_opts_, this->fields());
  if (validate_every_ == 1) throw InvalidArgument("validate_every: expected 0, or 2 or more, got 1");
}

template <class T>
BasicSVD<T>::BasicSVD(SVDOptions options, BasicSVDMap<T> map) : BasicSVD(std::move(options)) {
  map.complete(threads_);
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
  compute_map(FieldRows<T>(this->snapshot_rows(fields)), rule);
}

template <class T>
void BasicSVD<T>::compute_map(const RowSource<T>& snapshots, const RankRule& rule) {
  ArrayStore<T> basis;
  auto [map, report] = learn(snapshots, basis, rule);
  map.projection_matrix = std::move(basis.array());
  map.complete(threads_);
  map_ = std::move(map);
  report_ = report;
  this->set_num_pts(this->num_pts_of(snapshots.rows(), "snapshots"));
}

template <class T>
std::pair<BasicSVDMap<T>, DecompositionReport> BasicSVD<T>::learn(const RowSource<T>& snapshots, RowStore<T>& basis,
                                                                  const RankRule& rule) const {
  const RankRule& chosen = rule.is_empty() ? rule_ : rule;
  validate(chosen);
  const std::size_t dof = snapshots.rows();
  this->num_pts_of(dof, "snapshots");
  if (dof == 0 || snapshots.cols() == 0)
    throw InvalidArgument(
        message("snapshots: expected rows and samples, got the shape (", dof, ", ", snapshots.cols(), ")"));
  DecompositionRequest<T> request{
      .choose_rank = [&](const Spectrum<T>& spectrum) { return choose_rank(chosen, spectrum); },
      .known_rank = chosen.rank,
      .expected_tail = expected_tail(chosen),
      .method = method_,
      .threads = threads_,
      .groups = this->num_qoi(),
      .leave_out_every = validate_every_,
      .progress = progress_};
  std::optional<LearnedSpace> learned;
  std::unique_ptr<Metric<T>> metric;
  std::vector<double> row_scales;
  std::vector<T> sample_roots;
  std::optional<SpaceRows<T>> in_space;
  if (!is_plain(field_opts_)) {
    std::function<void(double)> survey_progress;
    if (progress_) survey_progress = [this](double share) { progress_("survey", share); };
    learned.emplace(learn_space(snapshots, field_opts_, this->fields(), validate_every_, threads_, survey_progress));
    row_scales = learned->space.row_scales();
    metric = learned->space.template metric<T>();
    request.metric = metric.get();
    request.absent_rows = learned->space.parts().absent;
    if (field_opts_.sample_weights)
      for (const double weight : *field_opts_.sample_weights) {
        sample_roots.push_back(static_cast<T>(std::sqrt(weight)));
        if (!(sample_roots.back() > T{0}) || !std::isfinite(sample_roots.back()))
          throw InvalidArgument(
              message("sample_weights: expected numbers whose roots are of the precision, got ", weight));
      }
    if (!learned->survey.gaps.empty()) fill_gaps(snapshots, *learned, sample_roots, request);
    in_space.emplace(snapshots, learned->space, row_scales, sample_roots, learned->survey.gaps);
  }
  auto found = decompose<T>(in_space ? *in_space : snapshots, request, basis);
  if (found.kept.empty())
    throw InvalidArgument(message("snapshots: expected at least one that is finite, got ",
                                  snapshots.cols() - found.left_out.size(), " of ", dof,
                                  " rows, all of them with NaN or infinity"));
  const bool centered = learned && learned->space.parts().is_centered;
  if (found.rank == 0)
    throw InvalidArgument(centered ? "snapshots: expected some that differ, got one and the same"
                                   : "snapshots: expected one that is not zero, got only zeros");
  std::vector<double> sample_weights(found.kept.size(), 1.0);
  if (learned) {
    const auto signs = unscale_basis(basis, found.rank, row_scales, found.report.threads);
    scale_columns(as_matrix(found.latents), signs);
    for (std::size_t j = 0; j < found.kept.size() && !sample_roots.empty(); ++j) {
      sample_weights[j] = field_opts_.sample_weights->data()[found.kept[j]];
      for (T& latent : as_matrix(found.latents).row(j)) latent /= sample_roots[found.kept[j]];
    }
  }
  BasicSVDMap<T> map{.projection_matrix = {},
                     .singular_values = std::move(found.s),
                     .unresolved_squares = found.unresolved_squares,
                     .latent_ranges = ranges_of(found.latents),
                     .training_latents = std::nullopt,
                     .num_samples = found.kept.size(),
                     .num_dropped = snapshots.cols() - found.kept.size() - found.left_out.size(),
                     .errors = snapshot_errors(std::move(found.errors)),
                     .validation_errors = std::nullopt};
  map.describe_latents(found.latents, sample_weights);
  if (learned) {
    map.num_filled = learned->survey.gaps.size();
    map.space = std::move(learned->space);
  }
  if (!found.left_out.empty()) map.validation_errors = snapshot_errors(std::move(found.left_out_errors));
  if (keep_training_latents_) map.training_latents = std::move(found.latents);
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
xt::xarray<T> BasicSVD<T>::compress(const ArrayRef<T>& states) const {
  return compress(states, field_opts_.gappy_states);
}

template <class T>
xt::xarray<T> BasicSVD<T>::compress(const ArrayRef<T>& states, GappyStates policy) const {
  const auto [loop_shape, rows] = split_loop(states, {this->dof()}, "states");
  auto latent = xt::xarray<T>::from_shape(joined(loop_shape, {rank()}));
  projection().compress(rows, policy, as_matrix(latent, rows.rows, rank()));
  return latent;
}

template <class T>
void BasicSVD<T>::compress(const ArrayRef<T>& states, std::span<T> latent) const {
  const auto rows = split_loop(states, {this->dof()}, "states").matrix;
  if (latent.size() != rows.rows * rank())
    throw InvalidArgument(
        message("latent: expected memory for ", rows.rows, " x ", rank(), " numbers, got ", latent.size()));
  projection().compress(rows, field_opts_.gappy_states, {latent.data(), rows.rows, rank()});
}

template <class T>
SpaceProjection<T> BasicSVD<T>::projection() const {
  return map().projection();
}

template <class T>
BasicAssessment<T> BasicSVD<T>::assess(const ArrayRef<T>& states) const {
  const auto [loop_shape, rows] = split_loop(states, {this->dof()}, "states");
  BasicAssessment<T> result{xt::xarray<T>::from_shape(joined(loop_shape, {rank()})),
                            xt::xarray<double>::from_shape(loop_shape), xt::xarray<double>::from_shape(loop_shape),
                            xt::xarray<double>::from_shape(loop_shape)};
  // Norms come first into the place of what they divide.
  projection().assess(rows, as_matrix(result.latent, rows.rows, rank()), result.distance.data(),
                      result.relative_distance.data(), result.condition.data());
  for (std::size_t k = 0; k < rows.rows; ++k) {
    double& relative = result.relative_distance.data()[k];
    const double distance = result.distance.data()[k];
    relative = distance > 0.0 ? distance / relative : distance;
  }
  return result;
}

template <class T>
std::vector<std::size_t> BasicSVD<T>::sensors(std::size_t count) const {
  return sensor_rows(as_matrix(projection_matrix()), count);
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
  projection().reconstruct(rows, {states.data(), rows.rows, this->dof()});
}

template <class T>
BasicFields<T> BasicSVD<T>::reconstruct_at(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const {
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  const FieldSpace* const space = map().space ? &*map().space : nullptr;
  if (rows.rows <= rank() || (space != nullptr && space->is_logarithmic()))
    return this->interpolate_from_grid(reconstruct(latent), new_coords);
  // The modes, and what no coefficients give.
  const std::size_t origin = space != nullptr ? 1 : 0;
  xt::xarray<T> modes = xt::zeros<T>({rank() + origin, this->dof()});
  const MatrixView<T> changes{modes.data(), rank(), this->dof()};
  transpose_into(as_matrix(projection_matrix()), changes);
  auto coefficients = xt::xarray<T>::from_shape({rows.rows, rank() + origin});
  for (std::size_t k = 0; k < rows.rows; ++k) {
    std::ranges::copy(rows.row(k), as_matrix(coefficients).row(k).begin());
    if (origin > 0) coefficients(k, rank()) = T{1};
  }
  if (space != nullptr) {
    space->leave_difference(changes);
    space->leave(MatrixView<T>{&modes(rank(), 0), 1, this->dof()});
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
const xt::xarray<double>& BasicSVD<T>::latent_mean() const {
  if (map().latent_mean.size() == 0)
    throw NotReady("the statistics of the coefficients are not known: the map was learned without them");
  return map().latent_mean;
}

template <class T>
const xt::xarray<double>& BasicSVD<T>::latent_covariance() const {
  latent_mean();
  return map().latent_covariance;
}

template <class T>
Whitening BasicSVD<T>::whitening() const {
  return {latent_mean(), latent_covariance(), static_cast<double>(std::numeric_limits<T>::epsilon())};
}

template <class T>
xt::xarray<T> BasicSVD<T>::whiten(const ArrayRef<T>& latent) const {
  auto white = whitening().apply(split_loop(latent, {rank()}, "latent").matrix);
  white.reshape(latent.shape());
  return white;
}

template <class T>
xt::xarray<T> BasicSVD<T>::unwhiten(const ArrayRef<T>& white) const {
  auto latent = whitening().undo(split_loop(white, {rank()}, "white").matrix);
  latent.reshape(white.shape());
  return latent;
}

template <class T>
xt::xarray<T> BasicSVD<T>::mean() const {
  if (!is_centered()) throw NotReady("there is no mean snapshot: center of the field options asks for one");
  return reconstruct(xt::xarray<T>(xt::zeros<T>({rank()})));
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
  if (!map().errors) throw NotReady("the errors of the snapshots are not known: the map was learned without them");
  return *map().errors;
}

template <class T>
const SnapshotErrors& BasicSVD<T>::validation_errors() const {
  if (!map().validation_errors)
    throw NotReady("there are no errors of a validation: validate_every of the options asks for them");
  return *map().validation_errors;
}

template <class T>
const xt::xarray<T>& BasicSVD<T>::training_latents() const {
  if (!map().training_latents)
    throw NotReady("the training latents were not kept: keep_training_latents of the options asks for them");
  return *map().training_latents;
}

template <class T>
SVDOptions BasicSVD<T>::options() const {
  return {.fields = this->fields(),
          .coords = this->has_coords() ? std::optional(this->coords()) : std::nullopt,
          .interpolate_method = this->interpolate_method(),
          .interpolate_opts = this->interpolate_opts(),
          .field_opts = field_opts_,
          .rank = rule_.rank,
          .energy_tol = rule_.energy_tol,
          .reconstruction_tol = rule_.reconstruction_tol,
          .sample_tol = rule_.sample_tol,
          .noise = rule_.noise,
          .optimal_threshold = rule_.optimal_threshold,
          .validate_every = validate_every_,
          .keep_training_latents = keep_training_latents_,
          .method = method_,
          .threads = threads_,
          .operator_cache_bytes = operator_cache_bytes_,
          .progress = progress_};
}

template class BasicSVD<double>;
template class BasicSVD<float>;

}  // namespace fieldfold
