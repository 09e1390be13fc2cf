#pragma once

// The kernels as functions of q = r^2, for numbers or vectors of them.

#include <xsimd/xsimd.hpp>

#include "../../linalg/logarithm.hpp"

namespace {

constexpr double sqrt3 = 1.7320508075688772;
constexpr double sqrt5 = 2.23606797749979;

/// Cap on exponents: the exponential is 0 there, and the polynomial factor stays finite.
constexpr double decayed = 1000.0;

struct Linear {
  template <class V>
  static V value(V q) {
    return -sqrt(q);
  }
};

struct ThinPlateSpline {
  template <class V>
  static V value(V q) {
    return q * half_logarithm(q);
  }
  template <class V>
  static V slope(V q) {
    // q - q is NaN unless q is finite, so that overflow is not lost.
    return select(q == V(0.0), V(0.0), half_logarithm(q) + (V(0.5) + (q - q)));
  }
};

struct Cubic {
  template <class V>
  static V value(V q) {
    return q * sqrt(q);
  }
  template <class V>
  static V slope(V q) {
    return V(1.5) * sqrt(q);
  }
};

struct Quintic {
  template <class V>
  static V value(V q) {
    return -q * q * sqrt(q);
  }
  template <class V>
  static V slope(V q) {
    return V(-2.5) * q * sqrt(q);
  }
};

struct Multiquadric {
  template <class V>
  static V value(V q) {
    return -sqrt(V(1.0) + q);
  }
  template <class V>
  static V slope(V q) {
    return V(-0.5) / sqrt(V(1.0) + q);
  }
};

struct InverseMultiquadric {
  template <class V>
  static V value(V q) {
    return V(1.0) / sqrt(V(1.0) + q);
  }
  template <class V>
  static V slope(V q) {
    return V(-0.5) / ((V(1.0) + q) * sqrt(V(1.0) + q));
  }
};

struct InverseQuadratic {
  template <class V>
  static V value(V q) {
    return V(1.0) / (V(1.0) + q);
  }
  template <class V>
  static V slope(V q) {
    return V(-1.0) / ((V(1.0) + q) * (V(1.0) + q));
  }
};

struct Gaussian {
  template <class V>
  static V value(V q) {
    return exp(-min(q, V(decayed)));
  }
  template <class V>
  static V slope(V q) {
    return -value(q);
  }
};

struct Matern12 {
  template <class V>
  static V value(V q) {
    return exp(-min(sqrt(q), V(decayed)));
  }
};

struct Matern32 {
  template <class V>
  static V value(V q) {
    const V s = min(V(sqrt3) * sqrt(q), V(decayed));
    return (V(1.0) + s) * exp(-s);
  }
  template <class V>
  static V slope(V q) {
    return V(-1.5) * exp(-min(V(sqrt3) * sqrt(q), V(decayed)));
  }
};

struct Matern52 {
  template <class V>
  static V value(V q) {
    const V s = min(V(sqrt5) * sqrt(q), V(decayed));
    return (V(1.0) + s + s * s / V(3.0)) * exp(-s);
  }
  template <class V>
  static V slope(V q) {
    const V s = min(V(sqrt5) * sqrt(q), V(decayed));
    return V(-5.0 / 6.0) * (V(1.0) + s) * exp(-s);
  }
};

template <class V>
V squared(V x) {
  return x * x;
}

struct WendlandC0 {
  template <class V>
  static V value(V q) {
    return squared(V(1.0) - min(sqrt(q), V(1.0)));
  }
};

struct WendlandC2 {
  template <class V>
  static V value(V q) {
    const V r = min(sqrt(q), V(1.0));
    return squared(squared(V(1.0) - r)) * (V(4.0) * r + V(1.0));
  }
  template <class V>
  static V slope(V q) {
    const V t = V(1.0) - min(sqrt(q), V(1.0));
    return V(-10.0) * t * t * t;
  }
};

struct WendlandC4 {
  template <class V>
  static V value(V q) {
    const V r = min(sqrt(q), V(1.0));
    const V t = squared(V(1.0) - r);
    return t * t * t * ((V(35.0) * r + V(18.0)) * r + V(3.0)) / V(3.0);
  }
  template <class V>
  static V slope(V q) {
    const V r = min(sqrt(q), V(1.0));
    const V t = V(1.0) - r;
    return V(-28.0 / 3.0) * (V(5.0) * r + V(1.0)) * squared(squared(t)) * t;
  }
};

struct WendlandC6 {
  template <class V>
  static V value(V q) {
    const V r = min(sqrt(q), V(1.0));
    return squared(squared(squared(V(1.0) - r))) * (((V(32.0) * r + V(25.0)) * r + V(8.0)) * r + V(1.0));
  }
  template <class V>
  static V slope(V q) {
    const V r = min(sqrt(q), V(1.0));
    const V t = V(1.0) - r;
    return V(-11.0) * ((V(16.0) * r + V(7.0)) * r + V(1.0)) * squared(squared(t)) * t * t * t;
  }
};

struct WendlandC8 {
  template <class V>
  static V value(V q) {
    const V r = min(sqrt(q), V(1.0));
    const V t = squared(V(1.0) - r);
    return squared(squared(t)) * t * ((((V(429.0) * r + V(450.0)) * r + V(210.0)) * r + V(50.0)) * r + V(5.0)) / V(5.0);
  }
  template <class V>
  static V slope(V q) {
    const V r = min(sqrt(q), V(1.0));
    const V t = V(1.0) - r;
    return V(-13.0 / 5.0) * (((V(231.0) * r + V(159.0)) * r + V(45.0)) * r + V(5.0)) * squared(squared(squared(t))) * t;
  }
};

}  // namespace
