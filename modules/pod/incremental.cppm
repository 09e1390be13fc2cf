module;

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

/// A singular value decomposition that grows with its snapshots, while a solver runs.
export module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.compression.grid;
import fieldfold.fields.scaling;
import fieldfold.pod.svd;

export namespace fieldfold {

/// How an incremental decomposition is kept small.
struct IncrementalOptions {
  /// The most modes that are kept; none: as many as the tolerance requires.
  std::optional<std::size_t> max_rank = std::nullopt;
  /// Modes are truncated as long as the error bound stays below this, relative to the Frobenius norm of the snapshots;
  /// not negative. 0 truncates rounding only. With `max_rank` the bound may exceed it.
  double tolerance = 0.0;
  /// Each snapshot has this times the weight of the next, in (0, 1]: singular values, energy and bound are those of the
  /// weighted snapshots.
  double forgetting = 1.0;
  /// Snapshots that are taken in together: the work for each falls, memory rises by as many states.
  std::size_t block = 16;
};

/// An SVD of all snapshots that were added, of which it keeps the leading modes and the coefficients only.
///
/// Snapshots are projected twice on the basis and the residuals are orthonormalized; the small matrix of their
/// coefficients is decomposed, and the basis rotated to its singular vectors (Brand 2006,
/// doi:10.1016/j.laa.2005.07.021; in blocks, Baker, Gallivan and Van Dooren 2012, doi:10.1016/j.laa.2011.07.018). The
/// basis is reorthonormalized in each update. The norms of what is truncated add up to a bound of the error.
///
/// A call that throws leaves the object as it was.
template <class T>
class BasicIncrementalSVD : public BasicCompression<T> {
 public:
  /// \param grid     the fields and their grid
  /// \param options  of the SVD that it becomes; `threads` holds for the updates too
  /// \throws InvalidArgument  as `BasicSVD`; field options that learn from snapshots (`fixed_space`); a rule that needs
  ///                          all modes (`sample_tol`, `optimal_threshold`) or `validate_every`; a number of
  ///                          `incremental` out of its range
  explicit BasicIncrementalSVD(CompressionOptions grid = {}, IncrementalOptions incremental = {},
                               SVDOptions options = {});

  /// Adds snapshots, all of them or, where it throws, none. Those with NaN or infinity are dropped and counted.
  /// \param states  `(*loop_shape, dof)`, in the order of time
  /// \throws InvalidArgument  a length that is not that of the first one, or does not fit coords, fields and weights;
  ///                          the logarithm of a number that is not positive
  /// \throws NumericalError   sums of squares overflow; a decomposition did not converge
  void add(const ArrayRef<T>& states);

  /// \param fields  each `(*loop_shape, num_pts)`
  void add(const BasicFields<T>& fields);

  /// Takes in another decomposition, of other snapshots of the same fields. Its coefficients come after those of this
  /// one. \throws InvalidArgument  another length of states
  void merge(const BasicIncrementalSVD& other);

  /// Takes in the snapshots of an incomplete block. The members below describe the snapshots that were taken in.
  void update();

  /// The snapshots that were taken in, and those dropped because of NaN or infinity.
  std::size_t num_samples() const { return state_.coefficients.shape(0); }
  std::size_t num_dropped() const { return num_dropped_; }

  /// The number of modes.
  std::size_t rank() const { return state_.s.size(); }

  /// `(dof, rank)`, orthonormal columns, of the scaled problem of the field options (`SpaceScaling`); and `(rank,)`,
  /// descending.
  const xt::xarray<T>& basis() const { return state_.basis; }
  const xt::xarray<double>& singular_values() const { return state_.s; }

  /// A bound of `||A - U U^T A|| / ||A||` in the Frobenius norm, of all (weighted) snapshots A that were taken in.
  double error_bound() const;

  /// The SVD of all snapshots that were added, after an `update`; more may be added later. Its rank is that of the rule
  /// of the options, or all modes without a rule. Its singular values are those of the kept modes; errors of single
  /// snapshots are unknown.
  /// \throws InvalidArgument  there is no snapshot, or only zeros; a rank above that of the kept modes
  BasicSVD<T> finish();

 private:
  /// The decomposition `A ~ basis diag(s) V^T`; an update makes a new one.
  struct State {
    xt::xarray<T> basis = xt::xarray<T>::from_shape({0, 0});                   ///< `(dof, rank)`
    xt::xarray<double> s = xt::xarray<double>::from_shape({0});                ///< `(rank,)`
    xt::xarray<double> coefficients = xt::xarray<double>::from_shape({0, 0});  ///< `(num_samples, rank)`: U^T A
    double squares = 0.0;                                                      ///< of all (weighted) snapshots
    double bound = 0.0;                                                        ///< of the error, in the Frobenius norm
  };
  /// Singular values, sum of squares and error bound as an update finds them.
  struct Totals {
    xt::xarray<double> s;
    double squares;
    double bound;
  };
  class Update;

  /// Takes in rows of the scaled problem, all or none.
  void take_in(const std::vector<std::span<const T>>& rows, std::size_t dof);
  /// \param block  rows of the scaled problem, one after another
  State with_block(const State& state, std::vector<T> block, std::size_t dof) const;

  SVDOptions options_;
  IncrementalOptions incremental_;
  std::size_t dof_ = 0;  ///< 0: unknown
  State state_;
  std::optional<SpaceScaling<T>> scaling_;  ///< of options that have one, from the first state on
  std::vector<T> waiting_;                  ///< scaled states of an incomplete block, one after another
  std::size_t num_dropped_ = 0;
};

/// The same in double precision.
using IncrementalSVD = BasicIncrementalSVD<double>;

}  // namespace fieldfold
