module;

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

module fieldfold.rbf.polynomial;

import fieldfold.arrays;

namespace fieldfold {

std::size_t monomial_count(std::size_t dim, int degree) {
  if (degree < 0) return 0;
  std::size_t count = 1;
  for (std::size_t i = 1; i <= dim; ++i) {
    // count * (degree + i) / i, exact at each step.
    const std::size_t factor = static_cast<std::size_t>(degree) + i;
    if (count > std::numeric_limits<std::size_t>::max() / factor) return std::numeric_limits<std::size_t>::max();
    count = count * factor / i;
  }
  return count;
}

Monomials::Monomials(MatrixView<const double> points, int degree) : shift_(points.cols), scale_(points.cols) {
  for (std::size_t axis = 0; axis < points.cols; ++axis) {
    double low = points(0, axis);
    double high = low;
    for (std::size_t i = 1; i < points.rows; ++i) {
      low = std::min(low, points(i, axis));
      high = std::max(high, points(i, axis));
    }
    shift_[axis] = low / 2 + high / 2;
    scale_[axis] = high > low ? high / 2 - low / 2 : 1.0;
  }
  if (degree < 0) return;
  factors_.reserve(monomial_count(points.cols, degree));
  factors_.push_back({0, 0});
  // A monomial is multiplied by the axes from its last one on, so that each product comes once.
  for (std::size_t first = 0, power = 0; power < static_cast<std::size_t>(degree); ++power) {
    const std::size_t last = factors_.size();
    for (std::size_t parent = first; parent < last; ++parent)
      for (std::size_t axis = factors_[parent].axis; axis < points.cols; ++axis) factors_.push_back({parent, axis});
    first = last;
  }
}

void Monomials::evaluate(std::span<const double> point, std::span<double> values) const {
  if (values.empty()) return;
  values[0] = 1.0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    const auto [parent, axis] = factors_[i];
    values[i] = values[parent] * ((point[axis] - shift_[axis]) / scale_[axis]);
  }
}

}  // namespace fieldfold
