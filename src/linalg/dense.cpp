module;

#include <xtensor-blas/xblas.hpp>

// Separate from the line above, which must come first: it determines how the headers below find CBLAS.
#include <xtensor-blas/xlapack.hpp>

// LAPACK 3.7 and later; not in xtensor-blas.
extern "C" {
void dtplqt_(const int* m, const int* n, const int* l, const int* mb, double* a, const int* lda, double* b,
             const int* ldb, double* t, const int* ldt, double* work, int* info);
void stplqt_(const int* m, const int* n, const int* l, const int* mb, float* a, const int* lda, float* b,
             const int* ldb, float* t, const int* ldt, float* work, int* info);
void dgeqp3_(const int* m, const int* n, double* a, const int* lda, int* jpvt, double* tau, double* work,
             const int* lwork, int* info);
}

module fieldfold.linalg.dense;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.linalg.signs;

namespace fieldfold {
namespace {

int lapack_int(std::size_t length) {
  if (length > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw InvalidArgument(
        message("matrix: expected at most ", std::numeric_limits<int>::max(), " rows and columns, got ", length));
  return static_cast<int>(length);
}

/// LAPACK requires a leading dimension of at least one, even for empty matrices.
int leading(std::size_t length) { return std::max(1, lapack_int(length)); }

template <class T>
void gemm(T factor, cxxblas::Transpose transpose_b, MatrixView<const T> a, MatrixView<const T> b, T keep,
          MatrixView<T> c) {
  if (c.rows == 0 || c.cols == 0) return;
  cxxblas::gemm(cxxblas::StorageOrder::RowMajor, cxxblas::Transpose::NoTrans, transpose_b, lapack_int(c.rows),
                lapack_int(c.cols), lapack_int(a.cols), factor, a.data, leading(a.stride), b.data, leading(b.stride),
                keep, c.data, leading(c.stride));
}

/// Adds `a^T a` to a lower triangle.
template <class T>
void add_syrk(MatrixView<const T> a, MatrixView<T> lower) {
  if (a.cols == 0) return;
  cxxblas::syrk(cxxblas::StorageOrder::RowMajor, cxxblas::StorageUpLo::Lower, cxxblas::Transpose::Trans,
                lapack_int(a.cols), lapack_int(a.rows), T{1}, a.data, leading(a.stride), T{1}, lower.data,
                leading(lower.stride));
}

}  // namespace

template <class T>
void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  gemm(T{1}, cxxblas::Transpose::NoTrans, a, b, T{0}, c);
}

template <class T>
void multiply_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  gemm(T{1}, cxxblas::Transpose::Trans, a, b, T{0}, c);
}

template <class T>
void add_product(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  gemm(T{1}, cxxblas::Transpose::NoTrans, a, b, T{1}, c);
}

template <class T>
void subtract_product_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  gemm(T{-1}, cxxblas::Transpose::Trans, a, b, T{1}, c);
}

template <class T>
void divide_by_triangle(MatrixView<T> rows, MatrixView<const T> triangle) {
  if (rows.rows == 0 || rows.cols == 0) return;
  cxxblas::trsm(cxxblas::StorageOrder::RowMajor, cxxblas::Side::Right, cxxblas::StorageUpLo::Upper,
                cxxblas::Transpose::NoTrans, cxxblas::Diag::NonUnit, lapack_int(rows.rows), lapack_int(rows.cols), T{1},
                triangle.data, leading(triangle.stride), rows.data, leading(rows.stride));
}

template <class T>
void add_product_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
  if (c.rows == 0 || c.cols == 0) return;
  cxxblas::gemm(cxxblas::StorageOrder::RowMajor, cxxblas::Transpose::Trans, cxxblas::Transpose::NoTrans,
                lapack_int(c.rows), lapack_int(c.cols), lapack_int(a.rows), T{1}, a.data, leading(a.stride), b.data,
                leading(b.stride), T{1}, c.data, leading(c.stride));
}

template <class T>
double sum_of_squares(MatrixView<const T> rows) {
  double squares = 0.0;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const T* const row = rows.row(i).data();
    // Independent partial sums, so that additions overlap.
    double sums[8] = {};
    std::size_t j = 0;
    for (; j + 8 <= rows.cols; j += 8)
      for (std::size_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(row[j + k]) * static_cast<double>(row[j + k]);
    for (; j < rows.cols; ++j) sums[0] += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    for (const double sum : sums) squares += sum;
  }
  return squares;
}

template <class T>
void transpose_into(MatrixView<const T> a, MatrixView<T> b) {
  // By square tiles, so that cache lines of both matrices are used in full.
  constexpr std::size_t side = 16;
  for (std::size_t row = 0; row < b.rows; row += side)
    for (std::size_t col = 0; col < b.cols; col += side)
      for (std::size_t j = col; j < std::min(b.cols, col + side); ++j)
        for (std::size_t i = row; i < std::min(b.rows, row + side); ++i) b(i, j) = a(j, i);
}

template <class T>
void add_gram(MatrixView<const T> a, MatrixView<double> sum) {
  if constexpr (std::is_same_v<T, double>) {
    add_syrk(a, sum);
  } else {
    xt::xarray<T> block = zeros<T>({a.cols, a.cols});
    add_syrk(a, as_matrix(block, a.cols, a.cols));
    std::transform(block.begin(), block.end(), sum.data, sum.data,
                   [](T x, double y) { return y + static_cast<double>(x); });
  }
}

template <class T>
void add_symmetric_product(MatrixView<const T> a, MatrixView<const T> b, MatrixView<double> sum) {
  // By stripes of columns, each from the diagonal down: little more than half of the operations.
  constexpr std::size_t stripe = 64;
  for (std::size_t first = 0; first < a.cols; first += stripe) {
    const std::size_t width = std::min(stripe, a.cols - first);
    const MatrixView<const T> below{a.data + first, a.rows, a.cols - first, a.stride};
    const MatrixView<const T> own{b.data + first, b.rows, width, b.stride};
    const MatrixView<double> part{sum.data + first * sum.stride + first, a.cols - first, width, sum.stride};
    if constexpr (std::is_same_v<T, double>) {
      add_product_transposed(below, own, part);
    } else {
      xt::xarray<T> block = zeros<T>({below.cols, width});
      add_product_transposed(below, own, as_matrix(block, below.cols, width));
      for (std::size_t i = 0; i < below.cols; ++i)
        for (std::size_t j = 0; j < width; ++j) part(i, j) += static_cast<double>(block(i, j));
    }
  }
}

template <class T>
void fill_upper(MatrixView<T> matrix) {
  for (std::size_t i = 0; i < matrix.rows; ++i)
    for (std::size_t j = 0; j < i; ++j) matrix(j, i) = matrix(i, j);
}

SymmetricEigen symmetric_eigen(xt::xarray<double>&& matrix) {
  const std::size_t n = matrix.shape(0);
  SymmetricEigen eigen{xt::xarray<double>::from_shape({n}), {}};
  const auto run = [&](double* work, int work_length, int* integer_work, int integer_length) {
    return cxxlapack::syevd<int>('V', 'L', lapack_int(n), matrix.data(), leading(n), eigen.values.data(), work,
                                 work_length, integer_work, integer_length);
  };
  double best_length = 0.0;
  int best_integer_length = 0;
  run(&best_length, -1, &best_integer_length, -1);
  std::vector<double> work(static_cast<std::size_t>(best_length));
  std::vector<int> integer_work(static_cast<std::size_t>(best_integer_length));
  if (run(work.data(), lapack_int(work.size()), integer_work.data(), best_integer_length) != 0)
    throw NumericalError(message("the eigenvalues of a matrix of order ", n, " did not converge"));
  // LAPACK's columns are the rows here.
  eigen.vectors = transposed(matrix);
  return eigen;
}

xt::xarray<double> inverse_cholesky(xt::xarray<double>&& matrix) {
  const int n = lapack_int(matrix.shape(0));
  // The lower triangle here is LAPACK's upper one, whose factor is the lower one here: L = R^T.
  if (cxxlapack::potrf<int>('U', n, matrix.data(), leading(matrix.shape(0))) != 0 ||
      cxxlapack::trtri<int>('U', 'N', n, matrix.data(), leading(matrix.shape(0))) != 0)
    throw NumericalError("the columns to be orthonormalized are linearly dependent");
  xt::xarray<double> inverse = zeros<double>({matrix.shape(0), matrix.shape(0)});
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t j = 0; j <= i; ++j) inverse(j, i) = matrix(i, j);
  return inverse;
}

template <class T>
RFactor<T>::RFactor(std::size_t n) : triangle_(zeros<T>({n, n})) {}

template <class T>
void RFactor<T>::add(MatrixView<T> rows) {
  if (rows.rows == 0 || rows.cols == 0) return;
  // To LAPACK [R; rows] is [L rows^T] with L = R^T lower triangular, to be factorized as L' Q.
  const int n = lapack_int(rows.cols);
  const int count = lapack_int(rows.rows);
  const int pentagonal = 0;
  const int block = std::min(32, n);
  std::vector<T> reflectors(rows.cols * static_cast<std::size_t>(block));
  std::vector<T> work(reflectors.size());
  int info = 0;
  if constexpr (std::is_same_v<T, double>)
    dtplqt_(&n, &count, &pentagonal, &block, triangle_.data(), &n, rows.data, &n, reflectors.data(), &block,
            work.data(), &info);
  else
    stplqt_(&n, &count, &pentagonal, &block, triangle_.data(), &n, rows.data, &n, reflectors.data(), &block,
            work.data(), &info);
}

namespace {

/// LAPACK's columns are the rows of a matrix `(m, n)`. Returns the rows in pivoting order.
std::vector<std::size_t> factorize_with_pivoting(xt::xarray<double>& matrix) {
  const int columns = lapack_int(matrix.shape(0));
  const int rows = lapack_int(matrix.shape(1));
  std::vector<int> pivots(matrix.shape(0), 0);
  std::vector<double> reflectors(std::min(matrix.shape(0), matrix.shape(1)));
  std::vector<double> work(1);
  int length = -1;
  int info = 0;
  const auto run = [&] {
    dgeqp3_(&rows, &columns, matrix.data(), &rows, pivots.data(), reflectors.data(), work.data(), &length, &info);
  };
  run();
  length = static_cast<int>(work[0]);
  work.resize(static_cast<std::size_t>(length));
  run();
  std::vector<std::size_t> order;
  order.reserve(pivots.size());
  for (const int pivot : pivots) order.push_back(static_cast<std::size_t>(pivot) - 1);
  return order;
}

}  // namespace

std::vector<std::size_t> pivot_rows(xt::xarray<double>&& matrix) {
  auto order = factorize_with_pivoting(matrix);
  order.resize(std::min(matrix.shape(0), matrix.shape(1)));
  return order;
}

PivotedRFactor pivoted_r_factor(xt::xarray<double>&& matrix) {
  const std::size_t n = matrix.shape(1);
  RFactor<double> triangle(n);
  // In short blocks, which stay in the cache and keep the growth of rounding errors small.
  const std::size_t step = 4 * n;
  const auto rows = as_matrix(matrix);
  for (std::size_t first = 0; first < rows.rows; first += step)
    triangle.add({rows.row(first).data(), std::min(step, rows.rows - first), n});
  // LAPACK's columns are the rows here.
  auto columns = xt::xarray<double>::from_shape({n, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) columns(j, i) = triangle(i, j);
  const auto pivots = factorize_with_pivoting(columns);
  PivotedRFactor result{zeros<double>({n, n}), {}};
  for (std::size_t j = 0; j < n; ++j) {
    result.pivots.push_back(pivots[j]);
    for (std::size_t i = 0; i <= j; ++i) result.r(i, j) = columns(j, i);
  }
  return result;
}

xt::xarray<double> product(const xt::xarray<double>& a, const xt::xarray<double>& b) {
  auto c = xt::xarray<double>::from_shape({a.shape(0), b.shape(1)});
  multiply(as_matrix(a), as_matrix(b), as_matrix(c));
  return c;
}

xt::xarray<double> transposed_product(const xt::xarray<double>& a, const xt::xarray<double>& b) {
  xt::xarray<double> c = zeros<double>({a.shape(1), b.shape(1)});
  add_product_transposed(as_matrix(a), as_matrix(b), as_matrix(c));
  return c;
}

template <class T>
xt::xarray<double> sum_of(const std::vector<xt::xarray<T>>& matrices) {
  xt::xarray<double> sum = array_cast<double>(matrices[0]);
  for (std::size_t i = 1; i < matrices.size(); ++i)
    std::transform(sum.begin(), sum.end(), matrices[i].begin(), sum.begin(),
                   [](double x, T y) { return x + static_cast<double>(y); });
  return sum;
}

template <class T>
xt::xarray<double> sum_of(const std::vector<xt::xarray<T>>& matrices, const RowPartition& partition) {
  xt::xarray<double> sum = sum_of(matrices);
  partition.sum(entries_of(sum));
  return sum;
}

std::span<double> entries_of(xt::xarray<double>& matrix) { return {matrix.data(), matrix.size()}; }

ThinSVD<double> agreed(ThinSVD<double> svd, const RowPartition& partition) {
  for (auto* factor : {&svd.u, &svd.s, &svd.v}) partition.agree(entries_of(*factor));
  return svd;
}

SymmetricEigen agreed(SymmetricEigen eigen, const RowPartition& partition) {
  for (auto* factor : {&eigen.values, &eigen.vectors}) partition.agree(entries_of(*factor));
  return eigen;
}

xt::xarray<double> identity(std::size_t n) {
  auto matrix = zeros<double>({n, n});
  for (std::size_t i = 0; i < n; ++i) matrix(i, i) = 1.0;
  return matrix;
}

void add_to(xt::xarray<double>& sum, const xt::xarray<double>& term) {
  std::transform(sum.data(), sum.data() + sum.size(), term.data(), sum.data(), std::plus<>{});
}

xt::xarray<double> scaled(xt::xarray<double> array, double factor) {
  for (double& entry : std::span(array.data(), array.size())) entry *= factor;
  return array;
}

xt::xarray<double> columns_of(const xt::xarray<double>& matrix, const std::vector<std::size_t>& columns) {
  auto chosen = xt::xarray<double>::from_shape({matrix.shape(0), columns.size()});
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t j = 0; j < columns.size(); ++j) chosen(i, j) = matrix(i, columns[j]);
  return chosen;
}

xt::xarray<double> column_range(const xt::xarray<double>& matrix, std::size_t first, std::size_t count) {
  auto chosen = xt::xarray<double>::from_shape({matrix.shape(0), count});
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t j = 0; j < count; ++j) chosen(i, j) = matrix(i, first + j);
  return chosen;
}

xt::xarray<double> scaled_columns(xt::xarray<double> matrix, const xt::xarray<double>& factors) {
  scale_columns(as_matrix(matrix), std::vector<double>(factors.begin(), factors.end()));
  return matrix;
}

double power_of_two_scale(double largest) {
  return largest > 0.0 ? std::exp2(std::clamp(-std::ilogb(largest), -1000, 1000)) : 1.0;
}

xt::xarray<double> rows_of(const xt::xarray<double>& matrix, const std::vector<std::size_t>& rows) {
  auto chosen = xt::xarray<double>::from_shape({rows.size(), matrix.shape(1)});
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < matrix.shape(1); ++j) chosen(i, j) = matrix(rows[i], j);
  return chosen;
}

template <class T>
ThinSVD<T> thin_svd(xt::xarray<T>&& matrix) {
  const std::size_t m = matrix.shape(0);
  const std::size_t n = matrix.shape(1);
  if (m == 0 || n == 0) throw InvalidArgument(message("matrix: expected rows and columns, got ", m, " x ", n));
  const std::size_t k = std::min(m, n);
  // LAPACK multiplies dimensions as 32-bit integers.
  lapack_int(m);
  lapack_int(n);
  if (m > (static_cast<std::size_t>(std::numeric_limits<int>::max()) - n * k) / n)
    throw InvalidArgument(message("matrix: expected fewer than 2^31 entries, got ", m, " x ", n));

  // To LAPACK the memory is a^T, n x m. Its left singular vectors are v; its right ones overwrite the matrix, as the
  // first k columns of u.
  ThinSVD<T> svd;
  svd.s = xt::xarray<T>::from_shape({k});
  xt::xarray<T> v_transposed = xt::xarray<T>::from_shape({k, n});
  const auto run = [&](T* work, int length) {
    return cxxlapack::gesvd<int>('S', 'O', lapack_int(n), lapack_int(m), matrix.data(), leading(n), svd.s.data(),
                                 v_transposed.data(), leading(n), nullptr, 1, work, length);
  };
  T best_length{};
  run(&best_length, -1);
  std::vector<T> work(static_cast<std::size_t>(best_length));
  if (run(work.data(), lapack_int(work.size())) != 0 || !std::isfinite(svd.s(0)))
    throw NumericalError(message("the singular value decomposition of a ", m, " x ", n, " matrix did not converge"));

  svd.v = transposed(v_transposed);
  svd.u = k == n ? std::move(matrix) : leading_block(matrix, m, k);
  fix_signs(svd.u, svd.v);
  return svd;
}

template <class T>
std::size_t numerical_rank(const xt::xarray<T>& s) {
  const T threshold = static_cast<T>(s.size()) * std::numeric_limits<T>::epsilon() * s(0);
  const auto above = std::ranges::count_if(s, [=](T value) { return value > threshold; });
  return std::max<std::size_t>(1, static_cast<std::size_t>(above));
}

template <class T>
xt::xarray<T> gram(MatrixView<const T> a) {
  xt::xarray<T> product = zeros<T>({a.cols, a.cols});
  add_syrk(a, as_matrix(product, a.cols, a.cols));
  fill_upper(as_matrix(product));
  return product;
}

PositiveDefiniteSystem::PositiveDefiniteSystem(xt::xarray<double>&& matrix) : factor_(std::move(matrix)) {
  const std::size_t n = factor_.shape(0);
  const auto rows = as_matrix(factor_);
  std::vector<double> diagonal(n);
  for (std::size_t i = 0; i < n; ++i) {
    diagonal[i] = rows(i, i);
    trace_ += rows(i, i);
  }
  // The lower triangle here is LAPACK's upper one.
  if (cxxlapack::potrf<int>('U', lapack_int(n), factor_.data(), leading(n)) != 0) return;
  double smallest = 1.0;
  for (std::size_t i = 0; i < n; ++i) smallest = std::min(smallest, rows(i, i) * rows(i, i) / diagonal[i]);
  if (smallest > static_cast<double>(n) * std::numeric_limits<double>::epsilon()) smallest_pivot_ = smallest;
}

double PositiveDefiniteSystem::reciprocal_condition() const {
  if (!is_positive_definite()) return 0.0;
  const std::size_t n = factor_.shape(0);
  std::vector<double> work(3 * n);
  std::vector<int> integer_work(n);
  double reciprocal = 1.0;
  cxxlapack::pocon<int>('U', lapack_int(n), factor_.data(), leading(n), trace_, reciprocal, work.data(),
                        integer_work.data());
  return reciprocal;
}

void PositiveDefiniteSystem::solve(MatrixView<double> right_hand_sides) const {
  if (right_hand_sides.rows == 0 || right_hand_sides.cols == 0) return;
  for (const auto transpose : {cxxblas::Transpose::Trans, cxxblas::Transpose::NoTrans})
    cxxblas::trsm(cxxblas::StorageOrder::ColMajor, cxxblas::Side::Left, cxxblas::StorageUpLo::Upper, transpose,
                  cxxblas::Diag::NonUnit, lapack_int(right_hand_sides.cols), lapack_int(right_hand_sides.rows), 1.0,
                  factor_.data(), leading(factor_.shape(0)), right_hand_sides.data, leading(right_hand_sides.stride));
}

SymmetricSystem::SymmetricSystem(xt::xarray<double>&& matrix) : factors_(std::move(matrix)) {
  const std::size_t n = factors_.shape(0);
  pivots_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    double row_sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) row_sum += std::abs(factors_(i, j));
    norm_ = std::max(norm_, row_sum);
  }
  const int order = lapack_int(n);
  singular_ = cxxlapack::getrf<int>(order, order, factors_.data(), leading(n), pivots_.data()) != 0;
  if (singular_) return;
  std::vector<double> work(4 * n);
  std::vector<int> integer_work(n);
  cxxlapack::gecon<int>('1', order, factors_.data(), leading(n), norm_, reciprocal_condition_, work.data(),
                        integer_work.data());
}

void SymmetricSystem::solve(MatrixView<double> right_hand_sides) const {
  if (right_hand_sides.rows == 0) return;
  const std::size_t n = pivots_.size();
  // The steps of LAPACK's getrs: OpenBLAS's version starts threads even for the smallest system, which costs more than
  // the solution, and far more if other threads are busy.
  for (std::size_t k = 0; k < right_hand_sides.rows; ++k) {
    const auto rhs = right_hand_sides.row(k);
    for (std::size_t i = 0; i < n; ++i) std::swap(rhs[i], rhs[static_cast<std::size_t>(pivots_[i]) - 1]);
  }
  const auto solve_triangle = [&](cxxblas::StorageUpLo triangle, cxxblas::Diag diagonal) {
    cxxblas::trsm(cxxblas::StorageOrder::ColMajor, cxxblas::Side::Left, triangle, cxxblas::Transpose::NoTrans, diagonal,
                  lapack_int(n), lapack_int(right_hand_sides.rows), 1.0, factors_.data(), leading(n),
                  right_hand_sides.data, leading(n));
  };
  solve_triangle(cxxblas::StorageUpLo::Lower, cxxblas::Diag::Unit);
  solve_triangle(cxxblas::StorageUpLo::Upper, cxxblas::Diag::NonUnit);
}

template void multiply(MatrixView<const double>, MatrixView<const double>, MatrixView<double>);
template void multiply(MatrixView<const float>, MatrixView<const float>, MatrixView<float>);
template void multiply_transposed(MatrixView<const double>, MatrixView<const double>, MatrixView<double>);
template void multiply_transposed(MatrixView<const float>, MatrixView<const float>, MatrixView<float>);
template void add_product(MatrixView<const double>, MatrixView<const double>, MatrixView<double>);
template void add_product(MatrixView<const float>, MatrixView<const float>, MatrixView<float>);
template void subtract_product_transposed(MatrixView<const double>, MatrixView<const double>, MatrixView<double>);
template void subtract_product_transposed(MatrixView<const float>, MatrixView<const float>, MatrixView<float>);
template double sum_of_squares(MatrixView<const double>);
template double sum_of_squares(MatrixView<const float>);
template void transpose_into(MatrixView<const double>, MatrixView<double>);
template void transpose_into(MatrixView<const float>, MatrixView<float>);
template void divide_by_triangle(MatrixView<double>, MatrixView<const double>);
template void divide_by_triangle(MatrixView<float>, MatrixView<const float>);
template void fill_upper(MatrixView<double>);
template void fill_upper(MatrixView<float>);
template void add_product_transposed(MatrixView<const double>, MatrixView<const double>, MatrixView<double>);
template void add_product_transposed(MatrixView<const float>, MatrixView<const float>, MatrixView<float>);
template void add_symmetric_product(MatrixView<const double>, MatrixView<const double>, MatrixView<double>);
template void add_symmetric_product(MatrixView<const float>, MatrixView<const float>, MatrixView<double>);
template void add_gram(MatrixView<const double>, MatrixView<double>);
template void add_gram(MatrixView<const float>, MatrixView<double>);
template xt::xarray<double> sum_of(const std::vector<xt::xarray<double>>&);
template xt::xarray<double> sum_of(const std::vector<xt::xarray<double>>&, const RowPartition&);
template xt::xarray<double> sum_of(const std::vector<xt::xarray<float>>&);
template xt::xarray<double> sum_of(const std::vector<xt::xarray<float>>&, const RowPartition&);
template class RFactor<double>;
template class RFactor<float>;
template ThinSVD<double> thin_svd(xt::xarray<double>&&);
template ThinSVD<float> thin_svd(xt::xarray<float>&&);
template std::size_t numerical_rank(const xt::xarray<double>&);
template std::size_t numerical_rank(const xt::xarray<float>&);
template xt::xarray<double> gram(MatrixView<const double>);
template xt::xarray<float> gram(MatrixView<const float>);

}  // namespace fieldfold
