/// The truncated singular value decomposition of a tall matrix read by blocks of rows.
///
/// A pass over the rows of the `(m, n)` matrix A computes a small summary, from which its singular values s and right
/// singular vectors V follow; another pass computes the left singular vectors `U = A V / s`. Summaries of blocks of
/// rows add up, so that blocks may be read from memory or from disk, by several threads.
export module fieldfold.decomposition.truncated_svd;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.decomposition.errors;
import fieldfold.decomposition.inner_product;
import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// How the summary is computed.
enum class DecompositionMethod {
  automatic,   ///< chosen by the size of the matrix, the rank and the tolerance
  gram,        ///< A^T A, the method of snapshots (Sirovich 1987, doi:10.1090/qam/910462), in two passes: singular
               ///< values have an error of 1e-8 of the largest, half of the digits
  sketch,      ///< the Gram matrix of A R^-1, with R from a random sketch (randomized CholeskyQR; Balabanov 2022,
               ///< doi:10.48550/arXiv.2210.09953), in three passes: exact to rounding
  transpose,   ///< for more columns than rows: `A A^T` in two passes over blocks of columns or, where that is
               ///< inaccurate, a sketch of A^T, with all of A in memory
  randomized,  ///< power iteration (`dominant_subspace`), in four to eight passes: for many columns and a small
               ///< given rank
};

/// The names of the methods, as in the enumeration.
std::vector<std::string_view> decomposition_methods();
std::string_view name_of(DecompositionMethod method);

/// \throws InvalidArgument  an unknown name; the message lists the known ones
DecompositionMethod decomposition_method_named(std::string_view name);

/// The singular values of the training columns, and their coefficients.
template <class T>
struct Spectrum {
  xt::xarray<T> s;                  ///< `(min(m, columns),)`, descending
  xt::xarray<double> coefficients;  ///< `(columns, modes)`: of each column in the left singular vectors, for all
                                    ///< nonzero modes; empty if the rank is known, or they are not needed
  std::size_t rows;                 ///< m, without masked rows
  std::size_t columns;              ///< the number of training columns
  double unresolved_squares = 0.0;  ///< the sum of squares of the singular values that are not in s
};

/// A rank, and the smallest share of the sum of squares that must be known to seven digits for the choice to hold.
struct RankChoice {
  std::size_t rank = 1;
  double resolution = 0.0;
};

/// A request for a decomposition.
template <class T>
struct DecompositionRequest {
  /// Chooses the rank. It may throw, and may be called again with more accurate values.
  std::function<RankChoice(const Spectrum<T>&)> choose_rank;
  /// Whether it reads the coefficients of the spectrum.
  bool needs_coefficients = true;
  /// The rank that it will choose, if known beforehand: required by `randomized`.
  std::optional<std::size_t> known_rank = std::nullopt;
  /// The likely share of the truncated part in the sum of squares: methods that cannot resolve it are not tried.
  double expected_tail = 1.0;
  DecompositionMethod method = DecompositionMethod::automatic;
  /// The inner product of columns; null: `x^T y`. `transpose` and `randomized` support no other.
  const InnerProduct<T>* inner_product = nullptr;
  /// `(m,)`, 1 for rows that are zero, also in the basis; empty: none.
  std::span<const std::uint8_t> masked_rows = {};
  /// Number of threads; 0: all of the machine.
  std::size_t threads = 0;
  /// Number of groups of rows with separate errors. A group has the rows with the same index modulo `groups`, which
  /// divides m.
  std::size_t groups = 1;
  /// k: every k-th column is held out as a test; 0: none.
  std::size_t leave_out_every = 0;
  /// The rows of this rank, if the rows of the matrix are distributed among ranks. All of them then call `decompose`
  /// with the same request, each with its rows, and receive the same but for the rows of the basis. The methods are
  /// `gram`, `sketch` and `randomized`.
  RowPartition partition = {};
  /// Progress callback: the phase (`summary`, `basis`, `errors`), and the share of it that is done; an exception thrown
  /// by it aborts the decomposition.
  std::function<void(std::string_view phase, double share)> progress = {};
};

/// A report on a decomposition.
struct DecompositionReport {
  DecompositionMethod method = DecompositionMethod::sketch;
  std::size_t threads = 1;
  double singular_value_error = 0.0;  ///< estimate of the error of the singular values, over the largest
  double summary_seconds = 0.0;       ///< the passes of the summary, and its decomposition
  double basis_seconds = 0.0;         ///< the passes of the basis
  double error_seconds = 0.0;         ///< the errors; almost 0 if they follow from the summary
};

/// `A ~ U coefficients^T` on the training columns.
template <class T>
struct Decomposition {
  std::size_t rank = 0;                    ///< 0 if all columns are zero or none is finite
  xt::xarray<T> s = {};                    ///< descending: `(min(m, kept),)`; `(rank,)` by the method `randomized`
  double unresolved_squares = 0.0;         ///< the sum of squares of the singular values that are not in s
  xt::xarray<T> coefficients = {};         ///< `(kept, rank)`: `A^T U`
  std::vector<std::size_t> kept = {};      ///< the training columns, ascending
  std::vector<std::size_t> left_out = {};  ///< the finite columns held out as a test, ascending
  RelativeErrors errors = {};              ///< of the training columns
  RelativeErrors left_out_errors = {};     ///< of the held-out columns; empty arrays if there are none
  DecompositionReport report = {};
};

/// Decomposes a matrix. The rows are read at least twice, and more often where the method is more accurate, iterates,
/// or turns out to be inadequate. The basis is orthonormal to rounding, in the inner product of the request, with the
/// signs of `ColumnSigns`, and the error at most that of the optimal basis of its rank, to 1 %.
/// \param basis  receives U, `(m, rank)`
/// \throws InvalidArgument  as `choose_rank`; the method does not support the request
/// \throws NumericalError   a decomposition did not converge, sums overflow, or the inner product is not positive
///                          definite
template <class T>
Decomposition<T> decompose(const RowSource<T>& source, const DecompositionRequest<T>& request, RowStore<T>& basis);

}  // namespace fieldfold
