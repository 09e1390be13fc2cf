module;

#include <cstddef>
#include <optional>

/// The leading right singular vectors of a matrix of many columns, by power iteration from a random start.
export module fieldfold.subspace;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.rows;
import fieldfold.summary;

export namespace fieldfold {

/// What the iteration found.
struct Subspace {
  xt::xarray<double> v;   ///< `(columns, rank)`, orthonormal columns
  double squares = 0.0;   ///< the sum of squares of these columns of A
  double captured = 0.0;  ///< the part of it in the subspace one iteration before, of the same rank
};

/// Two iterations `V <- orth(A^T (A V))` from a random V of `rank + 10` columns, orthonormalized at each step (Halko,
/// Martinsson and Tropp 2011, doi:10.1137/090771806, algorithm 4.4 on the Gram matrix that is never formed). Each is
/// one pass over the rows.
/// \param columns  of A, to look at; rank + 10 at least
/// \returns        nothing where one of them is not finite, or squares overflow
template <class T>
std::optional<Subspace> dominant_subspace(const RowSource<T>& source, const Factorization& columns, std::size_t rank,
                                          const Pass& pass);

}  // namespace fieldfold
