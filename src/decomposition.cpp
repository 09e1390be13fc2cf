module;

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.decomposition;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;

namespace fieldfold {
namespace {

/// Blocks have about this many numbers: enough rows for BLAS to be at its best, few enough for a buffer.
constexpr std::size_t block_numbers = std::size_t{1} << 20;

/// Below this many operations, the exact method takes no time worth saving.
constexpr double small_work = 1e9;

/// Where the Gram matrix serves: its eigenvalues have an error of the rounding unit times the largest, so that singular
/// values and vectors are good to this over their share of the largest, squared.
template <class T>
const double smallest_gram_share =
    1e-6 / std::sqrt(std::numeric_limits<double>::epsilon() / static_cast<double>(std::numeric_limits<T>::epsilon()));

/// `A V / s` has an error of the rounding unit over this share; above it, a second look at the basis changes nothing.
constexpr double safe_share = 1e-2;

/// Below this share of the sum of squares, what a rank leaves out is known from the Gram matrix to fewer than seven
/// digits: rounding is a unit of the whole.
template <class T>
const double smallest_gram_tail = 1e8 * static_cast<double>(std::numeric_limits<T>::epsilon());

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Calls `work(part, first, count)` for blocks of rows, each part in a thread of its own and in the order of rows.
template <class T, class Work>
void for_each_block(const RowSource<T>& source, std::size_t threads, Work work) {
  const std::size_t m = source.rows();
  const std::size_t block = std::max<std::size_t>(64, block_numbers / source.cols());
  const auto run = [&](std::size_t part) {
    const std::size_t end = m * (part + 1) / threads;
    for (std::size_t first = m * part / threads; first < end; first += block)
      work(part, first, std::min(block, end - first));
  };
  const SingleThreadedBLAS own_threads_only;
  if (threads == 1) return run(0);
  std::vector<std::exception_ptr> failures(threads);
  std::vector<std::thread> workers;
  workers.reserve(threads);
  for (std::size_t part = 0; part < threads; ++part)
    workers.emplace_back([&, part] {
      try {
        run(part);
      } catch (...) {
        failures[part] = std::current_exception();
      }
    });
  for (auto& worker : workers) worker.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

template <class T>
std::size_t thread_count(const RowSource<T>& source, std::size_t asked) {
  const std::size_t available = std::max(1U, std::thread::hardware_concurrency());
  const double work =
      static_cast<double>(source.rows()) * static_cast<double>(source.cols()) * static_cast<double>(source.cols());
  return work < small_work / 10 ? 1 : (asked == 0 ? available : asked);
}

/// Singular values and right singular vectors of the finite columns, and what else the summary tells.
template <class T>
struct Summary {
  xt::xarray<T> s;           ///< (min(m, kept),)
  xt::xarray<T> v;           ///< (kept, min(m, kept))
  xt::xarray<double> norms;  ///< (kept,)
  std::vector<std::size_t> kept;
};

/// The share of the sum of squares that the singular values from `rank` on have.
template <class T>
double tail_share(const Summary<T>& summary, std::size_t rank) {
  double kept = 0.0;
  double left_out = 0.0;
  for (std::size_t mode = 0; mode < summary.s.size(); ++mode)
    (mode < rank ? kept : left_out) += std::pow(static_cast<double>(summary.s(mode)), 2);
  return left_out / (kept + left_out);
}

/// The indices of the marks that are set.
std::vector<std::size_t> marked(const std::vector<char>& marks) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i] != 0) indices.push_back(i);
  return indices;
}

/// Adds what the threads have summed up to the first of the sums.
template <class T>
void add_to_first(std::vector<xt::xarray<T>>& sums) {
  for (std::size_t part = 1; part < sums.size(); ++part)
    std::transform(sums[0].begin(), sums[0].end(), sums[part].begin(), sums[0].begin(), std::plus<>{});
}

/// The first columns of v, each times its singular value: the latents of a decomposition `u diag(s) v^T`.
template <class T>
xt::xarray<T> scaled_columns(const xt::xarray<T>& v, const xt::xarray<T>& s, std::size_t rank) {
  auto scaled = xt::xarray<T>::from_shape({v.shape(0), rank});
  for (std::size_t j = 0; j < v.shape(0); ++j)
    for (std::size_t mode = 0; mode < rank; ++mode) scaled(j, mode) = v(j, mode) * s(mode);
  return scaled;
}

template <class T>
std::vector<std::size_t> finite_columns(const RowSource<T>& source) {
  std::vector<char> finite(source.cols(), 1);
  std::vector<T> buffer;
  for_each_block(source, 1, [&](std::size_t, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffer);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < rows.cols; ++j)
        if (!std::isfinite(rows(i, j))) finite[j] = 0;
  });
  return marked(finite);
}

/// The sum of the Gram matrices of the blocks, in double; lower triangle.
template <class T>
xt::xarray<double> gram_of_rows(const RowSource<T>& source, std::size_t threads) {
  const std::size_t n = source.cols();
  std::vector<xt::xarray<double>> parts(threads, xt::zeros<double>({n, n}));
  std::vector<std::vector<T>> buffers(threads);
  for_each_block(source, threads, [&](std::size_t part, std::size_t first, std::size_t count) {
    add_gram(source.read(first, count, buffers[part]), as_matrix(parts[part], n, n));
  });
  add_to_first(parts);
  return std::move(parts[0]);
}

/// The summary by A^T A; nothing where squares overflow or vanish, or a column is not finite without saying so.
template <class T>
std::unique_ptr<Summary<T>> summarize_by_gram(const RowSource<T>& source, std::size_t threads) {
  const std::size_t n = source.cols();
  const auto gram = gram_of_rows(source, threads);
  auto summary = std::make_unique<Summary<T>>();
  // NaN and infinity in a column make its own diagonal entry such; so do squares that overflow.
  double largest = 0.0;
  for (std::size_t j = 0; j < n; ++j)
    if (std::isfinite(gram(j, j))) {
      summary->kept.push_back(j);
      largest = std::max(largest, gram(j, j));
    }
  constexpr double range = sizeof(T) == sizeof(double) ? 1e280 : 1e34;
  if (summary->kept.size() < n && summary->kept != finite_columns(source)) return nullptr;
  if (largest > range || largest < 1.0 / range) return nullptr;

  const std::size_t kept = summary->kept.size();
  auto symmetric = xt::xarray<double>::from_shape({kept, kept});
  summary->norms = xt::xarray<double>::from_shape({kept});
  for (std::size_t i = 0; i < kept; ++i) {
    for (std::size_t j = 0; j <= i; ++j) symmetric(i, j) = symmetric(j, i) = gram(summary->kept[i], summary->kept[j]);
    summary->norms(i) = std::sqrt(symmetric(i, i));
  }
  const auto eigen = symmetric_eigen(std::move(symmetric));
  summary->s = xt::xarray<T>::from_shape({kept});
  summary->v = xt::xarray<T>::from_shape({kept, kept});
  for (std::size_t mode = 0; mode < kept; ++mode) {
    const std::size_t ascending = kept - 1 - mode;
    summary->s(mode) = static_cast<T>(std::sqrt(std::max(0.0, eigen.values(ascending))));
    for (std::size_t i = 0; i < kept; ++i) summary->v(i, mode) = static_cast<T>(eigen.vectors(i, ascending));
  }
  return summary;
}

/// The summary by the triangle R of A = Q R.
template <class T>
std::unique_ptr<Summary<T>> summarize_by_tsqr(const RowSource<T>& source, std::size_t threads) {
  const std::size_t n = source.cols();
  std::vector<Triangle<T>> triangles(threads, Triangle<T>(n));
  std::vector<std::vector<T>> buffers(threads);
  std::vector<std::vector<T>> copies(threads);
  std::vector<std::vector<char>> finite(threads, std::vector<char>(n, 1));
  for_each_block(source, threads, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffers[part]);
    // The factorization works in place, on a copy in which no column spoils the others.
    copies[part].assign(rows.data, rows.data + count * n);
    const MatrixView<T> copy{copies[part].data(), count, n};
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (!std::isfinite(copy(i, j))) {
          finite[part][j] = 0;
          copy(i, j) = T{0};
        }
    // In short steps, so that they stay in the cache and no sum is so long that rounding piles up.
    const std::size_t step = 4 * n;
    for (std::size_t row = 0; row < count; row += step)
      triangles[part].add({copy.row(row).data(), std::min(step, count - row), n});
  });
  for (std::size_t part = 1; part < threads; ++part) {
    triangles[0].merge(triangles[part]);
    for (std::size_t j = 0; j < n; ++j) finite[0][j] = finite[0][j] != 0 && finite[part][j] != 0 ? 1 : 0;
  }
  auto summary = std::make_unique<Summary<T>>();
  summary->kept = marked(finite[0]);
  const std::size_t kept = summary->kept.size();
  if (kept == 0) return summary;
  auto triangle = xt::xarray<T>::from_shape({n, kept});
  summary->norms = xt::zeros<double>({kept});
  for (std::size_t j = 0; j < kept; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      triangle(i, j) = triangles[0](i, summary->kept[j]);
      summary->norms(j) = std::hypot(summary->norms(j), static_cast<double>(triangle(i, j)));
    }
  }
  auto svd = thin_svd(std::move(triangle));
  summary->s = std::move(svd.s);
  summary->v = std::move(svd.v);
  return summary;
}

/// Rows of some columns of a source, as they lie where all are wanted.
template <class T>
MatrixView<const T> kept_columns(MatrixView<const T> rows, const std::vector<std::size_t>& kept,
                                 std::vector<T>& buffer) {
  if (kept.size() == rows.cols) return rows;
  buffer.resize(rows.rows * kept.size());
  for (std::size_t i = 0; i < rows.rows; ++i)
    for (std::size_t j = 0; j < kept.size(); ++j) buffer[i * kept.size() + j] = rows(i, kept[j]);
  return {buffer.data(), rows.rows, kept.size()};
}

/// The basis and the latents from a summary. The raw basis `A V / s` is orthonormal only as far as the summary is
/// exact; a Cholesky factorization of its own Gram matrix makes it so (CholeskyQR; Yamamoto et al. 2015,
/// doi:10.1553/etna_vol44s306). With `refine` it is turned to the singular vectors of `U^T A`, which is as exact as a
/// decomposition of A itself also where small singular values magnify the rounding of `A V / s`.
template <class T>
void make_basis(const RowSource<T>& source, const Summary<T>& summary, std::size_t rank, bool refine,
                std::size_t threads, Decomposition<T>& result) {
  const std::size_t kept = summary.kept.size();
  auto weights = xt::xarray<T>::from_shape({kept, rank});
  for (std::size_t j = 0; j < kept; ++j)
    for (std::size_t mode = 0; mode < rank; ++mode) weights(j, mode) = summary.v(j, mode) / summary.s(mode);

  result.u = xt::xarray<T>::from_shape({source.rows(), rank});
  const auto basis_rows = [&](std::size_t first, std::size_t count) {
    return MatrixView<T>{result.u.data() + first * rank, count, rank};
  };
  std::vector<xt::xarray<double>> grams(threads, xt::zeros<double>({rank, rank}));
  std::vector<xt::xarray<T>> projections(threads, xt::zeros<T>({refine ? rank : 0, kept}));
  std::vector<std::vector<T>> buffers(threads);
  std::vector<std::vector<T>> columns(threads);
  for_each_block(source, threads, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = kept_columns(source.read(first, count, buffers[part]), summary.kept, columns[part]);
    const auto basis = basis_rows(first, count);
    multiply(rows, as_matrix(std::as_const(weights), kept, rank), basis);
    add_gram(readable(basis), as_matrix(grams[part], rank, rank));
    if (refine) add_product_transposed(readable(basis), rows, as_matrix(projections[part], rank, kept));
  });
  add_to_first(grams);
  add_to_first(projections);

  // The basis is turned by `turn`, (rank, rank): R^-1, and the left singular vectors of R^-T U^T A if these are asked
  // for.
  const xt::xarray<double> inverse = inverse_cholesky(std::move(grams[0]));
  auto turn = xt::xarray<T>::from_shape({rank, rank});
  std::ranges::transform(inverse, turn.begin(), [](double x) { return static_cast<T>(x); });
  if (refine) {
    auto coefficients = xt::xarray<T>::from_shape({rank, kept});
    const xt::xarray<T> turn_transposed = xt::transpose(turn);
    multiply(as_matrix(turn_transposed, rank, rank), as_matrix(std::as_const(projections[0]), rank, kept),
             as_matrix(coefficients, rank, kept));
    const auto small = thin_svd(std::move(coefficients));
    auto turned = xt::xarray<T>::from_shape({rank, rank});
    multiply(as_matrix(std::as_const(turn), rank, rank), as_matrix(small.u, rank, rank), as_matrix(turned, rank, rank));
    turn = std::move(turned);
    result.latents = scaled_columns(small.v, small.s, rank);
    std::copy(small.s.begin(), small.s.end(), result.s.begin());
  } else {
    // A^T U = A^T A V s^-1 R^-1, and A^T A V = V s^2.
    const xt::xarray<T> scaled = scaled_columns(summary.v, summary.s, rank);
    result.latents = xt::xarray<T>::from_shape({kept, rank});
    multiply(as_matrix(scaled, kept, rank), as_matrix(std::as_const(turn), rank, rank),
             as_matrix(result.latents, kept, rank));
  }
  for_each_block(source, threads, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto basis = basis_rows(first, count);
    buffers[part].assign(basis.data, basis.data + count * rank);
    multiply({buffers[part].data(), count, rank}, as_matrix(std::as_const(turn), rank, rank), basis);
  });
}

/// The decomposition of all rows at once, `(m, n)` in memory.
template <class T>
Decomposition<T> decompose_directly(const RowSource<T>& source, const DecompositionRequest<T>& request) {
  Decomposition<T> result;
  result.kept = finite_columns(source);
  const std::size_t m = source.rows();
  const std::size_t kept = result.kept.size();
  if (kept == 0) return result;
  auto matrix = xt::xarray<T>::from_shape({m, kept});
  result.norms = xt::zeros<double>({kept});
  std::vector<T> buffer;
  for_each_block(source, 1, [&](std::size_t, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffer);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < kept; ++j) {
        matrix(first + i, j) = rows(i, result.kept[j]);
        result.norms(j) = std::hypot(result.norms(j), static_cast<double>(matrix(first + i, j)));
      }
  });
  auto svd = thin_svd(std::move(matrix));
  result.s = std::move(svd.s);
  if (!(result.s(0) > 0)) return result;
  const std::size_t rank = request.choose_rank(result.s, m, kept);
  result.u = xt::view(svd.u, xt::all(), xt::range(0, rank));
  result.latents = scaled_columns(svd.v, result.s, rank);
  return result;
}

/// The decomposition by a summary; nothing where the method does not serve what is asked.
template <class T>
std::unique_ptr<Decomposition<T>> decompose_by(DecompositionMethod method, const RowSource<T>& source,
                                               const DecompositionRequest<T>& request) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t threads = thread_count(source, request.threads);
  const bool by_gram = method == DecompositionMethod::gram;
  const auto summary = by_gram ? summarize_by_gram(source, threads) : summarize_by_tsqr(source, threads);
  if (!summary) return nullptr;
  auto result = std::make_unique<Decomposition<T>>();
  result->kept = summary->kept;
  if (summary->kept.empty() || !(summary->s(0) > 0)) return result;
  result->s = xt::view(summary->s, xt::range(0, std::min(source.rows(), summary->kept.size())));
  result->norms = summary->norms;
  const std::size_t rank = request.choose_rank(result->s, source.rows(), result->kept.size());
  const double share = static_cast<double>(result->s(rank - 1)) / static_cast<double>(result->s(0));
  if (by_gram ? share < smallest_gram_share<T> || tail_share(*summary, rank) < smallest_gram_tail<T>
              : rank > numerical_rank(result->s))
    return nullptr;
  result->report.summary_seconds = seconds_since(start);
  const auto basis_start = std::chrono::steady_clock::now();
  make_basis(source, *summary, rank, share < safe_share, threads, *result);
  fix_signs(result->u, result->latents);
  result->report.basis_seconds = seconds_since(basis_start);
  result->report.threads = threads;
  const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
  result->report.singular_value_error =
      by_gram ? std::sqrt(unit * static_cast<double>(summary->s.size())) : 10.0 * unit;
  return result;
}

}  // namespace

template <class T>
RowSource<T>::~RowSource() = default;

std::string_view name_of(DecompositionMethod method) {
  switch (method) {
    case DecompositionMethod::automatic:
      return "automatic";
    case DecompositionMethod::gram:
      return "gram";
    case DecompositionMethod::tsqr:
      return "tsqr";
    case DecompositionMethod::direct:
      break;
  }
  return "direct";
}

template <class T>
Decomposition<T> decompose(const RowSource<T>& source, const DecompositionRequest<T>& request) {
  using enum DecompositionMethod;
  const double m = static_cast<double>(source.rows());
  const double n = static_cast<double>(source.cols());
  DecompositionMethod method = request.method;
  if (method == automatic) method = source.rows() <= 2 * source.cols() ? direct : m * n * n < small_work ? tsqr : gram;
  for (; method != direct; method = method == gram ? tsqr : direct)
    if (auto result = decompose_by(method, source, request)) {
      result->report.method = method;
      return std::move(*result);
    }
  const auto start = std::chrono::steady_clock::now();
  Decomposition<T> result = decompose_directly(source, request);
  result.report.summary_seconds = seconds_since(start);
  result.report.singular_value_error = 10.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
  return result;
}

template class RowSource<double>;
template class RowSource<float>;
template Decomposition<double> decompose(const RowSource<double>&, const DecompositionRequest<double>&);
template Decomposition<float> decompose(const RowSource<float>&, const DecompositionRequest<float>&);

}  // namespace fieldfold
