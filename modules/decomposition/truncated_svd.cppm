module;

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// The truncated singular value decomposition of a tall matrix that is read a block of rows at a time; no idea of
/// fields.
///
/// A pass over the rows of the `(m, n)` matrix A makes a small summary, from which its singular values s and right
/// singular vectors V come; another one makes the left singular vectors `U = A V / s`. Summaries of parts of the rows
/// are added up, so that blocks may come from memory or from elsewhere, and by several threads.
export module fieldfold.decomposition.truncated_svd;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
export import fieldfold.decomposition.errors;
import fieldfold.decomposition.inner_product;
export import fieldfold.rows.source;
import fieldfold.rows.store;

export namespace fieldfold {

/// How the summary is made.
enum class DecompositionMethod {
  automatic,   ///< by the size of the matrix and what is asked of it
  gram,        ///< A^T A, the method of snapshots (Sirovich 1987, doi:10.1090/qam/910462), in two passes: singular
               ///< values come out with an error of 1e-8 of the largest, half of the digits
  sketch,      ///< the Gram matrix of A R^-1, with R from a random sketch (randomized CholeskyQR; Balabanov 2022,
               ///< doi:10.48550/arXiv.2210.09953), in three passes: exact to rounding
  transpose,   ///< `sketch` of A^T, with all of A in memory: for more columns than rows
  randomized,  ///< power iteration (`dominant_subspace`), in four to eight passes: for many columns and a small rank
               ///< given
};

/// The name of a method as in the enumeration.
std::string_view name_of(DecompositionMethod method);

/// What a summary says of the columns that are learned from.
template <class T>
struct Spectrum {
  xt::xarray<T> s;            ///< `(min(m, columns),)`, descending
  xt::xarray<double> scores;  ///< `(columns, modes)`: the coefficients of each column in the singular vectors, of all
                              ///< modes that are not 0; empty where only a known rank is asked for
  std::size_t rows;           ///< m, without absent rows
  std::size_t columns;        ///< those that are learned from
  double unresolved_squares = 0.0;  ///< the sum of squares of the singular values that are not in s
};

/// A rank, and the smallest share of the sum of squares that has to be known to seven digits for the choice to hold.
struct RankChoice {
  std::size_t rank = 1;
  double resolution = 0.0;
};

/// What is asked of a decomposition.
template <class T>
struct DecompositionRequest {
  /// Chooses the rank. It may throw, and may be asked again, of more exact values.
  std::function<RankChoice(const Spectrum<T>&)> choose_rank;
  /// The rank that it will choose, if that is known before: what `randomized` needs.
  std::optional<std::size_t> known_rank = std::nullopt;
  /// The share of the sum of squares that what it leaves is likely to have: a method that cannot tell it is not tried.
  double expected_tail = 1.0;
  DecompositionMethod method = DecompositionMethod::automatic;
  /// The inner product of columns; null: `x^T y`. `transpose` and `randomized` know no other.
  const Metric<T>* metric = nullptr;
  /// `(m,)`, 1 for rows that are zero, and are zero in the basis too; empty: there are none.
  std::span<const std::uint8_t> absent_rows = {};
  /// Threads to use; 0: as many as the machine has.
  std::size_t threads = 0;
  /// Rows of which errors are told apart: those whose index modulo `groups` is the same. It divides the rows.
  std::size_t groups = 1;
  /// Of k columns the last is not learned from, to be a test of what is learned; 0: all are learned from.
  std::size_t leave_out_every = 0;
  /// Hears which share of a phase (`summary`, `basis`, `errors`) is done; what it throws ends the decomposition.
  std::function<void(std::string_view phase, double share)> progress = {};
};

/// What was done.
struct DecompositionReport {
  DecompositionMethod method = DecompositionMethod::sketch;
  std::size_t threads = 1;
  double singular_value_error = 0.0;  ///< estimate of the error of the singular values, over the largest
  double summary_seconds = 0.0;       ///< the passes that make the summary, and its decomposition
  double basis_seconds = 0.0;         ///< the passes that make the basis
  double error_seconds = 0.0;         ///< the errors; next to nothing where the summary tells them
};

/// `A ~ U latents^T` on the columns that are learned from.
template <class T>
struct Decomposition {
  std::size_t rank = 0;               ///< 0 where there is nothing but zeros, or no finite column
  xt::xarray<T> s;                    ///< descending: `(min(m, kept),)`; `(rank,)` by the method `randomized`
  double unresolved_squares = 0.0;    ///< the sum of squares of the singular values that are not in s
  xt::xarray<T> latents;              ///< `(kept, rank)`: `A^T U`
  std::vector<std::size_t> kept;      ///< the columns that were learned from, ascending
  std::vector<std::size_t> left_out;  ///< the finite columns that were left out as a test, ascending
  RelativeErrors errors;              ///< of those learned from
  RelativeErrors left_out_errors;     ///< of those left out; empty arrays where there are none
  DecompositionReport report;
};

/// Decomposes a matrix. The rows are read twice at least, and some times more where the method is more exact, iterates,
/// or turns out not to serve. The basis is orthonormal to rounding, in the inner product of the request, with the signs
/// of `ColumnSigns`, and the error at most that of the optimal basis of its rank, to 1 %.
/// \param basis  gets U, `(m, rank)`
/// \throws InvalidArgument  what `choose_rank` throws; the method cannot do what is asked
/// \throws NumericalError   a decomposition did not converge, sums overflow, or the inner product is not positive
///                          definite
template <class T>
Decomposition<T> decompose(const RowSource<T>& source, const DecompositionRequest<T>& request, RowStore<T>& basis);

}  // namespace fieldfold
