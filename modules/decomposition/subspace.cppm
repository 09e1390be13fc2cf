/// Leading right singular vectors of a matrix with many columns, by power iteration from a random start.
export module fieldfold.decomposition.subspace;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.decomposition.gram_sketch;
import fieldfold.rows.source;

export namespace fieldfold {

/// The result of the iteration on the selected columns.
struct Subspace {
  xt::xarray<double> weights;  ///< `(columns, rank)`: `A weights` has nearly orthonormal columns, the singular vectors
  xt::xarray<double> s;        ///< `(rank,)`: the singular values
  xt::xarray<double> coefficients;  ///< `(columns, rank)`: `A^T A weights`
  double squares = 0.0;             ///< the sum of squares of the columns
  double missing = 0.0;             ///< estimate of the part of them that more iterations would gain
};

/// The number of columns in the iteration for a rank: larger, so that the last modes converge too.
std::size_t subspace_width(std::size_t rank);

/// Iterates `V <- orth(A^T (A V))` from a random V of `subspace_width` columns, orthonormalized at each step, until
/// more steps would gain at most 1 % of the squared error of the best approximation of this rank within the span of A V
/// (Halko, Martinsson and Tropp 2011, doi:10.1137/090771806, algorithms 4.4 and 5.1). The first steps use a sample of
/// the rows to improve the start; each of the others is one pass over all rows, two to six in all.
/// \param columns  of A, to be used; at least `subspace_width`
/// \returns        nothing if a column is not finite, squares overflow, the columns of A V are dependent to the
///                 accuracy of a Gram matrix, or the iteration does not converge
template <class T>
std::optional<Subspace> dominant_subspace(const RowSource<T>& source, const Factorization& columns, std::size_t rank,
                                          const Pass& pass);

}  // namespace fieldfold
