module;

#include <cstddef>
#include <functional>
#include <vector>

/// The small matrices that stand for a tall one. Each is a sum over the rows, so that blocks of rows, threads and
/// machines add theirs up.
export module fieldfold.decomposition.gram_sketch;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.inner_product;
import fieldfold.rows.source;

export namespace fieldfold {

/// `A = B R` on some columns of a tall matrix A, with rounding: B is well-conditioned, or is A itself.
struct Factorization {
  std::vector<std::size_t> columns;                         ///< of A, ascending
  bool is_identity = true;                                  ///< B is these columns of A, and R the identity
  std::vector<std::size_t> leading = {};                    ///< of the columns, those of which B is made
  xt::xarray<double> square = xt::zeros<double>({0, 0});    ///< `(leading, leading)`, upper: B times it is those
  xt::xarray<double> triangle = xt::zeros<double>({0, 0});  ///< R, `(leading, columns)`
  std::vector<double> dropped = {};  ///< `(columns,)`: estimates of the norms of the columns of `A - B R`, if not 0

  std::size_t width() const { return is_identity ? columns.size() : leading.size(); }
};

/// The rows of B, made from those of A.
template <class T>
class FactorRows {
 public:
  FactorRows(const Factorization& factorization, std::size_t cols);

  /// \param rows    of A  \param buffer  for what cannot be seen where it lies
  /// \returns  the same rows of B `(count, width)`: in the buffer, or `rows` itself
  MatrixView<const T> operator()(MatrixView<const T> rows, std::vector<T>& buffer) const;

 private:
  const Factorization& factorization_;
  bool all_columns_;
  xt::xarray<T> square_;
};

/// The Gram matrices of B, one for each of `groups` interleaved sets of rows (every `groups`-th one), `(width,
/// width)` each, with both triangles, summed up in double. An entry of a column that is not finite is not finite.
/// \param product  the rows of M A, for inner products `x^T M y`; null where M is the identity
template <class T>
std::vector<xt::xarray<double>> gram_matrices(const RowSource<T>& source, const ProductRows<T>* product,
                                              const Factorization& factorization, std::size_t groups, const Pass& pass);

/// What a sketch of a matrix tells.
struct Sketch {
  std::vector<std::size_t> finite;  ///< columns without NaN and infinity, ascending
  Factorization factorization;      ///< of those that were wanted; no leading ones where they are nothing but zeros
};

/// A factorization `A = B R` with a B that is well-conditioned, however small the singular values of A are: that of the
/// QR factorization of a sparse random sketch S A of about 4 n rows (Rokhlin and Tygert 2008,
/// doi:10.1073/pnas.0804869105; Nelson and Nguyen 2013, doi:10.1109/FOCS.2013.21), or of A itself if it has few rows,
/// with pivoting, and without the columns that are rounding of those before. S is made by a hash of the number of a
/// row, so that it is the same in each run.
/// \param wanted  which columns to factorize; empty: all that are finite
/// \param floor   a length that is rounding, if more is than that of the columns themselves
/// \throws NumericalError  sums overflow
template <class T>
Sketch sketched_factorization(const RowSource<T>& source, const Pass& pass,
                              const std::function<bool(std::size_t)>& wanted = {}, double floor = 0.0);

/// `A = Q triangle` on the columns of a factorization `A = B R`, with `Q = B to_basis` orthonormal to rounding times
/// the condition of B, in the inner product of `gram_matrices`.
struct OrthogonalFactor {
  Factorization factorization;
  xt::xarray<double> to_basis;            ///< `(width, directions)`
  xt::xarray<double> triangle;            ///< `(directions, columns)`; not triangular any more
  std::vector<xt::xarray<double>> grams;  ///< of B, as `gram_matrices` gives them
};

/// \param factorization  of `sketched_factorization`, with leading columns; made better where it serves too little
/// \throws NumericalError  the inner product is not positive definite
template <class T>
OrthogonalFactor orthogonal_factor(const RowSource<T>& source, const ProductRows<T>* product,
                                   Factorization factorization, std::size_t groups, const Pass& pass);

/// \throws NumericalError  eigenvalues of a Gram matrix, ascending, are those of an inner product that is not positive
///                         definite
template <class T>
void check_inner_product(const xt::xarray<double>& eigenvalues);

/// Of the columns of A those without NaN and infinity, ascending.
template <class T>
std::vector<std::size_t> finite_columns(const RowSource<T>& source, const Pass& pass);

}  // namespace fieldfold
