/// Projection errors of the columns of a tall matrix.
export module fieldfold.decomposition.errors;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.decomposition.gram_sketch;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// `||x - U U^T x|| / ||x||` of columns x, in the 2-norm; 0 if both norms are 0.
struct RelativeErrors {
  xt::xarray<double> columns;        ///< `(columns,)`
  xt::xarray<double> groups;         ///< `(groups,)`: of the rows of a group, over all columns
  xt::xarray<double> column_groups;  ///< `(columns, groups)`: of the rows of a group, per column
  std::vector<double> group_norms;   ///< one per group: `||x - U U^T x||` of its rows, over all columns
};

/// Sums of squares of columns and of their residuals, `(groups, columns)`, each column in a scale of its own, so that
/// they neither overflow nor vanish. A group consists of the rows with the same index modulo the number of groups.
struct ErrorSquares {
  ErrorSquares(std::size_t groups, std::size_t columns)
      : of_residuals(zeros<double>({groups, columns})),
        of_columns(zeros<double>({groups, columns})),
        scales(columns, 1.0) {}

  std::size_t groups() const { return of_columns.shape(0); }

  xt::xarray<double> of_residuals;
  xt::xarray<double> of_columns;
  std::vector<double> scales;  ///< scaling factors of the norms
  double unit = 1.0;           ///< of the norms
};

/// The relative errors of selected columns.
RelativeErrors relative_errors(const ErrorSquares& squares, const std::vector<std::size_t>& columns);

/// The sum of squares of the residuals of selected columns.
double sum_of_error_squares(const ErrorSquares& squares, const std::vector<std::size_t>& columns);

/// A summary of columns `A = B R` and of their projections on `U = B weights`. It references memory of the caller.
struct ProjectionSummary {
  const Factorization& factorization;
  const std::vector<xt::xarray<double>>& grams;  ///< of B, one per group
  const xt::xarray<double>& weights;             ///< `(width, rank)`
  const xt::xarray<double>& coefficients;        ///< `(columns, rank)`: A^T U
};

/// The errors from Gram matrices: the residual of column j is B z with `z = R e_j - weights coefficients_j`.
/// \param unit  of the norms
/// \returns  the columns that suffer cancellation in their sums of squares
template <class T>
std::vector<std::size_t> errors_of_summary(const ProjectionSummary& summary, double unit, ErrorSquares& squares);

/// Columns A and a basis U, with the rows of M A and M U for inner products `x^T M y`. It references memory of the
/// caller.
template <class T>
struct ColumnsAndBasis {
  const RowSource<T>& columns;
  const RowStore<T>& basis;
  std::size_t rank;
  const RowSource<T>* weighted_columns = nullptr;  ///< M A; null if M is the identity
  const RowSource<T>* weighted_basis = nullptr;    ///< M U; null if M is the identity
};

/// `A^T M U` of selected columns of A, from the rows: accurate even for columns at the rounding level of the others.
/// \param columns  of A  \returns  `(columns, rank)`
template <class T>
xt::xarray<double> projected_columns(const ColumnsAndBasis<T>& projection, const std::vector<std::size_t>& columns,
                                     const Pass& pass);

/// Selected columns of A.
struct ColumnSubset {
  std::vector<std::size_t> columns;  ///< of A
  std::vector<std::size_t> places;   ///< their indices in `ErrorSquares`
  xt::xarray<double> coefficients;   ///< `(columns, rank)`: A^T M U
};

/// The errors of selected columns from the residual itself, in one more pass. \param unit  of the norms
template <class T>
void errors_of_residual(const ColumnsAndBasis<T>& projection, const ColumnSubset& subset, double unit, const Pass& pass,
                        ErrorSquares& squares);

}  // namespace fieldfold
