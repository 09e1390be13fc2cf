/// Summaries of a matrix with far more columns than rows, and projections of its columns.
export module fieldfold.decomposition.row_summary;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.decomposition.errors;
import fieldfold.rows.source;

export namespace fieldfold {

/// `A A^T` over selected columns of A, in double precision.
struct RowGram {
  std::vector<std::size_t> finite;  ///< the columns of A without NaN and infinity, ascending
  xt::xarray<double> gram;          ///< `(m, m)`, both triangles
};

/// \param wanted  the columns that count, if they are finite
template <class T>
RowGram row_gram(const RowSource<T>& source, const std::function<bool(std::size_t)>& wanted, const Pass& pass);

/// The triangle R of a QR factorization `A^T = Q R` over selected columns of A, in double precision: exact to rounding
/// where `A A^T` loses half of the digits, in about twice the time.
struct RowTriangle {
  std::vector<std::size_t> finite;  ///< the columns of A without NaN and infinity, ascending
  xt::xarray<double> triangle;      ///< `(m, m)`, upper
};

/// \param wanted  the columns that count, if they are finite
template <class T>
RowTriangle row_triangle(const RowSource<T>& source, const std::function<bool(std::size_t)>& wanted, const Pass& pass);

/// Coefficients `A^T U` of columns of A in an orthonormal basis, and their errors from the residuals.
template <class T>
struct ColumnProjections {
  xt::xarray<T> coefficients;  ///< `(columns, rank)`
  ErrorSquares squares;
};

/// \param basis    `(m, rank)`, orthonormal  \param columns  ascending
/// \param groups   of rows, as in `ErrorSquares`
template <class T>
ColumnProjections<T> column_projections(const RowSource<T>& source, const xt::xarray<T>& basis,
                                        const std::vector<std::size_t>& columns, std::size_t groups, const Pass& pass);

}  // namespace fieldfold
