module;

#include <cstddef>
#include <vector>

/// How far the columns of a tall matrix are from their projections on a basis.
export module fieldfold.decomposition.errors;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.decomposition.gram_sketch;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// `||x - U U^T x|| / ||x||` of columns x, in the 2-norm; 0 where both norms are 0.
struct RelativeErrors {
  xt::xarray<double> columns;        ///< `(columns,)`
  xt::xarray<double> groups;         ///< `(groups,)`: of the rows of a group, of all columns together
  xt::xarray<double> column_groups;  ///< `(columns, groups)`: of the rows of a group of a column
};

/// Sums of squares of columns and of their residuals, `(groups, columns)`, each column in a scale of its own, so that
/// they neither overflow nor vanish. A group are the rows whose index modulo the number of groups is the same.
struct ErrorSquares {
  ErrorSquares(std::size_t groups, std::size_t columns)
      : of_residuals(xt::zeros<double>({groups, columns})),
        of_columns(xt::zeros<double>({groups, columns})),
        scales(columns, 1.0) {}

  std::size_t groups() const { return of_columns.shape(0); }

  xt::xarray<double> of_residuals;
  xt::xarray<double> of_columns;
  std::vector<double> scales;  ///< by which norms are larger than they are
};

/// The relative errors of some of the columns.
RelativeErrors relative_errors(const ErrorSquares& squares, const std::vector<std::size_t>& columns);

/// The sum of squares of the residuals of some of the columns, times the square of a scale.
double sum_of_error_squares(const ErrorSquares& squares, const std::vector<std::size_t>& columns, double scale);

/// The errors from Gram matrices: with `A = B R` and `U = B weights` the residual of column j is B z with `z = R e_j -
/// weights latents_j`.
/// \param grams    of B, one a group
/// \param latents  `(columns, rank)`: A^T U
/// \param scale    the unit of the norms
/// \returns  the columns of which differences of sums of squares have too few digits
template <class T>
std::vector<std::size_t> errors_of_summary(const Factorization& factorization,
                                           const std::vector<xt::xarray<double>>& grams,
                                           const xt::xarray<double>& weights, const xt::xarray<double>& latents,
                                           double scale, ErrorSquares& squares);

/// `A^T U` of some columns of A, from the rows: exact also for columns that are rounding of the others.
/// \param source   the rows of A; of M A for inner products `x^T M y`
/// \param columns  of A  \returns  `(columns, rank)`
template <class T>
xt::xarray<double> projected_columns(const RowSource<T>& source, const RowStore<T>& basis, std::size_t rank,
                                     const std::vector<std::size_t>& columns, const Pass& pass);

/// The rows of M A and of M U, for inner products `x^T M y`; null where M is the identity.
template <class T>
struct DualRows {
  const RowSource<T>* columns = nullptr;
  const RowSource<T>* basis = nullptr;
};

/// The errors of some columns from the residual itself, in one more pass.
/// \param columns  of A  \param places  where these are in `squares`  \param latents  `(columns, rank)`: theirs
/// \param scale    the unit of the norms
template <class T>
void errors_of_residual(const RowSource<T>& source, const RowStore<T>& basis, const DualRows<T>& duals,
                        const std::vector<std::size_t>& columns, const std::vector<std::size_t>& places,
                        const xt::xarray<double>& latents, double scale, const Pass& pass, ErrorSquares& squares);

}  // namespace fieldfold
