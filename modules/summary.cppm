module;

#include <cstddef>
#include <vector>

/// The small matrices that stand for a tall one. Each is a sum over the rows, so that blocks of rows, threads and
/// machines add theirs up.
export module fieldfold.summary;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.rows;

export namespace fieldfold {

/// `A = B R` on some columns of a tall matrix A: B is better conditioned, or is A itself.
struct Factorization {
  std::vector<std::size_t> columns;     ///< of A, ascending
  xt::xarray<double> triangle = {0.0};  ///< R, `(columns, columns)`, upper; `(1,)`: the identity
  bool is_identity() const { return triangle.dimension() == 1; }
};

/// The rows of B, made from those of A.
template <class T>
class FactorRows {
 public:
  FactorRows(const Factorization& factorization, std::size_t cols);

  /// \param rows    of A  \param buffer  for what cannot be seen where it lies
  /// \returns  the same rows of B `(count, columns)`: in the buffer, or `rows` itself
  MatrixView<const T> operator()(MatrixView<const T> rows, std::vector<T>& buffer) const;

 private:
  const Factorization& factorization_;
  bool all_columns_;
  xt::xarray<T> triangle_;
};

/// The Gram matrices of B, one for each of `groups` interleaved sets of rows (every `groups`-th one), `(columns,
/// columns)` each, with both triangles, summed up in double. An entry of a column that is not finite is not finite.
template <class T>
std::vector<xt::xarray<double>> gram_matrices(const RowSource<T>& source, const Factorization& factorization,
                                              std::size_t groups, const Pass& pass);

/// A triangle R that makes A R^-1 well-conditioned, however small the singular values of A are: that of the QR
/// factorization of a sparse random sketch S A of about 4 n rows (Rokhlin and Tygert 2008,
/// doi:10.1073/pnas.0804869105; Nelson and Nguyen 2013, doi:10.1109/FOCS.2013.21), or of A itself if it has few rows.
/// S is made by a hash of the number of a row, so that it is the same in each run. Directions that are no more than
/// rounding stay small in A R^-1.
/// \returns  the identity where A has nothing but zeros
/// \throws NumericalError  sums overflow
template <class T>
Factorization sketched_factorization(const RowSource<T>& source, const Pass& pass);

/// `A = Q triangle` on the columns of a factorization `A = B R`, with `Q = B to_basis` orthonormal to rounding.
/// Directions that are rounding are not there.
struct OrthogonalFactor {
  Factorization factorization;
  xt::xarray<double> to_basis;            ///< `(columns, directions)`
  xt::xarray<double> triangle;            ///< `(directions, columns)`; of full row rank, not triangular any more
  std::vector<xt::xarray<double>> grams;  ///< of B, as `gram_matrices` gives them
};

/// \param factorization  of `sketched_factorization`, not the identity; made better where it serves too little
template <class T>
OrthogonalFactor orthogonal_factor(const RowSource<T>& source, Factorization factorization, std::size_t groups,
                                   const Pass& pass);

/// Of the columns of A those without NaN and infinity, ascending.
template <class T>
std::vector<std::size_t> finite_columns(const RowSource<T>& source, const Pass& pass);

}  // namespace fieldfold
