module fieldfold.rbf.polynomial;

import fieldfold.base.arrays;
import fieldfold.points.boxes;

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

Monomials::Monomials(std::size_t dim, int degree, const std::vector<bool>& redundant_squares)
    : shift_(dim, 0.0), scale_(dim, 1.0) {
  if (degree < 0) return;
  factors_.reserve(monomial_count(dim, degree));
  factors_.push_back({0, 0});
  // A monomial is multiplied by its last axis and later ones only, so that each product occurs once.
  for (std::size_t first = 0, power = 0; power < static_cast<std::size_t>(degree); ++power) {
    const std::size_t last = factors_.size();
    for (std::size_t parent = first; parent < last; ++parent)
      for (std::size_t axis = factors_[parent].axis; axis < dim; ++axis) {
        const bool is_square = parent != 0 && factors_[parent].axis == axis;
        if (redundant_squares.empty() || !redundant_squares[axis] || !is_square) factors_.push_back({parent, axis});
      }
    first = last;
  }
}

void Monomials::fit(MatrixView<const double> points) {
  const auto [low, high] = box_around(points);
  for (std::size_t axis = 0; axis < points.cols; ++axis) {
    shift_[axis] = low[axis] / 2 + high[axis] / 2;
    scale_[axis] = high[axis] > low[axis] ? high[axis] / 2 - low[axis] / 2 : 1.0;
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

void Monomials::differentiate(std::span<const double> point, std::span<const double> values, std::size_t axis,
                              std::span<double> derivatives) const {
  if (derivatives.empty()) return;
  derivatives[0] = 0.0;
  for (std::size_t i = 1; i < derivatives.size(); ++i) {
    const auto [parent, along] = factors_[i];
    derivatives[i] = derivatives[parent] * ((point[along] - shift_[along]) / scale_[along]);
    if (along == axis) derivatives[i] += values[parent] / scale_[axis];
  }
}

bool PolynomialPivots::choose(MatrixView<const double> points, const Monomials& monomials) {
  const std::size_t n = points.rows;
  m_ = monomials.size();
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  values_.resize(n * m_);
  const MatrixView<double> rows{values_.data(), n, m_};
  for (std::size_t i = 0; i < n; ++i) monomials.evaluate(points.row(i), rows.row(i));
  double largest = 0.0;
  for (std::size_t k = 0; k < m_; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(rows(i, k)) > std::abs(rows(pivot, k))) pivot = i;
    std::swap(order_[k], order_[pivot]);
    std::swap_ranges(rows.row(k).begin(), rows.row(k).end(), rows.row(pivot).begin());
    largest = std::max(largest, std::abs(rows(k, k)));
    const double rounding = 4.0 * static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
    if (!(std::abs(rows(k, k)) > rounding)) return false;
    const double inverse = 1.0 / rows(k, k);
    for (std::size_t i = k + 1; i < n; ++i) {
      rows(i, k) *= inverse;
      for (std::size_t c = k + 1; c < m_; ++c) rows(i, c) -= rows(i, k) * rows(k, c);
    }
  }
  for (std::size_t i = m_; i < n; ++i)
    for (std::size_t k = m_; k-- > 0;)
      for (std::size_t c = k + 1; c < m_; ++c) rows(i, k) -= rows(i, c) * rows(c, k);
  return true;
}

void PolynomialPivots::solve(std::span<double> x) const {
  const MatrixView<const double> rows{values_.data(), m_, m_};
  for (std::size_t k = 0; k < m_; ++k)
    for (std::size_t c = 0; c < k; ++c) x[k] -= rows(k, c) * x[c];
  for (std::size_t k = m_; k-- > 0;) {
    for (std::size_t c = k + 1; c < m_; ++c) x[k] -= rows(k, c) * x[c];
    x[k] /= rows(k, k);
  }
}

void PolynomialPivots::solve_transposed(std::span<double> p) const {
  const MatrixView<const double> rows{values_.data(), m_, m_};
  for (std::size_t k = 0; k < m_; ++k) {
    for (std::size_t c = 0; c < k; ++c) p[k] -= rows(c, k) * p[c];
    p[k] /= rows(k, k);
  }
  for (std::size_t k = m_; k-- > 0;)
    for (std::size_t c = k + 1; c < m_; ++c) p[k] -= rows(c, k) * p[c];
}

}  // namespace fieldfold
