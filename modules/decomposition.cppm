module;

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

/// The truncated singular value decomposition of a tall matrix that is read a block of rows at a time; no idea of
/// fields.
///
/// One pass over the rows makes a small summary of the `(m, n)` matrix A, from which its singular values s and right
/// singular vectors V come; a second one makes the left singular vectors `U = A V / s`. Summaries of parts of the rows
/// merge into that of the whole, so that blocks may come from memory or from elsewhere, and by several threads.
export module fieldfold.decomposition;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;

export namespace fieldfold {

/// The rows of a matrix, a block at a time.
template <class T>
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource();

  virtual std::size_t rows() const = 0;
  virtual std::size_t cols() const = 0;

  /// The rows from `first` to `first + count`: memory of the source, or the buffer, which it fills then.
  /// Safe from many threads at once, each with a buffer of its own.
  virtual MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const = 0;
};

/// The rows of a matrix in memory.
template <class T>
class MatrixRows final : public RowSource<T> {
 public:
  /// \param matrix  `(m, n)`; its memory must outlive this object
  explicit MatrixRows(MatrixView<const T> matrix) : matrix_(matrix) {}
  std::size_t rows() const override { return matrix_.rows; }
  std::size_t cols() const override { return matrix_.cols; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {matrix_.row(first).data(), count, matrix_.cols};
  }

 private:
  MatrixView<const T> matrix_;
};

/// How the summary is made.
enum class DecompositionMethod {
  automatic,  ///< by the size of the matrix and what is asked of it
  gram,       ///< A^T A, the method of snapshots (Sirovich 1987, doi:10.1090/qam/910462): a third of the work of tsqr;
              ///< singular values come out with an error of 1e-8 of the largest, half of the digits
  tsqr,       ///< R of A = Q R, block by block (Demmel et al. 2012, doi:10.1137/080731992): exact to rounding
  direct,     ///< all rows at once by `thin_svd`: for few rows, or a rank above the numerical one
};

/// The name of a method as in the enumeration.
std::string_view name_of(DecompositionMethod method);

/// What is asked of a decomposition.
template <class T>
struct DecompositionRequest {
  /// Chooses the rank from all singular values, descending, of the `(m, n)` matrix of finite columns. It may throw, and
  /// may be asked again, of more exact values.
  std::function<std::size_t(const xt::xarray<T>& s, std::size_t m, std::size_t n)> choose_rank;
  DecompositionMethod method = DecompositionMethod::automatic;
  /// Threads to use; 0: as many as the machine has.
  std::size_t threads = 0;
};

/// What was done.
struct DecompositionReport {
  DecompositionMethod method = DecompositionMethod::direct;
  std::size_t threads = 1;
  double singular_value_error = 0.0;  ///< estimate of the error of the singular values, over the largest
  double summary_seconds = 0.0;       ///< the pass that makes the summary, and its decomposition
  double basis_seconds = 0.0;         ///< the pass that makes the basis
};

/// `A ~ u latents^T` on the columns that are finite.
template <class T>
struct Decomposition {
  xt::xarray<T> u;                ///< `(m, rank)`, orthonormal columns, the entry largest in magnitude of each positive
  xt::xarray<T> s;                ///< `(min(m, kept),)`, all of them, descending
  xt::xarray<T> latents;          ///< `(kept, rank)`: `A^T u`
  xt::xarray<double> norms;       ///< `(kept,)`: of the columns of A
  std::vector<std::size_t> kept;  ///< the columns without NaN and infinity, ascending
  DecompositionReport report;
};

/// Decomposes a matrix. The rows are read twice; three times where the fast method turns out not to be exact enough.
/// The basis is orthonormal to rounding, and the error at most that of the optimal basis of its rank, to 1 %.
/// \throws InvalidArgument  no row, no finite column, or only zeros
/// \throws NumericalError   a decomposition did not converge, or squares overflow
template <class T>
Decomposition<T> decompose(const RowSource<T>& source, const DecompositionRequest<T>& request);

}  // namespace fieldfold
