module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
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
import fieldfold.interpolation;
import fieldfold.linalg;
import fieldfold.rank_rule;
import fieldfold.rbf;

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
void validate(const BasicSVDMap<T>& map) {
  const auto require = [](bool holds, const char* expected) {
    if (!holds) throw InvalidArgument(message("map: expected ", expected));
  };
  const auto all_finite = [](const auto& array) {
    return std::ranges::all_of(array, [](T x) { return std::isfinite(x); });
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
  const xt::xarray<T> products = gram(as_matrix(u, dof, rank));
  for (std::size_t i = 0; i < rank; ++i)
    for (std::size_t j = 0; j < rank; ++j)
      require(std::abs(static_cast<double>(products(i, j)) - (i == j ? 1.0 : 0.0)) <= tolerance, "orthonormal columns");
}

}  // namespace

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
                           .operator_cache_bytes = options.operator_cache_bytes}),
      rule_(options.rank_rule()),
      validate_every_(options.validate_every),
      keep_training_latents_(options.keep_training_latents),
      method_(options.method),
      threads_(options.threads),
      operator_cache_bytes_(options.operator_cache_bytes),
      progress_(std::move(options.progress)) {
  validate(rule_);
  if (validate_every_ == 1) throw InvalidArgument("validate_every: expected 0, or 2 or more, got 1");
}

template <class T>
BasicSVD<T>::BasicSVD(SVDOptions options, BasicSVDMap<T> map) : BasicSVD(std::move(options)) {
  validate(map);
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
  auto found = decompose<T>(snapshots,
                            {.choose_rank = [&](const Spectrum<T>& spectrum) { return choose_rank(chosen, spectrum); },
                             .known_rank = chosen.rank,
                             .expected_tail = expected_tail(chosen),
                             .method = method_,
                             .threads = threads_,
                             .groups = this->num_qoi(),
                             .leave_out_every = validate_every_,
                             .progress = progress_},
                            basis);
  if (found.kept.empty())
    throw InvalidArgument(message("snapshots: expected at least one that is finite, got ",
                                  snapshots.cols() - found.left_out.size(), " of ", dof,
                                  " rows, all of them with NaN or infinity"));
  if (found.rank == 0) throw InvalidArgument("snapshots: expected one that is not zero, got only zeros");

  BasicSVDMap<T> map{.projection_matrix = {},
                     .singular_values = std::move(found.s),
                     .unresolved_squares = found.unresolved_squares,
                     .latent_ranges = ranges_of(found.latents),
                     .training_latents = std::nullopt,
                     .num_samples = found.kept.size(),
                     .num_dropped = snapshots.cols() - found.kept.size() - found.left_out.size(),
                     .errors = snapshot_errors(std::move(found.errors)),
                     .validation_errors = std::nullopt};
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
  const auto [loop_shape, rows] = split_loop(states, {this->dof()}, "states");
  auto latent = xt::xarray<T>::from_shape(joined(loop_shape, {rank()}));
  compress(states, {latent.data(), latent.size()});
  return latent;
}

template <class T>
void BasicSVD<T>::compress(const ArrayRef<T>& states, std::span<T> latent) const {
  const auto rows = split_loop(states, {this->dof()}, "states").matrix;
  if (latent.size() != rows.rows * rank())
    throw InvalidArgument(
        message("latent: expected memory for ", rows.rows, " x ", rank(), " numbers, got ", latent.size()));
  multiply(rows, as_matrix(projection_matrix()), MatrixView<T>{latent.data(), rows.rows, rank()});
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
  multiply_transposed(rows, as_matrix(projection_matrix()), MatrixView<T>{states.data(), rows.rows, this->dof()});
}

template <class T>
BasicFields<T> BasicSVD<T>::reconstruct_at(const ArrayRef<T>& latent, const ArrayRef<double>& new_coords) const {
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  if (rows.rows <= rank()) return this->interpolate_from_grid(reconstruct(latent), new_coords);
  auto modes = xt::xarray<T>::from_shape({rank(), this->dof()});
  transpose_into(as_matrix(projection_matrix()), as_matrix(modes));
  BasicFields<T> fields = this->interpolate_from_grid(modes, new_coords);
  for (auto& [name, values] : fields) {
    const Shape coord_shape(values.shape().begin() + 1, values.shape().end());
    auto summed = xt::xarray<T>::from_shape(joined(loop_shape, coord_shape));
    const std::size_t count = size_of(coord_shape);
    multiply(rows, as_matrix(std::as_const(values), rank(), count), as_matrix(summed, rows.rows, count));
    values = std::move(summed);
  }
  return fields;
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

template LatentRanges ranges_of(const xt::xarray<double>&);
template LatentRanges ranges_of(const xt::xarray<float>&);

double SnapshotErrors::largest_of_snapshots() const { return *std::ranges::max_element(snapshots); }

double SnapshotErrors::largest_of_fields() const { return *std::ranges::max_element(snapshot_fields); }

template class BasicSVD<double>;
template class BasicSVD<float>;

}  // namespace fieldfold
