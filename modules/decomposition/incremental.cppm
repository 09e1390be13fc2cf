/// Updates of a truncated decomposition by further columns.
export module fieldfold.decomposition.incremental;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.base.standard;

export namespace fieldfold {

/// A truncated decomposition `A ~ basis diag(s) V^T` of the (weighted) columns so far, or of their deviations from the
/// mean.
template <class T>
struct IncrementalState {
  xt::xarray<T> basis = zeros<T>({0, 0});                   ///< `(dof, rank)`, orthonormal
  xt::xarray<double> s = zeros<double>({0});                ///< `(rank,)`, descending
  xt::xarray<double> coefficients = zeros<double>({0, 0});  ///< `(num_samples, rank)`: U^T A, without weights
  double squares = 0.0;                                     ///< sum of squares of A
  double bound = 0.0;                                       ///< bound of the error in the Frobenius norm
  xt::xarray<double> mean = zeros<double>({0});             ///< `(dof,)`; empty: not centred
  double weight = 0.0;                                      ///< sum of the squared weights of the columns in the mean
};

/// Singular values, sum of squares and error bound at the start of an update.
struct IncrementalTotals {
  xt::xarray<double> s;
  double squares;
  double bound;
};

/// The truncation of updates.
struct IncrementalTruncation {
  std::optional<std::size_t> max_rank = std::nullopt;  ///< none: as many modes as the tolerance requires
  double tolerance = 0.0;  ///< largest error bound that truncation may reach, relative to the Frobenius norm
};

/// A state after an update, with the coefficients of the old samples only, and those of the rows in its basis.
template <class T>
struct UpdatedState {
  IncrementalState<T> state;            ///< its mean and the weight of the mean are not set
  xt::xarray<double> row_coefficients;  ///< `(b, rank)`, without weights
};

/// Updates a decomposition by further columns: they are projected twice on the basis and the residuals are
/// orthonormalized; the small matrix of their coefficients is decomposed, and the basis rotated to its singular vectors
/// (Brand 2006, doi:10.1016/j.laa.2005.07.021; in blocks, Baker, Gallivan and Van Dooren 2012,
/// doi:10.1016/j.laa.2011.07.018). The basis is reorthonormalized. A block with at least as many columns as numbers
/// takes part through the triangle of a QR factorization.
/// \param rows     `(b, dof)`: the columns, one per row; used as workspace
/// \param weights  `(b,)`, above 0
/// \param before   of the old columns with their current weights, but `squares` with the new columns
/// \param pass     its threads (0: as many as the machine has), and the numbers of this rank, if those of the columns
///                 are distributed; collective then
/// \throws NumericalError  a decomposition did not converge
template <class T>
UpdatedState<T> updated(const IncrementalState<T>& state, MatrixView<T> rows, const std::vector<double>& weights,
                        const IncrementalTotals& before, const IncrementalTruncation& truncation, const Pass& pass);

/// `[above; below]`, of as many columns.
xt::xarray<double> stacked(const xt::xarray<double>& above, const xt::xarray<double>& below);

}  // namespace fieldfold
