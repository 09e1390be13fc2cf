module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
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
import fieldfold.rbf;

namespace fieldfold {
namespace {

void validate(const RankRule& rule) {
  if (rule.rank && *rule.rank == 0) throw InvalidArgument("rank: expected at least 1, got 0");
  if (rule.energy_tol && !(*rule.energy_tol > 0.0 && *rule.energy_tol <= 1.0))
    throw InvalidArgument(message("energy_tol: expected a share in (0, 1], got ", *rule.energy_tol));
  if (rule.reconstruction_tol && !(*rule.reconstruction_tol >= 0.0))
    throw InvalidArgument(
        message("reconstruction_tol: expected a relative error of 0 or more, got ", *rule.reconstruction_tol));
}

void validate_rank(const RankRule& rule, std::size_t dof, std::size_t num_samples) {
  if (rule.rank && *rule.rank > std::min(dof, num_samples))
    throw InvalidArgument(
        message("rank: expected 1 to min(dof, samples) = min(", dof, ", ", num_samples, "), got ", *rule.rank));
}

/// The share of the sum of squared singular values from each one on: element r is the squared relative error of rank
/// r, summed from the smallest up so that small shares keep their digits.
template <class T>
std::vector<double> tail_shares(const xt::xarray<T>& s) {
  std::vector<double> tails(s.size() + 1, 0.0);
  const double largest = static_cast<double>(s(0));
  for (std::size_t i = s.size(); i-- > 0;) {
    const double relative = static_cast<double>(s(i)) / largest;
    tails[i] = tails[i + 1] + relative * relative;
  }
  const double total = tails[0];
  for (double& tail : tails) tail /= total;
  return tails;
}

template <class T>
std::size_t choose_rank(const RankRule& rule, const xt::xarray<T>& s) {
  if (rule.rank) return *rule.rank;
  const std::vector<double> tails = tail_shares(s);
  const auto fits = [&](double tail) {
    return rule.reconstruction_tol ? std::sqrt(tail) <= *rule.reconstruction_tol
                                   : 1.0 - tail >= rule.energy_tol.value_or(0.95);
  };
  const auto found = std::find_if(tails.begin() + 1, tails.end(), fits);
  const std::size_t full = numerical_rank(s);
  // An energy of 1 is met in rounding long before the last mode that carries any.
  const bool everything = !rule.reconstruction_tol && rule.energy_tol == 1.0;
  return everything ? full : std::min(full, static_cast<std::size_t>(found - tails.begin()));
}

/// The rows of snapshots `(dof, samples)` that lie as states, `(samples, dof)`.
template <class T>
class TransposedRows final : public RowSource<T> {
 public:
  explicit TransposedRows(MatrixView<const T> states) : states_(states) {}
  std::size_t rows() const override { return states_.cols; }
  std::size_t cols() const override { return states_.rows; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    buffer.resize(count * states_.rows);
    for (std::size_t sample = 0; sample < states_.rows; ++sample)
      for (std::size_t i = 0; i < count; ++i) buffer[i * states_.rows + sample] = states_(sample, first + i);
    return {buffer.data(), count, states_.rows};
  }

 private:
  MatrixView<const T> states_;
};

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
  require(s.dimension() == 1 && s.size() == std::min(dof, map.num_samples) && rank <= s.size(),
          "min(dof, num_samples) singular values, and a rank of at most that");
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

  // Rounding leaves less than 1e-12 (1e-5 for float) on columns that were orthonormal when they were made.
  const double tolerance = std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
  const xt::xarray<T> products = gram(as_matrix(u, dof, rank));
  for (std::size_t i = 0; i < rank; ++i)
    for (std::size_t j = 0; j < rank; ++j)
      require(std::abs(static_cast<double>(products(i, j)) - (i == j ? 1.0 : 0.0)) <= tolerance, "orthonormal columns");
}

}  // namespace

template <class T>
BasicSVD<T>::BasicSVD(SVDOptions options)
    : BasicCompression<T>({.fields = std::move(options.fields),
                           .coords = std::move(options.coords),
                           .interpolate_method = std::move(options.interpolate_method),
                           .interpolate_opts = std::move(options.interpolate_opts)}),
      rule_{options.rank, options.energy_tol, options.reconstruction_tol},
      keep_training_latents_(options.keep_training_latents),
      method_(options.method),
      threads_(options.threads) {
  validate(rule_);
}

template <class T>
BasicSVD<T>::BasicSVD(SVDOptions options, BasicSVDMap<T> map) : BasicSVD(std::move(options)) {
  validate(map);
  this->set_num_pts(this->num_pts_of(map.projection_matrix.shape(0), "map"));
  map_ = std::move(map);
}

template <class T>
void BasicSVD<T>::compute_map(const ArrayRef<T>& snapshots, const RankRule& rule) {
  if (snapshots.dimension() != 2)
    throw InvalidArgument(
        message("snapshots: expected the shape (dof, num_samples), got ", shape_text(snapshots.shape())));
  learn(MatrixRows<T>({snapshots.data(), snapshots.shape()[0], snapshots.shape()[1]}), rule);
}

template <class T>
void BasicSVD<T>::compute_map(const BasicFields<T>& fields, const RankRule& rule) {
  const xt::xarray<T> states = this->join_snapshots(fields);
  const std::size_t dof = states.shape().back();
  learn(TransposedRows<T>(as_matrix(states, states.size() / dof, dof)), rule);
}

template <class T>
void BasicSVD<T>::learn(const RowSource<T>& snapshots, const RankRule& rule) {
  const RankRule& chosen = rule.is_empty() ? rule_ : rule;
  validate(chosen);
  const std::size_t dof = snapshots.rows();
  const std::size_t num_pts = this->num_pts_of(dof, "snapshots");
  if (dof == 0 || snapshots.cols() == 0)
    throw InvalidArgument(
        message("snapshots: expected rows and samples, got the shape (", dof, ", ", snapshots.cols(), ")"));
  Decomposition<T> found = decompose<T>(snapshots, {.choose_rank =
                                                        [&](const xt::xarray<T>& s, std::size_t m, std::size_t n) {
                                                          validate_rank(chosen, m, n);
                                                          return choose_rank(chosen, s);
                                                        },
                                                    .method = method_,
                                                    .threads = threads_});
  if (found.kept.empty())
    throw InvalidArgument(message("snapshots: expected at least one that is finite, got ", snapshots.cols(), " of ",
                                  dof, " rows, all of them with NaN or infinity"));
  if (found.u.dimension() != 2) throw InvalidArgument("snapshots: expected one that is not zero, got only zeros");

  BasicSVDMap<T> map{.projection_matrix = std::move(found.u),
                     .singular_values = std::move(found.s),
                     .latent_ranges = ranges_of(found.latents),
                     .training_latents = std::nullopt,
                     .num_samples = found.kept.size(),
                     .num_dropped = snapshots.cols() - found.kept.size()};
  if (keep_training_latents_) map.training_latents = std::move(found.latents);
  map_ = std::move(map);
  report_ = found.report;
  this->set_num_pts(num_pts);
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
  const auto basis = as_matrix(projection_matrix(), this->dof(), rank());
  const auto [loop_shape, rows] = split_loop(states, {this->dof()}, "states");
  auto latent = xt::xarray<T>::from_shape(joined(loop_shape, {rank()}));
  multiply(rows, basis, as_matrix(latent, rows.rows, rank()));
  return latent;
}

template <class T>
xt::xarray<T> BasicSVD<T>::reconstruct(const ArrayRef<T>& latent) const {
  const auto basis = as_matrix(projection_matrix(), this->dof(), rank());
  const auto [loop_shape, rows] = split_loop(latent, {rank()}, "latent");
  auto states = xt::xarray<T>::from_shape(joined(loop_shape, {this->dof()}));
  multiply_transposed(rows, basis, as_matrix(states, rows.rows, this->dof()));
  return states;
}

template <class T>
double BasicSVD<T>::energy() const {
  return 1.0 - tail_shares(singular_values())[rank()];
}

template <class T>
double BasicSVD<T>::reconstruction_error() const {
  return std::sqrt(tail_shares(singular_values())[rank()]);
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
          .keep_training_latents = keep_training_latents_,
          .method = method_,
          .threads = threads_};
}

template class BasicSVD<double>;
template class BasicSVD<float>;

}  // namespace fieldfold
