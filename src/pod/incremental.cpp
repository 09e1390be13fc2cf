module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.compression.grid;
import fieldfold.decomposition.gram_sketch;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.pod.map;
import fieldfold.pod.svd;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// Rows of the basis that are worked on at a time, so that they stay in the cache.
constexpr std::size_t chunk_rows = 1024;

/// What is left of a row after its projection is rounding where it is this much shorter.
template <class T>
constexpr double rounding = 4.0 * static_cast<double>(std::numeric_limits<T>::epsilon());

/// The columns from `first` on of rows that are longer.
template <class T>
MatrixView<T> columns(MatrixView<T> rows, std::size_t first, std::size_t count) {
  return {rows.data + first, rows.rows, count, rows.stride};
}

/// Leaves the last of the directions of a factorization out.
void drop_last(Factorization& factorization) {
  const std::size_t last = factorization.leading.size() - 1;
  for (std::size_t j = 0; j < factorization.triangle.shape(1); ++j)
    factorization.dropped[j] = std::hypot(factorization.dropped[j], factorization.triangle(last, j));
  factorization.leading.pop_back();
  factorization.square = Matrix(xt::view(factorization.square, xt::range(0, last), xt::range(0, last)));
  factorization.triangle = Matrix(xt::view(factorization.triangle, xt::range(0, last), xt::all()));
}

void validate(const IncrementalOptions& options) {
  if (options.max_rank && *options.max_rank == 0) throw InvalidArgument("max_rank: expected at least 1, got 0");
  if (!(options.tolerance >= 0.0))
    throw InvalidArgument(message("tolerance: expected a relative error of 0 or more, got ", options.tolerance));
  if (!(options.forgetting > 0.0 && options.forgetting <= 1.0))
    throw InvalidArgument(message("forgetting: expected a factor in (0, 1], got ", options.forgetting));
  if (options.block == 0) throw InvalidArgument("block: expected at least 1, got 0");
}

}  // namespace

template <class T>
BasicIncrementalSVD<T>::BasicIncrementalSVD(SVDOptions options, IncrementalOptions incremental)
    : BasicCompression<T>({.fields = options.fields,
                           .coords = options.coords,
                           .interpolate_method = options.interpolate_method,
                           .interpolate_opts = options.interpolate_opts}),
      options_(std::move(options)),
      incremental_(incremental) {
  validate(options_.rank_rule());
  validate(incremental_);
  if (options_.sample_tol || options_.optimal_threshold)
    throw InvalidArgument("options: sample_tol and optimal_threshold need all modes, which are not kept here");
  const auto& weights = options_.field_opts.point_weights;
  fixed_space(options_.field_opts, this->fields(), weights ? weights->size() : 1);
  if (options_.validate_every != 0)
    throw InvalidArgument(
        message("validate_every: expected 0, because no snapshot is kept, got ", options_.validate_every));
}

template <class T>
std::size_t BasicIncrementalSVD<T>::thread_count(std::size_t width) const {
  constexpr std::size_t worth_a_thread = std::size_t{1} << 20;
  const std::size_t available = std::max(1U, std::thread::hardware_concurrency());
  return dof_ * width < worth_a_thread ? 1 : options_.threads == 0 ? available : options_.threads;
}

template <class T>
void BasicIncrementalSVD<T>::add(const BasicFields<T>& fields) {
  add(this->join_snapshots(fields));
}

template <class T>
void BasicIncrementalSVD<T>::add(const ArrayRef<T>& states) {
  if (states.dimension() == 0) throw InvalidArgument("states: expected the shape (*loop_shape, dof), got ()");
  const std::size_t dof = states.shape().back();
  const std::size_t num_pts = this->num_pts_of(dof, "states");
  if (dof == 0 || (dof_ != 0 && dof != dof_))
    throw InvalidArgument(message("states: expected a length of ", dof_ == 0 ? std::size_t{1} : dof_,
                                  dof_ == 0 ? " or more" : ", as before", ", got ", dof));
  dof_ = dof;
  this->set_num_pts(num_pts);
  if (!space_ && !is_plain(options_.field_opts)) {
    space_.emplace(fixed_space(options_.field_opts, this->fields(), num_pts));
    row_scales_ = space_->row_scales();
  }
  const auto rows = split_loop(states, {dof}, "states").matrix;
  std::vector<T> in_space(space_ ? dof : 0);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    auto row = rows.row(i);
    if (space_) {
      space_->enter({row.data(), 1, dof}, 0, MatrixView<T>{in_space.data(), 1, dof});
      std::ranges::transform(in_space, row_scales_, in_space.begin(),
                             [](T y, double scale) { return static_cast<T>(static_cast<double>(y) * scale); });
      row = in_space;
    }
    const double square = sum_of_squares(MatrixView<const T>{row.data(), 1, dof});
    if (!std::isfinite(square + squares_)) {
      if (std::ranges::all_of(row, [](T x) { return std::isfinite(x); }))
        throw NumericalError("states: the squares of their numbers overflow");
      ++num_dropped_;
      continue;
    }
    waiting_.insert(waiting_.end(), row.begin(), row.end());
    if (waiting_.size() / dof_ >= incremental_.block) update();
  }
}

template <class T>
void BasicIncrementalSVD<T>::update() {
  if (waiting_.empty()) return;
  const std::size_t count = waiting_.size() / dof_;
  std::vector<double> weights(count);
  for (std::size_t i = 0; i < count; ++i)
    weights[i] = std::pow(incremental_.forgetting, static_cast<double>(count - 1 - i));
  const double fade = std::pow(incremental_.forgetting, static_cast<double>(count));
  change([&] {
    std::vector<T> copies = waiting_;
    const MatrixView<T> rows{copies.data(), count, dof_};
    s_ *= fade;
    bound_ *= fade;
    squares_ *= fade * fade;
    for (std::size_t i = 0; i < count; ++i)
      squares_ += weights[i] * weights[i] * sum_of_squares(MatrixView<const T>{rows.row(i).data(), 1, dof_});
    append(absorb(rows, weights));
  });
  waiting_.clear();
}

/// Does something to what is learned, or leaves it as it is where that throws: the basis and the scores change last.
template <class T>
void BasicIncrementalSVD<T>::change(const std::function<void()>& action) {
  const auto before = std::tuple(dof_, s_, bound_, squares_);
  try {
    action();
  } catch (...) {
    std::tie(dof_, s_, bound_, squares_) = before;
    throw;
  }
}

template <class T>
void BasicIncrementalSVD<T>::merge(const BasicIncrementalSVD& other) {
  if (other.dof_ == 0) return;
  const std::size_t num_pts = this->num_pts_of(other.dof_, "other");
  if (dof_ != 0 && dof_ != other.dof_)
    throw InvalidArgument(message("other: expected states of the length ", dof_, ", got ", other.dof_));
  BasicIncrementalSVD complete = other;
  complete.update();
  update();
  change([&] {
    dof_ = other.dof_;
    squares_ += complete.squares_;
    bound_ += complete.bound_;
    if (complete.rank() == 0) return append(xt::zeros<double>({complete.num_samples_, rank()}));
    // Its basis vectors come as snapshots that weigh as much as their singular values.
    std::vector<T> vectors(complete.basis_.size());
    const MatrixView<T> rows{vectors.data(), complete.rank(), dof_};
    transpose_into<T>(as_matrix(std::as_const(complete.basis_)), rows);
    append(product(complete.scores_, absorb(rows, {complete.s_.begin(), complete.s_.end()})));
  });
  num_dropped_ += complete.num_dropped_;
  this->set_num_pts(num_pts);
}

template <class T>
void BasicIncrementalSVD<T>::append(const Matrix& scores) {
  auto all = Matrix::from_shape({num_samples_ + scores.shape(0), rank()});
  std::ranges::copy(scores, std::ranges::copy(scores_, all.begin()).out);
  scores_ = std::move(all);
  num_samples_ += scores.shape(0);
}

/// Takes from rows what the basis has of them, `(rows, rank)`, which is returned. Rows of which no more than rounding
/// is left become 0, and add to the bound.
template <class T>
Matrix BasicIncrementalSVD<T>::project_out(MatrixView<T> rows, const Pass& pass) {
  const std::size_t r = rank();
  const std::size_t b = rows.rows;
  const auto chunk_of_basis = [&](std::size_t first, std::size_t count) {
    return MatrixView<T>{basis_.data() + first * r, count, r};
  };
  const auto for_chunks = [&](const auto& work) { for_each_block(dof_, chunk_rows, pass, work); };
  const auto projections = [&] { return std::vector<xt::xarray<T>>(pass.threads, xt::zeros<T>({b, r})); };

  // Once, and again, because rounding leaves of the first projection what is small next to the rows, not to the rest.
  auto first_sums = projections();
  auto second_sums = projections();
  for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
    add_product(readable(columns(rows, first, count)), readable(chunk_of_basis(first, count)),
                as_matrix(first_sums[part]));
  });
  Matrix in_basis = sum_of(first_sums);
  const xt::xarray<T> once = xt::cast<T>(in_basis);
  for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
    const auto chunk = columns(rows, first, count);
    const auto basis = readable(chunk_of_basis(first, count));
    subtract_product_transposed(as_matrix(once), basis, chunk);
    add_product(readable(chunk), basis, as_matrix(second_sums[part]));
  });
  const Matrix correction = sum_of(second_sums);
  in_basis += correction;
  const xt::xarray<T> again = xt::cast<T>(correction);
  std::vector<std::vector<double>> sums(pass.threads, std::vector<double>(b, 0.0));
  for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
    const auto chunk = columns(rows, first, count);
    subtract_product_transposed(as_matrix(again), readable(chunk_of_basis(first, count)), chunk);
    for (std::size_t i = 0; i < b; ++i)
      sums[part][i] += sum_of_squares(MatrixView<const T>{chunk.row(i).data(), 1, count});
  });

  double lost = 0.0;
  for (std::size_t i = 0; i < b; ++i) {
    double rest = 0.0;
    for (const auto& sum : sums) rest += sum[i];
    double square = 0.0;
    for (std::size_t mode = 0; mode < r; ++mode) square += in_basis(i, mode) * in_basis(i, mode);
    if (std::sqrt(rest) > rounding<T> * std::sqrt(square)) continue;
    lost += rest;
    std::ranges::fill(rows.row(i), T{0});
  }
  bound_ += std::sqrt(lost);
  return in_basis;
}

/// How many of the singular values to keep; what is dropped adds to the bound.
template <class T>
std::size_t BasicIncrementalSVD<T>::truncated(const Matrix& s) {
  std::size_t rank = s(0) > 0.0 ? numerical_rank(xt::xarray<T>(xt::cast<T>(s))) : 0;
  double tail = 0.0;
  for (std::size_t mode = rank; mode < s.size(); ++mode) tail += s(mode) * s(mode);
  // Half of what may still be lost, so that later snapshots may lose some too.
  const double allowed = std::max(0.0, incremental_.tolerance * std::sqrt(squares_) - bound_) / 2.0;
  const std::size_t most = incremental_.max_rank.value_or(rank);
  while (rank > 1) {
    const double with_next = tail + s(rank - 1) * s(rank - 1);
    if (rank <= most && std::sqrt(with_next) > allowed) break;
    tail = with_next;
    --rank;
  }
  bound_ += std::sqrt(tail);
  return rank;
}

/// Takes rows in, each with its weight above 0; the rows are used as workspace. Turns the basis, the singular values
/// and the scores. Returns the coefficients of the rows, without weights, in the new basis.
template <class T>
Matrix BasicIncrementalSVD<T>::absorb(MatrixView<T> rows, const std::vector<double>& weights) {
  const std::size_t r = rank();
  const std::size_t b = rows.rows;
  const Pass pass{.threads = thread_count(r + b)};
  const SingleThreadedBLAS own_threads_only;
  const auto for_chunks = [&](const auto& work) { for_each_block(dof_, chunk_rows, pass, work); };

  // Weighted from here on, so that nothing is kept of what weighs nothing at the cost of what does.
  double longest = 0.0;
  for (std::size_t i = 0; i < b; ++i) {
    for (T& x : rows.row(i)) x *= static_cast<T>(weights[i]);
    longest = std::max(longest, std::sqrt(sum_of_squares(MatrixView<const T>{rows.row(i).data(), 1, dof_})));
  }
  double lost = 0.0;
  const Matrix in_basis = project_out(rows, pass);
  const TransposedRows<T> rest(readable(rows));
  Factorization sketched = sketched_factorization(rest, pass, {}, 4.0 * rounding<T> * longest).factorization;
  // No more directions than the space has.
  while (sketched.leading.size() > dof_ - r) drop_last(sketched);
  // A sketch is good to a factor that is less than two.
  for (const double dropped : sketched.dropped) lost = std::hypot(lost, 2.0 * dropped);
  bound_ += lost;
  OrthogonalFactor factor{{}, xt::zeros<double>({b, std::size_t{0}}), xt::zeros<double>({std::size_t{0}, b}), {}};
  if (!sketched.leading.empty()) factor = orthogonal_factor<T>(rest, nullptr, std::move(sketched), 1, pass);
  const std::size_t added = factor.triangle.shape(0);

  // The basis with what is added to it, orthonormal as a whole: what is small in the rest is not yet orthogonal to the
  // basis, and the basis itself has gathered rounding.
  const FactorRows<T> factor_rows(factor.factorization, b);
  const xt::xarray<T> to_basis = xt::cast<T>(factor.to_basis);
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> factors(pass.threads);
  std::vector<std::vector<T>> wider(pass.threads);
  const auto wider_basis = [&](std::size_t part, std::size_t first, std::size_t count) {
    wider[part].resize(count * (r + added));
    const MatrixView<T> chunk{wider[part].data(), count, r + added};
    for (std::size_t i = 0; i < count; ++i) std::copy_n(basis_.data() + (first + i) * r, r, chunk.row(i).data());
    if (added > 0)
      multiply(factor_rows(rest.read(first, count, buffers[part]), factors[part]), as_matrix(to_basis),
               columns(chunk, r, added));
    return readable(chunk);
  };
  std::vector<Matrix> grams(pass.threads, xt::zeros<double>({r + added, r + added}));
  for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
    add_gram(wider_basis(part, first, count), as_matrix(grams[part]));
  });

  // All snapshots, old and new, in this basis: small, and decomposed exactly.
  Matrix small = xt::zeros<double>({r + added, r + b});
  for (std::size_t mode = 0; mode < r; ++mode) small(mode, mode) = s_(mode);
  for (std::size_t i = 0; i < b; ++i) {
    for (std::size_t mode = 0; mode < r; ++mode) small(mode, r + i) = in_basis(i, mode);
    for (std::size_t mode = 0; mode < added; ++mode) small(r + mode, r + i) = factor.triangle(mode, i);
  }
  if (r + added == 0) return xt::zeros<double>({b, r});
  Matrix gram = sum_of(grams);
  fill_upper(as_matrix(gram));
  const Matrix inverse = inverse_cholesky(Matrix(gram));
  // R^T R is the Gram matrix, so that R is R^-T times it.
  const Matrix cholesky = inner_product(inverse, gram);
  small = product(cholesky, small);
  Matrix coefficients = xt::view(small, xt::all(), xt::range(r, r + b));
  for (std::size_t i = 0; i < b; ++i)
    for (std::size_t mode = 0; mode < r + added; ++mode) coefficients(mode, i) /= weights[i];
  const Matrix old_coefficients = xt::view(cholesky, xt::all(), xt::range(0, r));
  const auto svd = thin_svd(Matrix(small));

  const std::size_t rank = truncated(svd.s);
  const Matrix turn = xt::view(svd.u, xt::all(), xt::range(0, rank));
  const xt::xarray<T> to_new = xt::cast<T>(product(inverse, turn));
  auto turned = xt::xarray<T>::from_shape({dof_, rank});
  for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
    multiply(wider_basis(part, first, count), as_matrix(to_new),
             MatrixView<T>{turned.data() + first * rank, count, rank});
  });
  basis_ = std::move(turned);
  s_ = xt::view(svd.s, xt::range(0, rank));
  scores_ =
      r > 0 ? product(scores_, inner_product(old_coefficients, turn)) : Matrix(xt::zeros<double>({num_samples_, rank}));
  return inner_product(coefficients, turn);
}

template <class T>
double BasicIncrementalSVD<T>::error_bound() const {
  return squares_ > 0.0 ? bound_ / std::sqrt(squares_) : 0.0;
}

template <class T>
BasicSVD<T> BasicIncrementalSVD<T>::finish() {
  update();
  if (num_samples() == 0) throw InvalidArgument("snapshots: expected at least one that is finite, got none");
  if (rank() == 0) throw InvalidArgument("snapshots: expected one that is not zero, got only zeros");
  double squares = 0.0;
  for (const double value : s_) squares += value * value;
  const double unresolved = std::min(std::max(0.0, squares_ - squares), bound_ * bound_);
  const RankRule rule = options_.rank_rule();
  std::size_t modes = rank();
  if (!rule.is_empty())
    modes = choose_rank(rule, Spectrum<T>{xt::cast<T>(s_), scores_, dof_, num_samples(), unresolved}).rank;
  const auto leading = [=](const auto& matrix) { return xt::view(matrix, xt::all(), xt::range(0, modes)); };
  xt::xarray<T> basis = leading(basis_);
  xt::xarray<T> latents = xt::cast<T>(leading(scores_));
  for (std::size_t i = 0; i < row_scales_.size(); ++i)
    for (T& entry : as_matrix(basis).row(i)) entry = static_cast<T>(static_cast<double>(entry) / row_scales_[i]);
  fix_signs(basis, latents);
  BasicSVDMap<T> map{.projection_matrix = std::move(basis),
                     .singular_values = xt::cast<T>(s_),
                     .unresolved_squares = unresolved,
                     .latent_ranges = ranges_of(latents),
                     .training_latents = std::nullopt,
                     .num_samples = num_samples(),
                     .num_dropped = num_dropped_,
                     .errors = std::nullopt,
                     .validation_errors = std::nullopt,
                     .space = space_};
  map.describe_latents(latents, std::vector<double>(num_samples(), 1.0));
  if (options_.keep_training_latents) map.training_latents = std::move(latents);
  return BasicSVD<T>(options_, std::move(map));
}

template class BasicIncrementalSVD<double>;
template class BasicIncrementalSVD<float>;

}  // namespace fieldfold
