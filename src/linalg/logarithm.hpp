#pragma once

// Vectorized logarithms.

#include <xsimd/xsimd.hpp>

namespace {

constexpr double infinity = __builtin_inf();

/// ln(q) is `exponent ln(2) + 2 artanh` for q > 0; both are finite for all other q.
template <class V>
struct LogarithmParts {
  V exponent;
  V artanh;
};

/// With `q = 2^k m`, m from 1/sqrt(2) to sqrt(2), ln(q) is `k ln(2) + 2 artanh(s)` where `s = (m - 1) / (m + 1)`
/// (Abramowitz and Stegun 1964, 4.1.27): half the operations of a logarithm with all special cases and a correct last
/// digit.
template <class V>
LogarithmParts<V> logarithm_parts(V q) {
  using Bits = xsimd::as_unsigned_integer_t<V>;
  constexpr double smallest_normal = 0x1p-1022;
  constexpr unsigned long long one = 0x3ff0000000000000;        // the bits of 1
  constexpr unsigned long long root_half = 0x3fe6a09e667f3bcd;  // the bits of 1 / sqrt(2)
  constexpr double integers = 0x1p52;                           // an integer added to it fills the last bits
  const auto is_subnormal = q < V(smallest_normal);
  const V scaled = select(is_subnormal, q * V(0x1p54), q);
  // Not by xsimd's bitwise_cast, whose template argument changed in version 9.
  const Bits shifted = __builtin_bit_cast(Bits, scaled) + Bits(one - root_half);
  const V exponent = __builtin_bit_cast(V, (shifted >> 52) | __builtin_bit_cast(Bits, V(integers))) -
                     select(is_subnormal, V(integers + 1023.0 + 54.0), V(integers + 1023.0));
  const V m = __builtin_bit_cast(V, (shifted & Bits((1ULL << 52) - 1)) + Bits(root_half));
  const V s = (m - V(1.0)) / (m + V(1.0));
  // artanh(s) = s + s z p(z), z = s^2; p interpolates at the Chebyshev points of [0, (sqrt(2) - 1)^4], to 2^-57.
  const V z = s * s;
  constexpr double coefficients[] = {0.07665860800278021, 0.09091444562630861, 0.1111110556739754,
                                     0.14285714312987743, 0.19999999999949752, 0.3333333333333335};
  V p(0.07308224842521703);
  for (const double coefficient : coefficients) p = fma(p, z, V(coefficient));
  return {exponent, fma(s * z, p, s)};
}

/// log10(x) within four units in the last place.
struct DecimalLogarithm {
  template <class V>
  static V value(V x) {
    constexpr double log10_2 = 0.3010299956639812;
    constexpr double two_over_ln10 = 0.8685889638065037;
    const auto parts = logarithm_parts(x);
    const V result = fma(parts.exponent, V(log10_2), parts.artanh * V(two_over_ln10));
    // Infinity and NaN are their own logarithms.
    const V of_negative = select(x == V(0.0), V(-infinity), V(__builtin_nan("")));
    const V odd = select(x <= V(0.0), of_negative, x);
    return select((x > V(0.0)) & (x < V(infinity)), result, odd);
  }
};

/// ln(sqrt(q)) for q > 0, within two units in the last place; finite for all other q.
template <class V>
V half_logarithm(V q) {
  constexpr double half_ln2 = 0.34657359027997264;
  const auto parts = logarithm_parts(q);
  return fma(parts.exponent, V(half_ln2), parts.artanh);
}

}  // namespace
