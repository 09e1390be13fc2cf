module;

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.summary;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;
import fieldfold.rows;

namespace fieldfold {
namespace {

/// Of a sketch that served, the eigenvalues of the Gram matrix of A R^-1 are within this factor of each other, but for
/// those below the cutoff, which are directions of rounding.
constexpr double well_conditioned = 1e3;
constexpr double rounding_cutoff = 1e-8;

/// Each row goes into this many rows of the sketch.
constexpr std::size_t copies = 4;

/// A hash of good quality (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
std::uint64_t split_mix(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// Adds what the threads have summed up to the first of the sums.
void add_to_first(std::vector<xt::xarray<double>>& sums) {
  for (std::size_t part = 1; part < sums.size(); ++part)
    std::transform(sums[0].begin(), sums[0].end(), sums[part].begin(), sums[0].begin(), std::plus<>{});
}

std::vector<std::size_t> marked(const std::vector<char>& marks) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i] != 0) indices.push_back(i);
  return indices;
}

/// The triangle of the QR factorization of a small matrix, made regular: directions below `floor` get that length.
xt::xarray<double> regular_triangle(xt::xarray<double>&& matrix, double floor) {
  const std::size_t n = matrix.shape(1);
  Triangle<double> triangle(n);
  // In short steps, so that they stay in the cache and no sum is so long that rounding piles up.
  const std::size_t step = 4 * n;
  const auto rows = as_matrix(matrix, matrix.shape(0), n);
  for (std::size_t first = 0; first < rows.rows; first += step)
    triangle.add({rows.row(first).data(), std::min(step, rows.rows - first), n});
  xt::xarray<double> lengths = floor * xt::eye<double>(n);
  triangle.add(as_matrix(lengths, n, n));
  auto result = xt::xarray<double>::from_shape({n, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) result(i, j) = triangle(i, j);
  return result;
}

}  // namespace

template <class T>
FactorRows<T>::FactorRows(const Factorization& factorization, std::size_t cols)
    : factorization_(factorization), all_columns_(factorization.columns.size() == cols) {
  if (!factorization.is_identity()) triangle_ = xt::cast<T>(factorization.triangle);
}

template <class T>
MatrixView<const T> FactorRows<T>::operator()(MatrixView<const T> rows, std::vector<T>& buffer) const {
  if (all_columns_ && factorization_.is_identity()) return rows;
  const auto& columns = factorization_.columns;
  const std::size_t n = columns.size();
  buffer.resize(rows.rows * n);
  const MatrixView<T> result{buffer.data(), rows.rows, n};
  for (std::size_t i = 0; i < rows.rows; ++i)
    if (all_columns_)
      std::ranges::copy(rows.row(i), result.row(i).begin());
    else
      for (std::size_t j = 0; j < n; ++j) result(i, j) = rows(i, columns[j]);
  if (!factorization_.is_identity()) divide_by_triangle(result, as_matrix(triangle_, n, n));
  return readable(result);
}

template <class T>
std::vector<xt::xarray<double>> gram_matrices(const RowSource<T>& source, const Factorization& factorization,
                                              std::size_t groups, const Pass& pass) {
  const std::size_t n = factorization.columns.size();
  const FactorRows<T> factor_rows(factorization, source.cols());
  // One sum a group and thread; those of a group lie together.
  std::vector<std::vector<xt::xarray<double>>> sums(
      groups, std::vector<xt::xarray<double>>(pass.threads, xt::zeros<double>({n, n})));
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> factors(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = factor_rows(source.read(first, count, buffers[part]), factors[part]);
    for (std::size_t group = 0; group < groups; ++group)
      add_gram(every(groups, group, rows), as_matrix(sums[group][part], n, n));
  });
  std::vector<xt::xarray<double>> grams;
  for (auto& parts : sums) {
    add_to_first(parts);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) parts[0](j, i) = parts[0](i, j);
    grams.push_back(std::move(parts[0]));
  }
  return grams;
}

template <class T>
std::vector<std::size_t> finite_columns(const RowSource<T>& source, const Pass& pass) {
  std::vector<std::vector<char>> finite(pass.threads, std::vector<char>(source.cols(), 1));
  std::vector<std::vector<T>> buffers(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffers[part]);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < rows.cols; ++j)
        finite[part][j] = static_cast<char>(finite[part][j] & (std::isfinite(rows(i, j)) ? 1 : 0));
  });
  for (const auto& part : finite)
    std::transform(part.begin(), part.end(), finite[0].begin(), finite[0].begin(),
                   [](char mine, char all) { return static_cast<char>(mine & all); });
  return marked(finite[0]);
}

template <class T>
Factorization sketched_factorization(const RowSource<T>& source, const Pass& pass) {
  const std::size_t n = source.cols();
  const bool is_whole = source.rows() <= 8 * n;
  const std::size_t length = is_whole ? source.rows() : 4 * n;
  std::vector<xt::xarray<double>> sketches(pass.threads, xt::zeros<double>({length, n}));
  std::vector<std::vector<T>> buffers(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffers[part]);
    const auto sketch = as_matrix(sketches[part], length, n);
    for (std::size_t i = 0; i < count; ++i) {
      const T* const row = rows.row(i).data();
      if (is_whole) {
        std::copy(row, row + n, sketch.row(first + i).begin());
        continue;
      }
      for (std::size_t copy = 0; copy < copies; ++copy) {
        const std::uint64_t hash = split_mix(copies * (first + i) + copy);
        const double sign = (hash & 1) == 0 ? 1.0 : -1.0;
        double* const sum = sketch.row((hash >> 1) % length).data();
        for (std::size_t j = 0; j < n; ++j) sum[j] += sign * static_cast<double>(row[j]);
      }
    }
  });
  add_to_first(sketches);

  std::vector<char> finite(n, 1);
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (!std::isfinite(sketches[0](i, j))) finite[j] = 0;
  Factorization result{.columns = marked(finite)};
  if (result.columns.size() < n && result.columns != finite_columns(source, {.threads = pass.threads}))
    throw NumericalError("the snapshots are too large: sums of their numbers overflow");
  auto sketch = xt::xarray<double>::from_shape({length, result.columns.size()});
  double largest = 0.0;
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j < result.columns.size(); ++j) {
      sketch(i, j) = sketches[0](i, result.columns[j]);
      largest = std::max(largest, std::abs(sketch(i, j)));
    }
  // Zeros alone have no direction.
  if (largest > 0.0)
    result.triangle =
        regular_triangle(std::move(sketch), largest * static_cast<double>(std::numeric_limits<T>::epsilon()));
  return result;
}

template <class T>
OrthogonalFactor orthogonal_factor(const RowSource<T>& source, Factorization factorization, std::size_t groups,
                                   const Pass& pass) {
  for (int attempt = 0;; ++attempt) {
    auto grams = gram_matrices(source, factorization, groups, pass);
    xt::xarray<double> total = grams[0];
    for (std::size_t group = 1; group < groups; ++group) total += grams[group];
    const auto eigen = symmetric_eigen(std::move(total));
    const std::size_t n = eigen.values.size();
    std::size_t first = 0;
    while (eigen.values(first) <= rounding_cutoff * eigen.values(n - 1)) ++first;
    auto to_basis = xt::xarray<double>::from_shape({n, n - first});
    auto triangle = xt::xarray<double>(xt::zeros<double>({n - first, n}));
    add_product_transposed(as_matrix(std::as_const(eigen.vectors)), as_matrix(std::as_const(factorization.triangle)),
                           as_matrix(total = xt::zeros<double>({n, n})));
    for (std::size_t k = first; k < n; ++k) {
      const double root = std::sqrt(eigen.values(k));
      for (std::size_t j = 0; j < n; ++j) {
        to_basis(j, k - first) = eigen.vectors(j, k) / root;
        triangle(k - first, j) = total(k, j) * root;
      }
    }
    // The sketch is bad with a probability that is next to nothing; what it led to is a better start.
    if (eigen.values(n - 1) <= well_conditioned * eigen.values(first) || attempt == 2)
      return {std::move(factorization), std::move(to_basis), std::move(triangle), std::move(grams)};
    const double floor = static_cast<double>(std::numeric_limits<T>::epsilon()) * xt::amax(xt::abs(triangle))();
    factorization.triangle = regular_triangle(std::move(triangle), floor);
  }
}

template class FactorRows<double>;
template class FactorRows<float>;
template std::vector<xt::xarray<double>> gram_matrices(const RowSource<double>&, const Factorization&, std::size_t,
                                                       const Pass&);
template std::vector<xt::xarray<double>> gram_matrices(const RowSource<float>&, const Factorization&, std::size_t,
                                                       const Pass&);
template OrthogonalFactor orthogonal_factor(const RowSource<double>&, Factorization, std::size_t, const Pass&);
template OrthogonalFactor orthogonal_factor(const RowSource<float>&, Factorization, std::size_t, const Pass&);
template Factorization sketched_factorization(const RowSource<double>&, const Pass&);
template Factorization sketched_factorization(const RowSource<float>&, const Pass&);
template std::vector<std::size_t> finite_columns(const RowSource<double>&, const Pass&);
template std::vector<std::size_t> finite_columns(const RowSource<float>&, const Pass&);

}  // namespace fieldfold
