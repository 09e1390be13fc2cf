module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.svd;

import fieldfold.arrays;
import fieldfold.compression;
import fieldfold.decomposition;
import fieldfold.diagnostics;
import fieldfold.field_space;
import fieldfold.gappy;
import fieldfold.interpolation;
import fieldfold.linalg;
import fieldfold.metric;
import fieldfold.rank_rule;
import fieldfold.rbf;
import fieldfold.rows;
import fieldfold.signs;
import fieldfold.space_projection;
import fieldfold.whitening;

namespace fieldfold {
namespace {

/// The rows of snapshots whose fields lie in arrays of their own: all fields of a point lie together.
template <class T>
class FieldRows final : public RowSource<T> {
 public:
  explicit FieldRows(std::vector<LoopRows<T>> fields) : fields_(std::move(fields)) {}
  std::size_t rows() const override { return fields_.front().matrix.cols * fields_.size(); }
  std::size_t cols() const override { return fields_.front().matrix.rows; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    const std::size_t num_qoi = fields_.size();
    const std::size_t first_point = first / num_qoi;
    const std::size_t points = (first + count + num_qoi - 1) / num_qoi - first_point;
    buffer.resize(points * num_qoi * cols());
    const MatrixView<T> block{buffer.data(), points * num_qoi, cols()};
    for (std::size_t qoi = 0; qoi < num_qoi; ++qoi) {
      const auto& values = fields_[qoi].matrix;
      transpose_into<T>({values.data + first_point, values.rows, points, values.stride}, every(num_qoi, qoi, block));
    }
    return {block.row(first - first_point * num_qoi).data(), count, cols()};
  }

 private:
  std::vector<LoopRows<T>> fields_;
};

SnapshotErrors snapshot_errors(RelativeErrors&& errors) {
  return {std::move(errors.columns), std::move(errors.groups), std::move(errors.column_groups)};
}

template <class T>
SpaceProjection<T> projection_on(const BasicSVDMap<T>& map) {
  const auto view = [](const xt::xarray<T>& array) {
    return array.size() == 0 ? MatrixView<const T>() : as_matrix(array);
  };
  return {view(map.projection_matrix), map.space ? &*map.space : nullptr, view(map.dual_basis)};
}

/// Makes what is not kept: the dual basis of a mass matrix.
template <class T>
void complete(BasicSVDMap<T>& map, std::size_t threads) {
  if (map.space && map.space->parts().mass && map.dual_basis.size() == 0)
    map.dual_basis = dual_basis(*map.space, map.projection_matrix, threads);
}

template <class T>
void validate(const BasicSVDMap<T>& map) {
  const auto require = [](bool holds, const char* expected) {
    if (!holds) throw InvalidArgument(message("map: expected ", expected));
  };
  const auto all_finite = [](const auto& array) {
    return std::ranges::all_of(array, [](auto x) { return std::isfinite(x); });
  };
  const xt::xarray<T>& u = map.projection_matrix;
  const xt::xarray<T>& s = map.singular_values;
  require(u.dimension() == 2 && u.size() > 0, "a projection matrix (dof, rank)");
  const std::size_t dof = u.shape(0);
  const std::size_t rank = u.shape(1);
  require(s.dimension() == 1 && s.size() <= std::min(dof, map.num_samples) && rank <= s.size(),
          "at most min(dof, num_samples) singular values, and a rank of at most their number");
  require(map.unresolved_squares >= 0.0 && std::isfinite(map.unresolved_squares), "a sum of squares of 0 or more");
  require(all_finite(u) && all_finite(s), "finite numbers");
  require(!map.space || map.space->dof() == dof, "a space of as many numbers as the projection matrix has rows");
  const xt::xarray<T>& dual = map.dual_basis;
  require(dual.size() == 0 || (map.space && map.space->parts().mass && dual.shape() == u.shape() && all_finite(dual)),
          "a dual basis like the basis, and for a mass matrix only");
  const auto& covariance = map.latent_covariance;
  require((map.latent_mean.size() == 0 && covariance.size() == 0) ||
              (map.latent_mean.size() == rank && ArrayRef<double>(covariance).shape() == Shape{rank, rank} &&
               all_finite(map.latent_mean) && all_finite(covariance)),
          "a finite mean and covariance of the coefficients");
  require(s(0) > 0 && s(s.size() - 1) >= 0 && std::ranges::is_sorted(s, std::greater<>{}),
          "descending singular values, the first above 0");
  require(map.latent_ranges.size() == rank, "one latent range for each mode");
  for (const auto& [low, high] : map.latent_ranges)
    require(std::isfinite(low) && std::isfinite(high) && low <= high, "latent ranges from low to high");
  if (map.training_latents)
    require(map.training_latents->dimension() == 2 && map.training_latents->shape(0) == map.num_samples &&
                map.training_latents->shape(1) == rank && all_finite(*map.training_latents),
            "finite training latents (num_samples, rank)");
  const auto are_errors = [](const xt::xarray<double>& errors, const Shape& shape) {
    return ArrayRef<double>(errors).shape() == shape &&
           std::ranges::all_of(errors, [](double error) { return error >= 0.0; });
  };
  for (const auto* errors : {&map.errors, &map.validation_errors}) {
    if (!*errors) continue;
    const std::size_t samples = errors == &map.errors ? map.num_samples : (*errors)->snapshots.size();
    const std::size_t num_qoi = (*errors)->fields.size();
    require(samples > 0 && num_qoi > 0 && are_errors((*errors)->snapshots, {samples}) &&
                are_errors((*errors)->fields, {num_qoi}) && are_errors((*errors)->snapshot_fields, {samples, num_qoi}),
            "errors of 0 or more of each snapshot and field");
  }

  // Rounding leaves less than 1e-12 (1e-5 for float) on columns that were orthonormal when they were made.
  const double tolerance = std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
  require(projection_on(map).off_orthonormal() <= tolerance, "orthonormal columns");
}

}  // namespace

template <class T>
void describe_latents(const xt::xarray<T>& latents, const std::vector<double>& weights, BasicSVDMap<T>& map) {
  const std::size_t rank = latents.shape(1);
  map.latent_mean = xt::zeros<double>({rank});
  map.latent_covariance = xt::zeros<double>({rank, rank});
  double total = 0.0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    total += weights[j];
    for (std::size_t i = 0; i < rank; ++i) map.latent_mean(i) += weights[j] * static_cast<double>(latents(j, i));
  }
  map.latent_mean /= total;
  for (std::size_t j = 0; j < weights.size(); ++j)
    for (std::size_t i = 0; i < rank; ++i)
      for (std::size_t k = 0; k < rank; ++k)
        map.latent_covariance(i, k) += weights[j] / total * (static_cast<double>(latents(j, i)) - map.latent_mean(i)) *
                                       (static_cast<double>(latents(j, k)) - map.latent_mean(k));
  const auto is_finite = [](double x) { return std::isfinite(x); };
  if (std::ranges::all_of(map.latent_mean, is_finite) && std::ranges::all_of(map.latent_covariance, is_finite)) return;
  // Their squares overflow: they are not known.
  map.latent_mean = xt::zeros<double>({0});
  map.latent_covariance = xt::zeros<double>({0, 0});
}

template <class T>
LatentRanges ranges_of(const xt::xarray<T>& latents) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  LatentRanges ranges(latents.shape(1), {infinity, -infinity});
  for (std::size_t i = 0; i < latents.shape(0); ++i)
    for (std::size_t mode = 0; mode < ranges.size(); ++mode) {
      auto& [low, high] = ranges[mode];
      const double latent = static_cast<double>(latents(i, mode)) + 0.0;  // of a zero snapshot: 0, not -0
      low = std::min(low, latent);
      high = std::max(high, latent);
    }
  return ranges;
}

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
  complete(map, threads_);
  validate(map);
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
  complete(map, threads_);
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
  describe_latents(found.latents, sample_weights, map);
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
  return projection_on(map());
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

template void describe_latents(const xt::xarray<double>&, const std::vector<double>&, BasicSVDMap<double>&);
template void describe_latents(const xt::xarray<float>&, const std::vector<double>&, BasicSVDMap<float>&);
template LatentRanges ranges_of(const xt::xarray<double>&);
template LatentRanges ranges_of(const xt::xarray<float>&);

double SnapshotErrors::largest_of_snapshots() const { return *std::ranges::max_element(snapshots); }

double SnapshotErrors::largest_of_fields() const { return *std::ranges::max_element(snapshot_fields); }

template class BasicSVD<double>;
template class BasicSVD<float>;

}  // namespace fieldfold
