module;

#include <cstddef>
#include <span>
#include <vector>

/// The polynomial part of a radial basis function interpolant.
export module fieldfold.rbf.polynomial;

import fieldfold.arrays;

export namespace fieldfold {

/// The number of monomials of `dim` variables up to a degree, `binomial(degree + dim, dim)`; none for degree -1.
/// A number too large for its type is reported as the largest.
std::size_t monomial_count(std::size_t dim, int degree);

/// The monomials up to a degree in graded order (1, x, y, x^2, xy, y^2, ...), taken at `(x - shift) / scale`, which
/// maps the points they are made for onto [-1, 1] along each axis.
class Monomials {
 public:
  /// \param points  `(n, dim)`, n >= 1
  Monomials(MatrixView<const double> points, int degree);

  std::size_t size() const { return factors_.size(); }

  /// Their values at one point.
  /// \param point   `(dim,)`
  /// \param values  `(size(),)`
  void evaluate(std::span<const double> point, std::span<double> values) const;

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

}  // namespace fieldfold
