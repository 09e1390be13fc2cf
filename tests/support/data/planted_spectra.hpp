#pragma once

// Matrices with planted singular values, and their decompositions. Include after the imports of fieldfold.base.arrays,
// fieldfold.decomposition.truncated_svd, fieldfold.linalg.dense, fieldfold.rows.source and fieldfold.rows.store, and
// after "support/data/cosines.hpp".

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

/// A decomposition and its basis.
template <class T>
struct Decomposition : fieldfold::Decomposition<T> {
  xt::xarray<T> u;
};

/// A matrix with planted singular values. \param s  the singular values
inline xt::xarray<double> planted(std::size_t m, const std::vector<double>& s) {
  const std::size_t n = s.size();
  auto u = cosines(m, n);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) u(i, j) *= s[j];
  const auto v = cosines(n, n);
  auto matrix = xt::xarray<double>::from_shape({m, n});
  fieldfold::multiply_transposed(fieldfold::as_matrix(std::as_const(u), m, n), fieldfold::as_matrix(v, n, n),
                                 fieldfold::as_matrix(matrix, m, n));
  return matrix;
}

struct Planted {
  std::string name;
  std::vector<double> values;
};

inline std::vector<Planted> spectra(std::size_t n) {
  const auto make = [n](const auto& formula) {
    std::vector<double> s(n);
    for (std::size_t i = 0; i < n; ++i) s[i] = formula(static_cast<double>(i) / static_cast<double>(n));
    return s;
  };
  return {{"flat", make([](double) { return 1.0; })},
          {"exponential to 1e-16", make([](double x) { return std::pow(10.0, -16.0 * x); })},
          {"cliff", make([](double x) { return x < 0.3 ? 1.0 : 1e-12; })},
          {"clustered", make([](double x) { return std::pow(10.0, -std::floor(4.0 * x)) * (1.0 - 1e-10 * x); })},
          {"mean dominated", make([](double x) { return x == 0.0 ? 600.0 : 1.0 - 0.5 * x; })},
          {"rank-deficient", make([](double x) { return x < 0.5 ? 1.0 - x : 0.0; })}};
}

template <class T>
Decomposition<T> decomposed(const fieldfold::RowSource<T>& rows, fieldfold::DecompositionRequest<T> request) {
  fieldfold::ArrayStore<T> basis;
  Decomposition<T> found{fieldfold::decompose<T>(rows, request, basis), {}};
  found.u = std::move(basis.array());
  return found;
}

template <class T>
Decomposition<T> decomposed(const xt::xarray<T>& matrix, std::size_t rank,
                            fieldfold::DecompositionMethod method = fieldfold::DecompositionMethod::automatic,
                            std::size_t threads = 1) {
  return decomposed<T>(fieldfold::MatrixRows<T>(fieldfold::as_matrix(matrix)),
                       {.choose_rank = [=](const fieldfold::Spectrum<T>&) { return fieldfold::RankChoice{rank, 1.0}; },
                        .known_rank = rank,
                        .method = method,
                        .threads = threads});
}

inline xt::xarray<double> transposed(const xt::xarray<double>& matrix) { return xt::transpose(matrix); }

template <class T>
double off_identity(const xt::xarray<T>& columns) {
  const auto gram = fieldfold::gram(fieldfold::as_matrix(columns, columns.shape(0), columns.shape(1)));
  double largest = 0.0;
  for (std::size_t i = 0; i < gram.shape(0); ++i)
    for (std::size_t j = 0; j < gram.shape(1); ++j)
      largest = std::max(largest, std::abs(static_cast<double>(gram(i, j)) - (i == j ? 1.0 : 0.0)));
  return largest;
}

/// ||A - u coefficients^T|| in the Frobenius norm.
inline double error_of(const Decomposition<double>& found, const xt::xarray<double>& matrix) {
  const std::size_t m = matrix.shape(0);
  const std::size_t n = matrix.shape(1);
  auto product = xt::xarray<double>::from_shape({m, n});
  fieldfold::multiply_transposed(fieldfold::as_matrix(found.u, m, found.u.shape(1)),
                                 fieldfold::as_matrix(found.coefficients, n, found.u.shape(1)),
                                 fieldfold::as_matrix(product, m, n));
  double squares = 0.0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) squares += std::pow(product(i, j) - matrix(i, j), 2);
  return std::sqrt(squares);
}

/// `||x - U U^T x|| / ||x||` by definition, over the rows `first, first + step, ...` of one column.
inline double relative_error(const xt::xarray<double>& u, const xt::xarray<double>& matrix, std::size_t column,
                             std::size_t first = 0, std::size_t step = 1) {
  std::vector<double> coefficients(u.shape(1), 0.0);
  for (std::size_t i = 0; i < u.shape(0); ++i)
    for (std::size_t mode = 0; mode < coefficients.size(); ++mode) coefficients[mode] += u(i, mode) * matrix(i, column);
  double error = 0.0;
  double square = 0.0;
  for (std::size_t i = first; i < u.shape(0); i += step) {
    double residual = matrix(i, column);
    for (std::size_t mode = 0; mode < coefficients.size(); ++mode) residual -= u(i, mode) * coefficients[mode];
    error += residual * residual;
    square += matrix(i, column) * matrix(i, column);
  }
  return std::sqrt(error / square);
}
