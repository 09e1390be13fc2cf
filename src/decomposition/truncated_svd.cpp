module;

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.decomposition.truncated_svd;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.errors;
import fieldfold.decomposition.gram_sketch;
import fieldfold.decomposition.inner_product;
import fieldfold.decomposition.subspace;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// Below this many operations, the exact method takes no time worth saving.
constexpr double small_work = 1e8;

/// Gram matrices of all groups together have at most this many numbers.
constexpr std::size_t gram_numbers = std::size_t{1} << 25;

/// What rounding takes from a Gram matrix is a unit of its largest eigenvalue. Singular values and vectors are good to
/// this over their share of the largest, squared; below it, they are not to be had.
template <class T>
constexpr double smallest_gram_share = sizeof(T) == sizeof(double) ? 1e-6 : 1e-2;

/// `A V / s` has an error of the rounding unit over this share; above it, a second look at the basis changes nothing.
constexpr double safe_share = 1e-2;

/// Below this share of the sum of squares, what a rank leaves out is known from the Gram matrix to fewer than seven
/// digits (three in single precision).
template <class T>
constexpr double smallest_gram_tail =
    (sizeof(T) == sizeof(double) ? 1e8 : 1e3) * static_cast<double>(std::numeric_limits<T>::epsilon());

Matrix columns_of(const Matrix& a, const std::vector<std::size_t>& columns) {
  auto chosen = Matrix::from_shape({a.shape(0), columns.size()});
  for (std::size_t i = 0; i < a.shape(0); ++i)
    for (std::size_t j = 0; j < columns.size(); ++j) chosen(i, j) = a(i, columns[j]);
  return chosen;
}

Matrix first_columns(const Matrix& a, std::size_t count) { return xt::view(a, xt::all(), xt::range(0, count)); }

/// The columns of a, each times its factor.
Matrix scaled_columns(const Matrix& a, const Matrix& factors) {
  Matrix scaled = a;
  scale_columns(as_matrix(scaled), std::vector<double>(factors.begin(), factors.end()));
  return scaled;
}

/// A number in [-1, 1] that depends on the place alone.
double noise_at(std::size_t row, std::size_t col) {
  std::uint64_t hash = (row + 1) * 0x9e3779b97f4a7c15 ^ (col + 1) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 31)) * 0x94d049bb133111eb;
  hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9;
  return static_cast<double>(hash >> 11) / 4503599627370496.0 - 1.0;
}

/// One decomposition: the state that its steps share.
template <class T>
class Decomposer {
 public:
  Decomposer(const RowSource<T>& source, const DecompositionRequest<T>& request, RowStore<T>& basis)
      : source_(source), request_(request), basis_(basis), m_(source.rows()), n_(source.cols()) {
    const std::size_t available = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t blocks = m_ / source.block_rows() + 1;
    threads_ = work() < small_work ? 1 : std::min(blocks, request.threads == 0 ? available : request.threads);
    if (request.metric != nullptr) dual_ = request.metric->times(source);
    present_ = m_ - static_cast<std::size_t>(std::ranges::count(request.absent_rows, std::uint8_t{1}));
  }

  Decomposition<T> run() {
    using enum DecompositionMethod;
    // In the small steps between the passes too: threads that BLAS has woken stay awake for a while, and take the time
    // of those of the next pass.
    const SingleThreadedBLAS own_threads_only;
    const bool fits_randomized = request_.metric == nullptr && request_.known_rank && columns_for_randomized() <= n_;
    const bool too_small = request_.expected_tail < smallest_gram_tail<T>;
    DecompositionMethod method = request_.method;
    if (request_.metric != nullptr && (method == transpose || method == randomized))
      throw InvalidArgument(message("method: expected gram or sketch with a mass matrix, got ", name_of(method)));
    if (present_ < m_ && method == transpose) method = sketch;
    if (method == automatic) {
      if (m_ < n_ && request_.metric == nullptr && present_ == m_)
        method = transpose;
      else if (too_small || work() < small_work || present_ < n_)
        method = sketch;
      else
        // An operation of power iteration takes longer than one of a Gram matrix, and there are 12 a column.
        method = fits_randomized && 20 * columns_for_randomized() < n_ ? randomized : gram;
    }
    if (method == randomized && !fits_randomized)
      throw InvalidArgument("method: randomized needs a rank to be given, and columns enough beside that");
    if (method == randomized && finished(randomized, &Decomposer::by_randomized)) return std::move(result_);
    if (method == randomized && !too_small) method = gram;
    if (method == transpose && finished(transpose, &Decomposer::by_transpose)) return std::move(result_);
    if (method == gram && finished(gram, &Decomposer::by_gram)) return std::move(result_);
    finished(sketch, &Decomposer::by_sketch);
    return std::move(result_);
  }

 private:
  std::size_t columns_for_randomized() const { return subspace_width(*request_.known_rank); }

  bool is_absent(std::size_t row) const { return !request_.absent_rows.empty() && request_.absent_rows[row] != 0; }

  /// Operations of a Gram matrix.
  double work() const { return static_cast<double>(m_) * static_cast<double>(n_) * static_cast<double>(n_); }

  bool finished(DecompositionMethod method, bool (Decomposer::*attempt)()) {
    result_ = {};
    phase_start_ = std::chrono::steady_clock::now();
    if (!(this->*attempt)()) return false;
    result_.report.method = method;
    result_.report.threads = threads_;
    return true;
  }

  double end_phase() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(phase_start_, now)).count();
  }

  Pass pass(std::string_view phase, double done, double share) const {
    Pass result{.threads = threads_, .alignment = request_.groups};
    if (request_.progress)
      result.progress = [this, phase, done, share](double part) { request_.progress(phase, done + share * part); };
    return result;
  }

  /// One Gram matrix a group of rows, if these have room; then the errors of groups need no pass of their own.
  std::size_t gram_groups() const { return n_ * n_ * request_.groups * threads_ <= gram_numbers ? request_.groups : 1; }

  bool is_left_out(std::size_t column) const {
    return request_.leave_out_every > 0 && (column + 1) % request_.leave_out_every == 0;
  }

  /// Splits the finite columns into those that are learned from and the others.
  void divide(const std::vector<std::size_t>& finite) {
    learned_.clear();
    tested_.clear();
    for (std::size_t i = 0; i < finite.size(); ++i) {
      (is_left_out(finite[i]) ? tested_ : learned_).push_back(i);
      (is_left_out(finite[i]) ? result_.left_out : result_.kept).push_back(finite[i]);
    }
  }

  bool by_gram() {
    factorization_ = {};
    for (std::size_t j = 0; j < n_; ++j) factorization_.columns.push_back(j);
    grams_ = gram_matrices(source_, dual_.get(), factorization_, gram_groups(), pass("summary", 0.0, 1.0));
    Matrix total = sum_of(grams_);
    // NaN and infinity in a column make its own diagonal entry such; so do squares that overflow.
    std::vector<std::size_t> finite;
    double largest = 0.0;
    for (std::size_t j = 0; j < n_; ++j)
      if (std::isfinite(total(j, j))) {
        finite.push_back(j);
        if (!is_left_out(j)) largest = std::max(largest, total(j, j));
      }
    if (finite.size() < n_) {
      if (finite != finite_columns(source_, pass("summary", 1.0, 0.0))) return false;
      for (Matrix& gram : grams_) gram = rows_of(columns_of(gram, finite), finite);
      total = sum_of(grams_);
      factorization_.columns = finite;
    }
    constexpr double range = sizeof(T) == sizeof(double) ? 1e280 : 1e34;
    if (largest > range || largest < 1.0 / range) return false;
    divide(finite);

    const auto eigen = symmetric_eigen(rows_of(columns_of(total, learned_), learned_));
    if (request_.metric != nullptr) check_inner_product<T>(eigen.values);
    const std::size_t kept = learned_.size();
    auto s = Matrix::from_shape({kept});
    auto v = Matrix::from_shape({kept, kept});
    for (std::size_t mode = 0; mode < kept; ++mode) {
      s(mode) = std::sqrt(std::max(0.0, eigen.values(kept - 1 - mode)));
      for (std::size_t i = 0; i < kept; ++i) v(i, mode) = eigen.vectors(i, kept - 1 - mode);
    }
    if (kept > present_) return false;
    const Spectrum<T> spectrum{xt::cast<T>(s), scaled_columns(v, s), present_, kept};
    const RankChoice choice = request_.choose_rank(spectrum);
    const double share = static_cast<double>(spectrum.s(choice.rank - 1)) / static_cast<double>(spectrum.s(0));
    if (share < smallest_gram_share<T> || choice.resolution < smallest_gram_tail<T>) return false;

    result_.s = spectrum.s;
    weights_ = xt::zeros<double>({finite.size(), choice.rank});
    for (std::size_t i = 0; i < kept; ++i)
      for (std::size_t mode = 0; mode < choice.rank; ++mode) weights_(learned_[i], mode) = v(i, mode) / s(mode);
    latents_ = product(total, weights_);
    result_.report.summary_seconds = end_phase();
    make_basis(choice.rank, share < safe_share);
    result_.report.singular_value_error =
        std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(kept));
    find_errors(true);
    return true;
  }

  bool by_sketch() {
    auto sketch = sketched_factorization(source_, pass("summary", 0.0, 0.3),
                                         [this](std::size_t column) { return !is_left_out(column); });
    divide(sketch.finite);
    const std::vector<std::size_t> learned = std::exchange(learned_, {});
    const std::vector<std::size_t> tested = std::exchange(tested_, {});
    for (std::size_t i = 0; i < learned.size(); ++i) learned_.push_back(i);
    factorization_ = std::move(sketch.factorization);
    if (factorization_.leading.empty()) return true;
    auto [factorization, to_basis, triangle, grams] =
        orthogonal_factor(source_, dual_.get(), std::move(factorization_), gram_groups(), pass("summary", 0.3, 0.7));
    factorization_ = std::move(factorization);
    grams_ = std::move(grams);

    const auto svd = thin_svd(Matrix(triangle));
    const std::size_t found = svd.s.size();
    const std::size_t kept = learned_.size();
    Spectrum<T> spectrum{xt::zeros<T>({std::min(present_, kept)}), scaled_columns(svd.v, svd.s), present_, kept};
    std::copy_n(svd.s.begin(), std::min(found, spectrum.s.size()), spectrum.s.begin());
    const std::size_t rank = request_.choose_rank(spectrum).rank;
    const std::size_t modes = std::min({rank, found, numerical_rank(spectrum.s)});
    result_.s = std::move(spectrum.s);
    const Matrix u = first_columns(svd.u, modes);
    weights_ = product(to_basis, u);
    latents_ = inner_product(triangle, u);
    result_.report.summary_seconds = end_phase();
    make_basis(rank, modes < rank);
    result_.report.singular_value_error = 10.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
    if (tested.empty()) {
      find_errors(modes == rank);
      return true;
    }
    // Columns that were left out are no part of the factorization: it knows nothing of them.
    factorization_ = {.columns = std::move(sketch.finite)};
    learned_ = learned;
    tested_ = tested;
    latents_ = xt::zeros<double>({factorization_.columns.size(), rank});
    std::vector<std::size_t> all(factorization_.columns.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    project_columns(all);
    find_errors(false);
    return true;
  }

  /// Of some of the finite columns, their numbers in A.
  std::vector<std::size_t> numbers_of(const std::vector<std::size_t>& which) const {
    std::vector<std::size_t> numbers;
    numbers.reserve(which.size());
    for (const std::size_t place : which) numbers.push_back(factorization_.columns[place]);
    return numbers;
  }

  /// The latents of some columns, from the basis as it is.
  void project_columns(const std::vector<std::size_t>& which) {
    const Matrix projected =
        projected_columns(duals(), basis_, result_.rank, numbers_of(which), pass("errors", 0.0, 0.5));
    for (std::size_t i = 0; i < which.size(); ++i)
      for (std::size_t mode = 0; mode < result_.rank; ++mode) latents_(which[i], mode) = projected(i, mode);
    result_.latents = xt::cast<T>(rows_of(latents_, learned_));
  }

  bool by_randomized() {
    factorization_ = {};
    for (std::size_t j = 0; j < n_; ++j)
      if (!is_left_out(j)) factorization_.columns.push_back(j);
    if (factorization_.columns.size() < columns_for_randomized()) return false;
    auto found = dominant_subspace(source_, factorization_, *request_.known_rank, pass("summary", 0.0, 1.0));
    if (!found) {
      std::erase_if(factorization_.columns, [finite = finite_columns(source_, pass("summary", 1.0, 0.0))](auto column) {
        return !std::ranges::binary_search(finite, column);
      });
      if (factorization_.columns.size() < columns_for_randomized()) return false;
      found = dominant_subspace(source_, factorization_, *request_.known_rank, pass("summary", 0.0, 1.0));
      if (!found) return false;
    }
    // Of those left out, columns that are not finite would spoil nothing but themselves.
    if (request_.leave_out_every > 0) factorization_.columns = finite_columns(source_, pass("summary", 1.0, 0.0));
    divide(factorization_.columns);
    const std::size_t rank =
        request_.choose_rank({xt::zeros<T>({std::min(present_, learned_.size())}), {}, present_, learned_.size()}).rank;
    const double share = found->s(rank - 1) / found->s(0);
    double left = found->squares;
    for (const double value : found->s) left -= value * value;
    if (share < smallest_gram_share<T> || left < smallest_gram_tail<T> * found->squares) return false;
    weights_ = xt::zeros<double>({factorization_.columns.size(), rank});
    latents_ = weights_;
    for (std::size_t i = 0; i < learned_.size(); ++i)
      for (std::size_t mode = 0; mode < rank; ++mode) {
        weights_(learned_[i], mode) = found->weights(i, mode);
        latents_(learned_[i], mode) = found->scores(i, mode);
      }
    result_.s = xt::cast<T>(found->s);
    result_.report.summary_seconds = end_phase();
    make_basis(rank, share < safe_share || !tested_.empty());
    result_.report.singular_value_error = std::sqrt(found->missing / found->squares);
    find_errors(false);
    result_.unresolved_squares = learned_error_squares_;
    return true;
  }

  /// The basis from its weights in the coordinates of B: `U = B weights`, with random columns beside where these are
  /// fewer than the rank. The raw basis is orthonormal only as far as the summary is exact; Cholesky factorizations of
  /// its own Gram matrix make it so (CholeskyQR; Yamamoto et al. 2015, doi:10.1553/etna_vol44s306). With `refine` it
  /// is turned to the singular vectors of `U^T A`, which is as exact as a decomposition of A itself also where small
  /// singular values magnify the rounding of `A V / s`.
  void make_basis(std::size_t rank, bool refine) {
    const FactorRows<T> factor_rows(factorization_, n_);
    const std::size_t modes = weights_.shape(1);
    const xt::xarray<T> weights = xt::cast<T>(weights_);
    basis_.reserve(m_, rank);
    std::vector<xt::xarray<T>> projections(threads_, xt::zeros<T>({refine ? rank : 0, factorization_.width()}));
    std::vector<std::vector<T>> factors(threads_);
    std::vector<std::vector<T>> dual_buffers(threads_);
    std::vector<std::vector<T>> dual_factors(threads_);
    const auto make_rows = [&](std::size_t part, std::size_t first, MatrixView<const T> rows, MatrixView<T> basis) {
      const auto factor = factor_rows(rows, factors[part]);
      multiply(factor, as_matrix(weights), {basis.data, basis.rows, modes, basis.stride});
      for (std::size_t i = 0; i < basis.rows; ++i)
        for (std::size_t j = modes; j < rank; ++j)
          basis(i, j) =
              is_absent(first + i) ? T{0} : static_cast<T>(noise_at(first + i, j) / std::sqrt(static_cast<double>(m_)));
      if (!refine) return;
      auto dual_factor = factor;
      if (dual_) dual_factor = factor_rows(dual_->read(first, rows.rows, dual_buffers[part]), dual_factors[part]);
      add_product_transposed(readable(basis), dual_factor, as_matrix(projections[part]));
    };
    Matrix gram = fill_basis(rank, true, pass("basis", 0.0, 0.8), make_rows);
    if (refine) {
      Matrix turn = inverse_cholesky(Matrix(gram));
      Matrix projection = xt::zeros<double>({rank, factorization_.width()});
      for (const auto& part : projections) projection += xt::cast<double>(part);
      if (!factorization_.is_identity) projection = product(projection, factorization_.triangle);
      const Matrix coefficients = xt::transpose(inner_product(turn, projection));  // (columns, rank)
      const auto small = thin_svd(Matrix(xt::transpose(rows_of(coefficients, learned_))));
      std::copy(small.s.begin(), small.s.end(), result_.s.begin());
      // The others are as exact as the summary only.
      for (std::size_t mode = rank; mode < result_.s.size(); ++mode)
        result_.s(mode) = std::min(result_.s(mode), result_.s(rank - 1));
      turn = product(turn, small.u);
      if (modes == rank) weights_ = product(weights_, turn);
      latents_ = product(coefficients, small.u);
      gram = turn_basis(turn);
    }
    for (int repeat = 0; repeat < 3 && !is_orthonormal(gram); ++repeat) {
      const Matrix turn = inverse_cholesky(std::move(gram));
      if (modes == rank) weights_ = product(weights_, turn);
      latents_ = product(latents_, turn);
      gram = turn_basis(turn);
    }

    std::vector<double> signs(signs_.begin(), signs_.end());
    if (std::ranges::find(signs, -1.0) != signs.end()) {
      const std::vector<T> flips(signs.begin(), signs.end());
      fill_basis(rank, false, pass("basis", 0.9, 0.1),
                 [&](std::size_t part, std::size_t first, MatrixView<const T>, MatrixView<T> rows) {
                   const auto kept = basis_.read(first, rows.rows, factors[part]);
                   if (kept.data != rows.data) std::copy(kept.data, kept.data + kept.rows * rank, rows.data);
                   scale_columns(rows, flips);
                 });
      if (modes == rank) scale_columns(as_matrix(weights_), signs);
      scale_columns(as_matrix(latents_), signs);
    }
    result_.rank = rank;
    result_.latents = xt::cast<T>(rows_of(latents_, learned_));
    result_.report.basis_seconds = end_phase();
  }

  bool is_orthonormal(const Matrix& gram) const {
    const double tolerance = 100.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (std::size_t i = 0; i < gram.shape(0); ++i)
      for (std::size_t j = 0; j <= i; ++j)
        if (!(std::abs(gram(i, j) - (i == j ? 1.0 : 0.0)) <= tolerance)) return false;
    return true;
  }

  /// Multiplies the basis by a small matrix from the right, and returns the Gram matrix of what comes out.
  Matrix turn_basis(const Matrix& turn) {
    const xt::xarray<T> turn_rows = xt::cast<T>(turn);
    std::vector<std::vector<T>> before(threads_);
    std::vector<std::vector<T>> copies(threads_);
    return fill_basis(turn.shape(0), false, pass("basis", 0.8, 0.1),
                      [&](std::size_t part, std::size_t first, MatrixView<const T>, MatrixView<T> rows) {
                        auto kept = basis_.read(first, rows.rows, before[part]);
                        if (kept.data == rows.data) {
                          copies[part].assign(kept.data, kept.data + kept.rows * kept.cols);
                          kept.data = copies[part].data();
                        }
                        multiply(kept, as_matrix(turn_rows), rows);
                      });
  }

  /// Makes each block of rows of the basis, of those of the source if asked for; looks at the signs, and returns the
  /// Gram matrix (lower triangle).
  Matrix fill_basis(std::size_t rank, bool reads_source, const Pass& pass,
                    const std::function<void(std::size_t part, std::size_t first, MatrixView<const T> from,
                                             MatrixView<T> to)>& make_rows) {
    std::vector<Matrix> grams(threads_, xt::zeros<double>({rank, rank}));
    std::vector<ColumnSigns<T>> signs(threads_, ColumnSigns<T>(rank));
    std::vector<std::vector<T>> buffers(threads_);
    std::vector<std::vector<T>> spaces(threads_);
    for_each_block(m_, source_.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
      const auto from =
          reads_source ? source_.read(first, count, buffers[part]) : MatrixView<const T>{nullptr, count, 0};
      const auto to = basis_.space(first, count, spaces[part]);
      make_rows(part, first, from, to);
      basis_.write(first, readable(to));
      if (request_.metric == nullptr) add_gram(readable(to), as_matrix(grams[part]));
      signs[part].add(readable(to));
    });
    for (std::size_t part = 1; part < threads_; ++part) signs[0].append(signs[part]);
    signs_ = signs[0].signs();
    if (request_.metric == nullptr) return sum_of(grams);
    const auto dual_basis = basis_duals(rank);
    Factorization all;
    for (std::size_t mode = 0; mode < rank; ++mode) all.columns.push_back(mode);
    return gram_matrices<T>(*stored_, dual_basis.get(), all, 1, {.threads = threads_, .alignment = request_.groups})[0];
  }

  void find_errors(bool summary_may_tell) {
    const std::size_t columns = factorization_.columns.size();
    const double scale = static_cast<double>(result_.s(0));
    ErrorSquares squares(request_.groups, columns);
    std::vector<std::size_t> doubtful(columns);
    std::iota(doubtful.begin(), doubtful.end(), std::size_t{0});
    if (summary_may_tell && grams_.size() == request_.groups)
      doubtful = errors_of_summary<T>(factorization_, grams_, weights_, latents_, scale, squares);
    if (summary_may_tell && !doubtful.empty()) project_columns(doubtful);
    if (!doubtful.empty()) {
      const auto dual_basis = basis_duals(result_.rank);
      errors_of_residual(source_, basis_, {dual_.get(), dual_basis.get()}, numbers_of(doubtful), doubtful,
                         rows_of(latents_, doubtful), scale, pass("errors", 0.5, 0.5), squares);
    }
    result_.errors = relative_errors(squares, learned_);
    if (!tested_.empty()) result_.left_out_errors = relative_errors(squares, tested_);
    learned_error_squares_ = sum_of_error_squares(squares, learned_, scale);
    result_.report.error_seconds = end_phase();
  }

  /// More columns than rows: the factorization of A^T is that of A turned round, and U is small enough to come out of
  /// it alone. False where the finite columns are fewer than the rows.
  bool by_transpose() {
    std::vector<T> buffer;
    const auto all = source_.read(0, m_, buffer);
    const Factorization finite{.columns = finite_columns(source_, pass("summary", 0.0, 0.1))};
    divide(finite.columns);
    if (learned_.size() < m_) return false;
    const Factorization chosen{.columns = result_.kept};
    std::vector<T> gathered;
    const TransposedRows<T> states(FactorRows<T>(chosen, n_)(all, gathered));
    Factorization sketched = sketched_factorization(states, pass("summary", 0.1, 0.4)).factorization;
    if (sketched.leading.empty()) return true;
    const Matrix triangle =
        orthogonal_factor<T>(states, nullptr, std::move(sketched), 1, pass("summary", 0.5, 0.5)).triangle;
    // With rows of zeros beside, so that its right singular vectors are a basis of the whole space.
    Matrix square = xt::zeros<double>({m_, m_});
    std::copy(triangle.begin(), triangle.end(), square.begin());
    auto svd = thin_svd(std::move(square));
    fix_signs(svd.v, svd.u);
    factorization_ = finite;
    const xt::xarray<T> u = xt::cast<T>(svd.v);
    xt::xarray<T> scores = xt::zeros<T>({finite.columns.size(), m_});
    std::vector<T> finite_rows;
    add_product_transposed(FactorRows<T>(finite, n_)(all, finite_rows), as_matrix(u), as_matrix(scores));
    const Matrix exact_scores = xt::cast<double>(scores);

    const Spectrum<T> spectrum{xt::cast<T>(svd.s), rows_of(exact_scores, learned_), m_, learned_.size()};
    result_.s = spectrum.s;
    result_.rank = request_.choose_rank(spectrum).rank;
    result_.report.summary_seconds = end_phase();
    latents_ = first_columns(exact_scores, result_.rank);
    result_.latents = xt::cast<T>(rows_of(latents_, learned_));
    basis_.reserve(m_, result_.rank);
    const xt::xarray<T> leading = xt::view(u, xt::all(), xt::range(0, result_.rank));
    basis_.write(0, as_matrix(leading));
    result_.report.basis_seconds = end_phase();
    result_.report.singular_value_error = 10.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
    find_errors(false);
    return true;
  }

  /// The rows of M A; those of A itself where the inner product is the plain one.
  const RowSource<T>& duals() const { return dual_ ? *dual_ : source_; }

  /// The rows of M U, of the basis as it is; null where the inner product is the plain one.
  std::unique_ptr<ProductRows<T>> basis_duals(std::size_t rank) {
    if (request_.metric == nullptr) return nullptr;
    stored_.emplace(basis_, m_, rank);
    return request_.metric->times(*stored_);
  }

  const RowSource<T>& source_;
  const DecompositionRequest<T>& request_;
  RowStore<T>& basis_;
  std::unique_ptr<ProductRows<T>> dual_;  ///< the rows of M A, if there is an M
  std::optional<StoredRows<T>> stored_;   ///< the basis, if it is asked for M U
  std::size_t m_;
  std::size_t present_ = 0;  ///< rows that are not absent
  std::size_t n_;
  std::size_t threads_ = 1;
  std::chrono::steady_clock::time_point phase_start_;

  Factorization factorization_;       ///< A = B R on the finite columns
  std::vector<std::size_t> learned_;  ///< of the finite columns those that are learned from
  std::vector<std::size_t> tested_;   ///< and the others
  std::vector<Matrix> grams_;         ///< of B, one a group of rows
  Matrix weights_;                    ///< (columns, modes): U = B weights
  Matrix latents_;                    ///< (columns, modes): A^T U
  std::vector<T> signs_;              ///< of the columns of the basis as it is
  double learned_error_squares_ = 0.0;
  Decomposition<T> result_;
};

}  // namespace

std::string_view name_of(DecompositionMethod method) {
  switch (method) {
    case DecompositionMethod::automatic:
      return "automatic";
    case DecompositionMethod::gram:
      return "gram";
    case DecompositionMethod::transpose:
      return "transpose";
    case DecompositionMethod::randomized:
      return "randomized";
    case DecompositionMethod::sketch:
      break;
  }
  return "sketch";
}

template <class T>
Decomposition<T> decompose(const RowSource<T>& source, const DecompositionRequest<T>& request, RowStore<T>& basis) {
  return Decomposer<T>(source, request, basis).run();
}

template Decomposition<double> decompose(const RowSource<double>&, const DecompositionRequest<double>&,
                                         RowStore<double>&);
template Decomposition<float> decompose(const RowSource<float>&, const DecompositionRequest<float>&, RowStore<float>&);

}  // namespace fieldfold
