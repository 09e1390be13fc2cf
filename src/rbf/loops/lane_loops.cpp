module;

// Compiled once for each instruction set: FIELDFOLD_TABLE with the flags of FIELDFOLD_ARCH.

#include <cstddef>

#include "../../linalg/vector.hpp"
#include "formulas.hpp"

module fieldfold.rbf.lanes;

import fieldfold.rbf.kernel;

namespace fieldfold {
namespace {

struct Value {
  template <class Formula>
  static Vector of(Vector q) {
    return Formula::value(q);
  }
};

struct Slope {
  template <class Formula>
  static Vector of(Vector q) {
    // Kernels that are not differentiable have none.
    if constexpr (requires { Formula::slope(q); })
      return Formula::slope(q);
    else
      return q;
  }
};

template <class What, class Formula>
void apply(double* numbers, std::size_t count) {
  ::apply([](Vector q) { return What::template of<Formula>(q); }, numbers, count);
}

template <class What>
void apply_kernel(Kernel kernel, double* numbers, std::size_t count) {
  switch (kernel) {
    case Kernel::linear:
      return apply<What, Linear>(numbers, count);
    case Kernel::thin_plate_spline:
      return apply<What, ThinPlateSpline>(numbers, count);
    case Kernel::cubic:
      return apply<What, Cubic>(numbers, count);
    case Kernel::quintic:
      return apply<What, Quintic>(numbers, count);
    case Kernel::multiquadric:
      return apply<What, Multiquadric>(numbers, count);
    case Kernel::inverse_multiquadric:
      return apply<What, InverseMultiquadric>(numbers, count);
    case Kernel::inverse_quadratic:
      return apply<What, InverseQuadratic>(numbers, count);
    case Kernel::gaussian:
      return apply<What, Gaussian>(numbers, count);
    case Kernel::matern1_2:
      return apply<What, Matern12>(numbers, count);
    case Kernel::matern3_2:
      return apply<What, Matern32>(numbers, count);
    case Kernel::matern5_2:
      return apply<What, Matern52>(numbers, count);
    case Kernel::wendland_c0:
      return apply<What, WendlandC0>(numbers, count);
    case Kernel::wendland_c2:
      return apply<What, WendlandC2>(numbers, count);
    case Kernel::wendland_c4:
      return apply<What, WendlandC4>(numbers, count);
    case Kernel::wendland_c6:
      return apply<What, WendlandC6>(numbers, count);
    case Kernel::wendland_c8:
      return apply<What, WendlandC8>(numbers, count);
  }
}

void kernel_values(Kernel kernel, double* squares, std::size_t count) { apply_kernel<Value>(kernel, squares, count); }

void kernel_slopes(Kernel kernel, double* squares, std::size_t count) { apply_kernel<Slope>(kernel, squares, count); }

template <std::size_t dim>
void squared_distances_in(const double* point, const double* axes, std::size_t stride, std::size_t count,
                          double epsilon, double* squares) {
  std::size_t j = 0;
  const auto at = [&](auto&& read, auto factor) {
    auto sum = factor * 0.0;
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const auto difference = factor * (point[axis] - read(axis));
      sum = sum + difference * difference;
    }
    return sum;
  };
  for (; j + width <= count; j += width)
    store(squares + j, at([&](std::size_t axis) { return load(axes + axis * stride + j); }, Vector(epsilon)));
  for (; j < count; ++j) squares[j] = at([&](std::size_t axis) { return axes[axis * stride + j]; }, epsilon);
}

void squared_distances(const double* point, const double* axes, std::size_t stride, std::size_t dim, std::size_t count,
                       double epsilon, double* squares) {
  if (dim == 1) return squared_distances_in<1>(point, axes, stride, count, epsilon, squares);
  if (dim == 2) return squared_distances_in<2>(point, axes, stride, count, epsilon, squares);
  if (dim == 3) return squared_distances_in<3>(point, axes, stride, count, epsilon, squares);
  for (std::size_t j = 0; j < count; ++j) squares[j] = 0.0;
  for (std::size_t axis = 0; axis < dim; ++axis)
    for (std::size_t j = 0; j < count; ++j) {
      const double difference = epsilon * (point[axis] - axes[axis * stride + j]);
      squares[j] += difference * difference;
    }
}

constexpr std::size_t triangle(std::size_t row) { return row * (row + 1) / 2; }

/// Squared distances of a point of each system from points `begin` to `end`.
template <std::size_t dim>
void lane_squares_in(const LaneSystems& systems, const double* query, std::size_t stride, std::size_t begin,
                     std::size_t end, double* squares) {
  Vector here[dim];
  const double* points[dim];
  for (std::size_t axis = 0; axis < dim; ++axis) {
    here[axis] = load(query + axis * stride * width);
    points[axis] = systems.coordinates + axis * systems.points * width;
  }
  for (std::size_t j = begin; j < end; ++j) {
    Vector sum(0.0);
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const Vector difference = here[axis] - load(points[axis] + j * width);
      sum = xsimd::fma(difference, difference, sum);
    }
    store(squares + (j - begin) * width, sum);
  }
}

void lane_squares_of(const LaneSystems& systems, const double* query, std::size_t stride, std::size_t begin,
                     std::size_t end, double* squares) {
  if (systems.dim == 1) return lane_squares_in<1>(systems, query, stride, begin, end, squares);
  if (systems.dim == 2) return lane_squares_in<2>(systems, query, stride, begin, end, squares);
  if (systems.dim == 3) return lane_squares_in<3>(systems, query, stride, begin, end, squares);
  for (std::size_t j = begin; j < end; ++j) {
    Vector sum(0.0);
    for (std::size_t axis = 0; axis < systems.dim; ++axis) {
      const Vector difference =
          load(query + axis * stride * width) - load(systems.coordinates + (axis * systems.points + j) * width);
      sum = xsimd::fma(difference, difference, sum);
    }
    store(squares + (j - begin) * width, sum);
  }
}

void lane_squares(const LaneSystems& systems, const double* query, double* squares) {
  lane_squares_of(systems, query, 1, 0, systems.points, squares);
}

/// Entries `begin` to `end` of a row of K.
void kernel_row(Kernel kernel, const LaneSystems& systems, std::size_t row, std::size_t begin, std::size_t end,
                double* values) {
  lane_squares_of(systems, systems.coordinates + row * width, systems.points, begin, end, values);
  apply_kernel<Value>(kernel, values, (end - begin) * width);
  if (systems.present == nullptr) return;
  const Vector present = load(systems.present + row * width);
  for (std::size_t j = begin; j < end; ++j) {
    double* const value = values + (j - begin) * width;
    const Vector both = present * load(systems.present + j * width);
    store(value, select(both == Vector(0.0), Vector(j == row ? 1.0 : 0.0), load(value)));
  }
}

/// Pairs of rows, of `count` vectors each.
template <std::size_t rows, std::size_t cols>
struct Products {
  const double* x[rows];
  const double* y[cols];
  std::size_t count;
};

/// Subtracts `x_k y_k`, summed over k and all products, from a block of vectors that stays in registers.
template <std::size_t rows, std::size_t cols, std::size_t number>
void subtract_products(const Products<rows, cols> (&products)[number], Vector (&square)[rows][cols]) {
  // Local copies stay in registers; the compiler would store referenced entries in every iteration.
  Vector sums[rows][cols];
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) sums[r][c] = square[r][c];
  for (std::size_t p = 0; p < number; ++p) {
    const double* xs[rows];
    const double* ys[cols];
    for (std::size_t r = 0; r < rows; ++r) xs[r] = products[p].x[r];
    for (std::size_t c = 0; c < cols; ++c) ys[c] = products[p].y[c];
    for (std::size_t k = 0; k < products[p].count; ++k) {
      Vector y[cols];
      for (std::size_t c = 0; c < cols; ++c) y[c] = load(ys[c] + k * width);
      for (std::size_t r = 0; r < rows; ++r) {
        const Vector x = load(xs[r] + k * width);
        for (std::size_t c = 0; c < cols; ++c) sums[r][c] = sums[r][c] - x * y[c];
      }
    }
  }
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) square[r][c] = sums[r][c];
}

/// The inner product of two rows of m entries.
Vector row_product(const double* x, const double* y, std::size_t m) {
  Vector sum(0.0);
  for (std::size_t k = 0; k < m; ++k) sum = xsimd::fma(load(x + k * width), load(y + k * width), sum);
  return sum;
}

/// Computes rows `first` to `first + rows` of the Cholesky factor, in place of those of K_22, from the rows before. A
/// pivot of at most `rounding` times its diagonal is set to 0. `first` is a multiple of `side`.
template <std::size_t rows>
void factor_rows(const LaneSystems& systems, std::size_t first, Vector rounding) {
  const std::size_t m = systems.monomials;
  double* row[rows];
  Products<rows, side> products[3];
  products[0].count = products[1].count = m;
  for (std::size_t r = 0; r < rows; ++r) {
    products[2].x[r] = row[r] = systems.factor + triangle(first + r) * width;
    products[0].x[r] = systems.multipliers + (first + r) * m * width;
    products[1].x[r] = systems.pivot_columns + (first + r) * m * width;
  }
  for (std::size_t col = 0; col < first; col += side) {
    Vector square[rows][side];
    const double* before[side];
    products[2].count = col;
    for (std::size_t c = 0; c < side; ++c) {
      products[2].y[c] = before[c] = systems.factor + triangle(col + c) * width;
      products[1].y[c] = systems.multipliers + (col + c) * m * width;
      products[0].y[c] = systems.pivot_columns + (col + c) * m * width;
      for (std::size_t r = 0; r < rows; ++r) square[r][c] = load(row[r] + (col + c) * width);
    }
    subtract_products(products, square);
    for (std::size_t c = 0; c < side; ++c)
      for (std::size_t r = 0; r < rows; ++r) {
        Vector value = square[r][c];
        for (std::size_t k = 0; k < c; ++k) value = value - square[r][k] * load(before[c] + (col + k) * width);
        square[r][c] = value * load(systems.inverse_diagonal + (col + c) * width);
        store(row[r] + (col + c) * width, square[r][c]);
      }
  }
  // The diagonal block; its upper triangle is unused.
  Vector square[rows][rows];
  Vector whole[rows];
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < rows; ++c) square[r][c] = c <= r ? load(row[r] + (first + c) * width) : Vector(0.0);
  Products<rows, rows> diagonal[3];
  diagonal[0].count = diagonal[1].count = m;
  diagonal[2].count = first;
  for (std::size_t r = 0; r < rows; ++r) {
    diagonal[0].x[r] = diagonal[1].y[r] = products[0].x[r];
    diagonal[1].x[r] = diagonal[0].y[r] = products[1].x[r];
    diagonal[2].x[r] = diagonal[2].y[r] = row[r];
  }
  for (std::size_t r = 0; r < rows; ++r)
    whole[r] = square[r][r] - Vector(2.0) * row_product(diagonal[0].x[r], diagonal[0].y[r], m);
  subtract_products(diagonal, square);
  Vector inverse[rows];
  for (std::size_t c = 0; c < rows; ++c) {
    for (std::size_t k = 0; k < c; ++k) square[c][c] = square[c][c] - square[c][k] * square[c][k];
    const Vector pivot = select(square[c][c] > rounding * whole[c], square[c][c], Vector(0.0));
    square[c][c] = sqrt(pivot);
    inverse[c] = Vector(1.0) / square[c][c];
    for (std::size_t r = c + 1; r < rows; ++r) {
      for (std::size_t k = 0; k < c; ++k) square[r][c] = square[r][c] - square[r][k] * square[c][k];
      square[r][c] = square[r][c] * inverse[c];
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c <= r; ++c) store(row[r] + (first + c) * width, square[r][c]);
    store(systems.inverse_diagonal + (first + r) * width, inverse[r]);
  }
}

void factorize(Kernel kernel, const LaneSystems& systems) {
  const std::size_t n = systems.points;
  const std::size_t m = systems.monomials;
  Vector largest(0.0);
  const auto note = [&](const double* values, std::size_t count) {
    for (std::size_t j = 0; j < count; ++j) largest = max(largest, abs(load(values + j * width)));
  };
  double* const block = systems.pivot_block;
  for (std::size_t i = 0; i < m; ++i) {
    double* const row = block + i * m * width;
    kernel_row(kernel, systems, i, 0, m, row);
    note(row, m);
    store(row + i * width, load(row + i * width) + load(systems.diagonal + i * width));
  }
  for (std::size_t i = 0; i < n - m; ++i) {
    const double* const multipliers = systems.multipliers + i * m * width;
    double* const columns = systems.pivot_columns + i * m * width;
    double* const row = systems.factor + triangle(i) * width;
    kernel_row(kernel, systems, m + i, 0, m, columns);
    note(columns, m);
    for (std::size_t k = 0; k < m; ++k) {
      const Vector half = Vector(0.5) * row_product(multipliers, block + k * m * width, m);
      store(columns + k * width, load(columns + k * width) - half);
    }
    kernel_row(kernel, systems, m + i, m, m + i + 1, row);
    note(row, i + 1);
    store(row + i * width, load(row + i * width) + load(systems.diagonal + (m + i) * width));
  }
  store(systems.largest, largest);
  const Vector rounding(2.3e-16 * static_cast<double>(n));
  std::size_t first = 0;
  for (; first + side <= n - m; first += side) factor_rows<side>(systems, first, rounding);
  if (n - m - first == 3) factor_rows<3>(systems, first, rounding);
  if (n - m - first == 2) factor_rows<2>(systems, first, rounding);
  if (n - m - first == 1) factor_rows<1>(systems, first, rounding);
}

/// Solves `L L^T x = y` in place, for a few columns of y; entry i of column c is at `[(i stride + c) lanes]`.
template <std::size_t columns>
void solve_factor(const LaneSystems& systems, double* y, std::size_t stride) {
  const std::size_t rows = systems.points - systems.monomials;
  for (std::size_t i = 0; i < rows; ++i) {
    const double* const row = systems.factor + triangle(i) * width;
    Vector sums[columns];
    for (std::size_t c = 0; c < columns; ++c) sums[c] = load(y + (i * stride + c) * width);
    for (std::size_t k = 0; k < i; ++k) {
      const Vector entry = load(row + k * width);
      for (std::size_t c = 0; c < columns; ++c) sums[c] = sums[c] - entry * load(y + (k * stride + c) * width);
    }
    const Vector inverse = load(systems.inverse_diagonal + i * width);
    for (std::size_t c = 0; c < columns; ++c) store(y + (i * stride + c) * width, sums[c] * inverse);
  }
  for (std::size_t i = rows; i-- > 0;) {
    const double* const row = systems.factor + triangle(i) * width;
    const Vector inverse = load(systems.inverse_diagonal + i * width);
    Vector solved[columns];
    for (std::size_t c = 0; c < columns; ++c) {
      solved[c] = load(y + (i * stride + c) * width) * inverse;
      store(y + (i * stride + c) * width, solved[c]);
    }
    for (std::size_t k = 0; k < i; ++k) {
      const Vector entry = load(row + k * width);
      for (std::size_t c = 0; c < columns; ++c) {
        double* const place = y + (k * stride + c) * width;
        store(place, load(place) - entry * solved[c]);
      }
    }
  }
}

/// Replaces right-hand sides d by the solution a. \param start  `P_1^-T p`; null for p = 0
void solve_all(const LaneSystems& systems, double* columns, const double* start, std::size_t count) {
  const std::size_t m = systems.monomials;
  const std::size_t rows = systems.points - m;
  double* const lower = columns + m * count * width;
  for (std::size_t c = 0; c < count; ++c) {
    const auto first = [&](std::size_t k) { return columns + (k * count + c) * width; };
    for (std::size_t i = 0; i < rows; ++i) {
      Vector sum = load(lower + (i * count + c) * width);
      const double* const multipliers = systems.multipliers + i * m * width;
      const double* const pivot_columns = systems.pivot_columns + i * m * width;
      for (std::size_t k = 0; k < m; ++k) {
        sum = sum - load(multipliers + k * width) * load(first(k));
        if (start != nullptr) sum = sum - load(pivot_columns + k * width) * load(start + (k * count + c) * width);
      }
      store(lower + (i * count + c) * width, sum);
    }
    if (start == nullptr) continue;
    // K_21 - W K_11 is `pivot_columns` less half of W K_11.
    for (std::size_t l = 0; l < m; ++l) {
      Vector half(0.0);
      for (std::size_t k = 0; k < m; ++k)
        half = half + load(systems.pivot_block + (l * m + k) * width) * load(start + (k * count + c) * width);
      half = half * Vector(0.5);
      for (std::size_t i = 0; i < rows; ++i) {
        double* const place = lower + (i * count + c) * width;
        store(place, load(place) + load(systems.multipliers + (i * m + l) * width) * half);
      }
    }
  }
  std::size_t c = 0;
  for (; c + 4 <= count; c += 4) solve_factor<4>(systems, lower + c * width, count);
  for (; c + 2 <= count; c += 2) solve_factor<2>(systems, lower + c * width, count);
  for (; c < count; ++c) solve_factor<1>(systems, lower + c * width, count);
  for (std::size_t k = 0; k < m; ++k)
    for (c = 0; c < count; ++c) {
      Vector sum = start == nullptr ? Vector(0.0) : load(start + (k * count + c) * width);
      for (std::size_t i = 0; i < rows; ++i)
        sum = sum - load(systems.multipliers + (i * m + k) * width) * load(lower + (i * count + c) * width);
      store(columns + (k * count + c) * width, sum);
    }
}

void solve(const LaneSystems& systems, double* columns, double* remainder, std::size_t count) {
  const std::size_t m = systems.monomials;
  for (std::size_t e = 0; e < m * count; ++e) store(remainder + e * width, load(columns + e * width));
  solve_all(systems, columns, nullptr, count);
  for (std::size_t k = 0; k < m; ++k)
    for (std::size_t c = 0; c < count; ++c) {
      Vector sum = load(remainder + (k * count + c) * width);
      for (std::size_t l = 0; l < m; ++l)
        sum = sum -
              Vector(0.5) * load(systems.pivot_block + (k * m + l) * width) * load(columns + (l * count + c) * width);
      for (std::size_t i = m; i < systems.points; ++i)
        sum = sum - load(systems.pivot_columns + ((i - m) * m + k) * width) * load(columns + (i * count + c) * width);
      store(remainder + (k * count + c) * width, sum);
    }
}

constexpr KernelLoops loops{FIELDFOLD_SET_NAME, width, squared_distances, kernel_values, kernel_slopes, factorize,
                            lane_squares,       solve, solve_all};

}  // namespace

const KernelLoops& FIELDFOLD_TABLE() { return loops; }

}  // namespace fieldfold
