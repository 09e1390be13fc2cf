module;

// Compiled once for each instruction set: defines FIELDFOLD_TABLE, with the flags of FIELDFOLD_ARCH.

#include <cstddef>

#include "logarithm.hpp"
#include "vector.hpp"

module fieldfold.linalg.vector;

namespace fieldfold {
namespace {

double sum_of(Vector vector) {
  double numbers[width];
  store(numbers, vector);
  double sum = 0.0;
  for (const double number : numbers) sum += number;
  return sum;
}

/// Adds products of rows of `a` with rows of `b` to a tile of `c`.
template <std::size_t rows, std::size_t cols>
void add_tile(const double* a, std::size_t a_stride, const double* b, std::size_t b_stride, std::size_t count,
              double* c, std::size_t c_stride) {
  Vector sums[rows][cols];
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) sums[i][j] = Vector(0.0);
  std::size_t k = 0;
  for (; k + width <= count; k += width) {
    Vector y[cols];
    for (std::size_t j = 0; j < cols; ++j) y[j] = load(b + j * b_stride + k);
    for (std::size_t i = 0; i < rows; ++i) {
      const Vector x = load(a + i * a_stride + k);
      for (std::size_t j = 0; j < cols; ++j) sums[i][j] = xsimd::fma(x, y[j], sums[i][j]);
    }
  }
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) {
      double sum = sum_of(sums[i][j]);
      for (std::size_t l = k; l < count; ++l) sum += a[i * a_stride + l] * b[j * b_stride + l];
      c[i * c_stride + j] += sum;
    }
}

template <std::size_t rows>
void add_tiles(const double* a, std::size_t a_stride, const double* b, std::size_t b_stride, std::size_t cols,
               std::size_t count, double* c, std::size_t c_stride) {
  std::size_t j = 0;
  for (; j + side <= cols; j += side)
    add_tile<rows, side>(a, a_stride, b + j * b_stride, b_stride, count, c + j, c_stride);
  for (; j < cols; ++j) add_tile<rows, 1>(a, a_stride, b + j * b_stride, b_stride, count, c + j, c_stride);
}

void multiply_transposed(const double* a, std::size_t a_stride, std::size_t rows, const double* b, std::size_t b_stride,
                         std::size_t cols, std::size_t count, double* c, std::size_t c_stride) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) c[i * c_stride + j] = 0.0;
  // Numbers per step, so that a few rows of both matrices stay in the L1 cache.
  constexpr std::size_t step = 512;
  for (std::size_t k = 0; k < count; k += step) {
    const std::size_t length = count - k < step ? count - k : step;
    std::size_t i = 0;
    for (; i + side <= rows; i += side)
      add_tiles<side>(a + i * a_stride + k, a_stride, b + k, b_stride, cols, length, c + i * c_stride, c_stride);
    for (; i < rows; ++i)
      add_tiles<1>(a + i * a_stride + k, a_stride, b + k, b_stride, cols, length, c + i * c_stride, c_stride);
  }
}

void decimal_logarithms(double* numbers, std::size_t count) {
  apply([](Vector q) { return DecimalLogarithm::value(q); }, numbers, count);
}

void sum_rows(const double* const* rows, const double* weights, std::size_t count, std::size_t length, double* sums) {
  constexpr std::size_t vectors = 4;
  std::size_t c = 0;
  for (; c + vectors * width <= length; c += vectors * width) {
    Vector own[vectors];
    for (std::size_t k = 0; k < vectors; ++k) own[k] = Vector(0.0);
    for (std::size_t e = 0; e < count; ++e)
      for (std::size_t k = 0; k < vectors; ++k) own[k] = own[k] + Vector(weights[e]) * load(rows[e] + c + k * width);
    for (std::size_t k = 0; k < vectors; ++k) store(sums + c + k * width, own[k]);
  }
  for (; c < length; ++c) {
    double own = 0.0;
    for (std::size_t e = 0; e < count; ++e) own += weights[e] * rows[e][c];
    sums[c] = own;
  }
}

constexpr VectorLoops loops{FIELDFOLD_SET_NAME, decimal_logarithms, sum_rows, multiply_transposed};

}  // namespace

const VectorLoops& FIELDFOLD_TABLE() { return loops; }

}  // namespace fieldfold
