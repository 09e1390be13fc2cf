/// Gram matrices and sketches of a tall matrix. They are sums over its rows, so those of blocks of rows, threads and
/// machines add up.
export module fieldfold.decomposition.gram_sketch;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.decomposition.inner_product;
import fieldfold.rows.source;

export namespace fieldfold {

/// `A = B R` on selected columns of a tall matrix A, up to rounding; B is well-conditioned, or is A itself.
struct Factorization {
  std::vector<std::size_t> columns;       ///< of A, ascending
  bool is_identity = true;                ///< B consists of these columns of A, and R is the identity
  std::vector<std::size_t> leading = {};  ///< indices in `columns` of those that form B
  xt::xarray<double> square =
      zeros<double>({0, 0});  ///< `(leading, leading)`, upper: `B square` is the leading columns
  xt::xarray<double> triangle = zeros<double>({0, 0});  ///< R, `(leading, columns)`
  std::vector<double> dropped = {};  ///< `(columns,)`: estimated norms of the columns of `A - B R`; empty: 0

  std::size_t width() const { return is_identity ? columns.size() : leading.size(); }
};

/// Rows of B, computed from those of A.
template <class T>
class FactorRows {
 public:
  FactorRows(const Factorization& factorization, std::size_t cols);

  /// \param rows    of A  \param buffer  scratch space, used when no view is possible
  /// \returns  the same rows of B `(count, width)`: in the buffer, or `rows` itself
  MatrixView<const T> operator()(MatrixView<const T> rows, std::vector<T>& buffer) const;

 private:
  const Factorization& factorization_;
  bool all_columns_;
  xt::xarray<T> square_;
};

/// The Gram matrices of B, one for each of `groups` interleaved sets of rows (every `groups`-th one), `(width, width)`
/// each, with both triangles, accumulated in double precision. Columns that are not finite have entries that are not
/// finite.
/// \param product  the rows of M A, for inner products `x^T M y`; null if M is the identity
template <class T>
std::vector<xt::xarray<double>> gram_matrices(const RowSource<T>& source, const ProductRows<T>* product,
                                              const Factorization& factorization, std::size_t groups, const Pass& pass);

/// The results of a sketch of a matrix.
struct Sketch {
  std::vector<std::size_t> finite;  ///< columns without NaN and infinity, ascending
  Factorization factorization;      ///< of the wanted ones; without leading columns if all are zero
};

/// A factorization `A = B R` with a well-conditioned B, however small the singular values of A. R comes from the
/// pivoted QR factorization of a sparse random sketch S A of 1.5 n + 32 rows (Rokhlin and Tygert 2008,
/// doi:10.1073/pnas.0804869105; Nelson and Nguyen 2013, doi:10.1109/FOCS.2013.21), or of A itself if it has few rows.
/// Columns at the rounding level of the previous ones are dropped. A hash of the row number generates S, which is thus
/// the same in every run, and on any number of ranks.
/// \param wanted  which columns to factorize; empty: all finite ones
/// \param floor   norm below which columns are dropped, if larger than their own rounding level
/// \throws NumericalError  sums overflow
template <class T>
Sketch sketched_factorization(const RowSource<T>& source, const Pass& pass,
                              const std::function<bool(std::size_t)>& wanted = {}, double floor = 0.0);

/// `A = Q triangle` on the columns of a factorization `A = B R`, with `Q = B to_basis` orthonormal up to rounding times
/// the condition of B, in the inner product of `gram_matrices`.
struct OrthogonalFactor {
  Factorization factorization;
  xt::xarray<double> to_basis;            ///< `(width, directions)`
  xt::xarray<double> triangle;            ///< `(directions, columns)`; no longer triangular
  std::vector<xt::xarray<double>> grams;  ///< of B, from `gram_matrices`
};

/// \param factorization  from `sketched_factorization`, with leading columns; improved if B is too ill-conditioned
/// \throws NumericalError  the inner product is not positive definite
template <class T>
OrthogonalFactor orthogonal_factor(const RowSource<T>& source, const ProductRows<T>* product,
                                   Factorization factorization, std::size_t groups, const Pass& pass);

/// \param largest  the largest singular value of a matrix of T, or of its column norms; 0: all are zero
/// \throws NumericalError  it is below the normal numbers of T, which have all digits, and whose reciprocals are finite
template <class T>
void check_magnitude(double largest);

/// Checks an inner product by the eigenvalues of a Gram matrix, ascending.
/// \throws NumericalError  it is not positive definite
template <class T>
void check_inner_product(const xt::xarray<double>& eigenvalues);

/// The columns of A without NaN and infinity, ascending.
template <class T>
std::vector<std::size_t> finite_columns(const RowSource<T>& source, const Pass& pass);

}  // namespace fieldfold
