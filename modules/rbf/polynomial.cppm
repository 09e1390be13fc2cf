/// The polynomial part of a radial basis function interpolant.
export module fieldfold.rbf.polynomial;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// The number of monomials of `dim` variables up to a degree, `binomial(degree + dim, dim)`; 0 for degree -1. It
/// saturates at the largest number of its type.
std::size_t monomial_count(std::size_t dim, int degree);

/// The monomials up to a degree in graded order (1, x, y, x^2, xy, y^2, ...), evaluated at `(x - shift) / scale`, which
/// maps the points they are fitted to onto [-1, 1] along each axis.
class Monomials {
 public:
  Monomials() = default;

  /// \param redundant_squares  `(dim,)`: axes whose square follows from other monomials on the points, and is left out;
  ///                           empty: none
  Monomials(std::size_t dim, int degree, const std::vector<bool>& redundant_squares = {});

  std::size_t size() const { return factors_.size(); }

  /// \param points  `(n, dim)`, n >= 1
  void fit(MatrixView<const double> points);

  /// The values at one point.
  /// \param point   `(dim,)`
  /// \param values  `(size(),)`
  void evaluate(std::span<const double> point, std::span<double> values) const;

  /// The derivatives along an axis, per unit of the coordinate.
  /// \param values       `(size(),)`: from `evaluate` at the same point
  /// \param derivatives  `(size(),)`
  void differentiate(std::span<const double> point, std::span<const double> values, std::size_t axis,
                     std::span<double> derivatives) const;

 private:
  /// A monomial is an earlier one times the coordinate along an axis; the first is 1.
  struct Factor {
    std::size_t parent;
    std::size_t axis;
  };

  std::vector<double> shift_;
  std::vector<double> scale_;
  std::vector<Factor> factors_;
};

/// As many points of a system as there are monomials, on which the monomials are independent: the pivots of Gaussian
/// elimination. With P_1 the monomials at the pivots and P_2 those at the others, `W = P_2 P_1^-1` extends a polynomial
/// from the pivots to the others.
class PolynomialPivots {
 public:
  /// Chooses the pivots. Memory is reused.
  /// \param points     `(n, dim)`, n at least the number of monomials
  /// \param monomials  fitted to these points
  /// \returns  whether the monomials are independent on the points; if not, this object must not be used
  bool choose(MatrixView<const double> points, const Monomials& monomials);

  /// The indices of all points, `(n,)`: the pivots, then the others.
  std::span<const std::size_t> order() const { return order_; }

  /// W, `(n - m, m)`, for the points after the pivots in that order.
  MatrixView<const double> multipliers() const { return {values_.data() + m_ * m_, order_.size() - m_, m_}; }

  /// Replaces `x` by `P_1^-1 x`.
  void solve(std::span<double> x) const;

  /// Replaces `p` by `P_1^-T p`.
  void solve_transposed(std::span<double> p) const;

 private:
  std::size_t m_ = 0;
  std::vector<std::size_t> order_;
  std::vector<double> values_;  ///< `(n, m)`: the factors of P_1 (L with ones on its diagonal, and U), then W
};

}  // namespace fieldfold
