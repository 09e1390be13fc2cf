#pragma once

// Vectors of FIELDFOLD_ARCH. Code compiled for an instruction set calls no inline functions of the standard library:
// the linker keeps one copy of each, possibly that of the widest set.

#include <cstddef>

#include <xsimd/xsimd.hpp>

namespace {

using Vector = xsimd::batch<double, FIELDFOLD_ARCH>;
constexpr std::size_t width = Vector::size;

/// Side of the largest square of vectors that fits in the registers together with two of its sides.
constexpr std::size_t side = width == 8 ? 4 : 3;

Vector load(const double* from) { return Vector::load_unaligned(from); }

void store(double* to, Vector value) { value.store_unaligned(to); }

/// Replaces numbers by the values of a vectorized formula.
template <class Formula>
void apply(const Formula& formula, double* numbers, std::size_t count) {
  std::size_t i = 0;
  for (; i + width <= count; i += width) store(numbers + i, formula(load(numbers + i)));
  if (i == count) return;
  double rest[width] = {};
  for (std::size_t k = 0; i + k < count; ++k) rest[k] = numbers[i + k];
  store(rest, formula(load(rest)));
  for (std::size_t k = 0; i + k < count; ++k) numbers[i + k] = rest[k];
}

}  // namespace
