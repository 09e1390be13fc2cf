// A surrogate of a parametric equation: the solution for any position of a source from coefficients of modes, which are
// interpolated between those of 64 positions.
//
// Advection and diffusion of heat on a square, -a (T_xx + T_yy) + b T_x = s, with T = 0 at the edges, and a Gaussian
// source s around the position, the two parameters.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <vector>

#include <fieldfold/xtensor.hpp>
import fieldfold;

namespace {

using Array = xt::xarray<double>;

constexpr std::size_t n = 40;  // points along a side, without the edges
constexpr std::size_t num_samples = 64;
constexpr std::size_t num_new = 20;
constexpr double side = 1.0;          // m
constexpr double diffusivity = 1e-3;  // m^2/s
constexpr double wind = 5e-3;         // m/s
constexpr double source_width = 0.1;  // m
constexpr double source_peak = 1.0;   // K/s

/// The equation by central differences. The matrix, of bandwidth n, is factorized once: it does not depend on the
/// parameters. No pivots are needed, as the matrix is diagonally dominant while wind * spacing < 2 diffusivity.
class Plate {
 public:
  Plate() : factors_(n * n * (2 * n + 1), 0.0) {
    for (std::size_t i = 0; i < n * n; ++i) {
      const double along = diffusivity / (spacing * spacing);
      const double convected = wind / (2.0 * spacing);
      entry(i, i) = 4.0 * along;
      if (i % n > 0) entry(i, i - 1) = -along - convected;
      if (i % n + 1 < n) entry(i, i + 1) = -along + convected;
      if (i >= n) entry(i, i - n) = -along;
      if (i + n < n * n) entry(i, i + n) = -along;
    }
    for (std::size_t k = 0; k < n * n; ++k)
      for (std::size_t i = k + 1; i < std::min(k + n + 1, n * n); ++i) {
        entry(i, k) /= entry(k, k);
        for (std::size_t j = k + 1; j < std::min(k + n + 1, n * n); ++j) entry(i, j) -= entry(i, k) * entry(k, j);
      }
  }

  /// The temperature, (n * n,) with x fastest, for a source around (x, y).
  std::vector<double> solve(double x, double y) const {
    std::vector<double> t(n * n);
    for (std::size_t i = 0; i < n * n; ++i) {
      const std::size_t row = i / n;
      const double from_x = spacing * static_cast<double>(i % n + 1) - x;
      const double from_y = spacing * static_cast<double>(row + 1) - y;
      t[i] = source_peak * std::exp(-(from_x * from_x + from_y * from_y) / (2.0 * source_width * source_width));
    }
    for (std::size_t i = 0; i < n * n; ++i)
      for (std::size_t j = i < n ? 0 : i - n; j < i; ++j) t[i] -= entry(i, j) * t[j];
    for (std::size_t i = n * n; i-- > 0;) {
      for (std::size_t j = i + 1; j < std::min(i + n + 1, n * n); ++j) t[i] -= entry(i, j) * t[j];
      t[i] /= entry(i, i);
    }
    return t;
  }

 private:
  static constexpr double spacing = side / static_cast<double>(n + 1);

  double& entry(std::size_t row, std::size_t column) { return factors_[row * (2 * n + 1) + column + n - row]; }
  double entry(std::size_t row, std::size_t column) const { return factors_[row * (2 * n + 1) + column + n - row]; }

  std::vector<double> factors_;  ///< (n * n, 2 n + 1), the bands of L and U
};

/// A number of the van der Corput sequence: the digits of an index behind the point, in reverse order.
double reversed_digits(std::size_t index, std::size_t base) {
  double number = 0.0;
  for (double digit = 1.0 / static_cast<double>(base); index > 0; digit /= static_cast<double>(base), index /= base)
    number += static_cast<double>(index % base) * digit;
  return number;
}

/// Positions in the middle of the plate, (count, 2), from the Halton sequence (Halton 1960, doi:10.1007/BF01386213).
Array positions(std::size_t first, std::size_t count) {
  auto points = Array::from_shape({count, 2});
  for (std::size_t i = 0; i < count; ++i) {
    points(i, 0) = side * (0.2 + 0.6 * reversed_digits(first + i, 2));
    points(i, 1) = side * (0.2 + 0.6 * reversed_digits(first + i, 3));
  }
  return points;
}

/// Solutions, (positions, n * n).
Array solutions(const Plate& plate, const Array& positions) {
  auto states = Array::from_shape({positions.shape(0), n * n});
  for (std::size_t i = 0; i < positions.shape(0); ++i) {
    const std::vector<double> state = plate.solve(positions(i, 0), positions(i, 1));
    std::copy(state.begin(), state.end(), &states(i, 0));
  }
  return states;
}

/// Modes of samples, and an interpolant of their coefficients by position.
struct Surrogate {
  /// \param samples, snapshots  positions, (samples, 2), and the solutions for them, (samples, n * n)
  Surrogate(const Array& samples, const Array& snapshots)
      : modes({.fields = {"T"}}, {.rule = {.reconstruction_tol = 1e-3}, .keep_training_latents = true},
              xt::transpose(snapshots)),
        choice(fieldfold::choose_by_leave_one_out(samples, modes.training_latents(),
                                                  {.kernel = fieldfold::Kernel::gaussian})),
        coefficients(samples, modes.training_latents(), choice.options) {}

  /// Solutions for positions, (positions, n * n).
  Array predict(const Array& others) const { return modes.reconstruct(coefficients(others)); }

  fieldfold::SVD modes;
  fieldfold::LeaveOneOutChoice choice;  ///< of epsilon, for which each coefficient is best predicted from the others
  fieldfold::RBFInterpolator coefficients;
};

/// Sums of squares of rows, (rows,).
Array squares(const Array& rows) { return xt::sum(rows * rows, {1}); }

/// The relative error of states, (states, n * n), all together.
double relative_error(const Array& states, const Array& truth) {
  return std::sqrt(xt::sum(squares(states - truth))() / xt::sum(squares(truth))());
}

/// All rows but one.
Array rows_without(const Array& rows, std::size_t one) {
  auto others = Array::from_shape({rows.shape(0) - 1, rows.shape(1)});
  for (std::size_t i = 0; i < others.shape(0); ++i)
    std::copy_n(&rows(i < one ? i : i + 1, 0), rows.shape(1), &others(i, 0));
  return others;
}

}  // namespace

int main() try {
  const Plate plate;
  const Array samples = positions(1, num_samples);
  const Array snapshots = solutions(plate, samples);
  const Surrogate surrogate(samples, snapshots);

  // Each sample is predicted by a surrogate of the others. In closed form, and so without further solutions, there is
  // the same for coefficients of modes that stay as they are, to which each sample has contributed.
  Array predicted_from_others = Array::from_shape(snapshots.shape());
  for (std::size_t i = 0; i < num_samples; ++i) {
    const Surrogate of_others(rows_without(samples, i), rows_without(snapshots, i));
    const Array state = of_others.predict(Array{{samples(i, 0), samples(i, 1)}});
    std::copy_n(&state(0, 0), n * n, &predicted_from_others(i, 0));
  }
  const double estimate = relative_error(predicted_from_others, snapshots);
  const Array residuals = squares(surrogate.coefficients.leave_one_out_errors());
  const double estimate_of_coefficients = std::sqrt(xt::sum(residuals)() / xt::sum(squares(snapshots))());

  const Array others = positions(1 + num_samples, num_new);
  const Array truth = solutions(plate, others);
  const Array predicted = surrogate.predict(others);
  const Array projected = surrogate.modes.reconstruct(surrogate.modes.compress(truth));
  const Array norms = squares(truth);
  const Array errors = squares(predicted - truth);
  const Array least = squares(projected - truth);

  std::printf("samples %zu, numbers %zu, rank %zu, epsilon %.2f/m\n\n", num_samples, n * n, surrogate.modes.rank(),
              surrogate.choice.options.epsilon.value());
  std::printf("  x, m   y, m   relative error   of the projection\n");
  bool is_above = true;
  for (std::size_t i = 0; i < num_new; ++i) {
    std::printf("%6.3f %6.3f %16.2e %19.2e\n", others(i, 0), others(i, 1), std::sqrt(errors(i) / norms(i)),
                std::sqrt(least(i) / norms(i)));
    is_above = is_above && errors(i) >= least(i);
  }
  const double error = relative_error(predicted, truth);
  std::printf("all of these  %16.2e %19.2e\n\n", error, relative_error(projected, truth));
  std::printf("leave-one-out estimate from the samples  %.2e\n", estimate);
  std::printf("  of the coefficients in the same modes  %.2e\n", estimate_of_coefficients);
  if (is_above && error < 2.0 * estimate && estimate < 4.0 * error) return 0;
  std::fprintf(stderr, "expected an error that is above that of the projection and near the estimate\n");
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
