module;

#include <cstddef>
#include <optional>

/// The leading right singular vectors of a matrix of many columns, by power iteration from a random start.
export module fieldfold.decomposition.subspace;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.decomposition.gram_sketch;
import fieldfold.rows.source;

export namespace fieldfold {

/// What the iteration found, of the columns it was asked to look at.
struct Subspace {
  xt::xarray<double> weights;  ///< `(columns, rank)`: `A weights` has nearly orthonormal columns, the singular vectors
  xt::xarray<double> s;        ///< `(rank,)`: the singular values
  xt::xarray<double> coefficients;   ///< `(columns, rank)`: `A^T A weights`
  double squares = 0.0;        ///< the sum of squares of the columns
  double missing = 0.0;        ///< of these, an estimate of what more iterations would gain
};

/// The columns that the iteration works with for a rank: more, so that the last of those asked for converge too.
std::size_t subspace_width(std::size_t rank);

/// Iterates `V <- orth(A^T (A V))` from a random V of `subspace_width` columns, orthonormalized at each step, until
/// more steps would gain no more than 1 % of what the best approximation of the rank within the span of A V leaves
/// (Halko, Martinsson and Tropp 2011, doi:10.1137/090771806, algorithms 4.4 and 5.1). The first steps look at a sample
/// of the rows, as a better start; each of the others is one pass over all of them, two to six in all.
/// \param columns  of A, to look at; `subspace_width` at least
/// \returns        nothing where one of them is not finite, squares overflow, the columns of A V are dependent in
///                 the digits of a Gram matrix, or it does not converge
template <class T>
std::optional<Subspace> dominant_subspace(const RowSource<T>& source, const Factorization& columns, std::size_t rank,
                                          const Pass& pass);

}  // namespace fieldfold
