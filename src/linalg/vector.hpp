#pragma once

// Vectors of FIELDFOLD_ARCH. Nothing that is compiled for an instruction set calls inline functions of the standard
// library: the linker keeps one copy of each, which might be that of the widest set.

#include <cstddef>

#include <xsimd/xsimd.hpp>

namespace {

using Vector = xsimd::batch<double, FIELDFOLD_ARCH>;
constexpr std::size_t width = Vector::size;

/// Registers hold a square of so many vectors, and two of its sides.
constexpr std::size_t side = width == 8 ? 4 : 3;

Vector load(const double* from) { return Vector::load_unaligned(from); }

void store(double* to, Vector value) { value.store_unaligned(to); }

/// Replaces numbers by their values under a formula of vectors.
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
