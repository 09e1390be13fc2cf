/// An incremental singular value decomposition, for the snapshots of a running solver.
export module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.compression.grid;
import fieldfold.fields.scaling;
import fieldfold.pod.svd;

export namespace fieldfold {

/// Truncation and weighting of an incremental decomposition.
struct IncrementalOptions {
  /// Largest number of modes; none: as many as the tolerance requires.
  std::optional<std::size_t> max_rank = std::nullopt;
  /// Largest error bound that truncation may reach, relative to the Frobenius norm of the snapshots; not negative. 0
  /// truncates rounding errors only. With `max_rank` the bound may exceed it.
  double tolerance = 0.0;
  /// Forgetting factor in (0, 1]: each snapshot has this times the weight of the next. Singular values, energy and
  /// bound are those of the weighted snapshots.
  double forgetting = 1.0;
  /// Snapshots per update: larger blocks need less work per snapshot, and memory for as many states.
  std::size_t block = 16;
};

/// An SVD of all snapshots added so far; it stores the leading modes and the coefficients, but not the snapshots.
///
/// Snapshots are projected twice on the basis and the residuals are orthonormalized; the small matrix of their
/// coefficients is decomposed, and the basis rotated to its singular vectors (Brand 2006,
/// doi:10.1016/j.laa.2005.07.021; in blocks, Baker, Gallivan and Van Dooren 2012, doi:10.1016/j.laa.2011.07.018). Each
/// update reorthonormalizes the basis. The norms of the truncated parts add up to an error bound.
///
/// A call that throws leaves the object unchanged, but for the `update` of `finish`.
template <class T>
class BasicIncrementalSVD : public BasicCompression<T> {
 public:
  /// \param grid     the fields and their grid
  /// \param options  of the SVD from `finish`; `threads` applies to the updates too
  /// \throws InvalidArgument  as `BasicSVD`; field options that learn from snapshots (`fixed_space`); a rule that needs
  ///                          all modes (`sample_tol`, `optimal_threshold`) or `validate_every`; a number of
  ///                          `incremental` out of range
  explicit BasicIncrementalSVD(CompressionOptions grid = {}, IncrementalOptions incremental = {},
                               SVDOptions options = {});

  /// Adds snapshots: all, or none if it throws. Those with NaN or infinity are dropped and counted.
  /// \param states  `(*loop_shape, dof)`, in chronological order
  /// \throws InvalidArgument  a length that differs from that of earlier states, or does not fit coords, fields and
  ///                          weights; the logarithm of a number that is not positive
  /// \throws NumericalError   sums of squares overflow; a decomposition did not converge
  void add(const ArrayRef<T>& states);

  /// \param fields  each `(*loop_shape, num_pts)`
  void add(const BasicFields<T>& fields);

  /// Merges the decomposition of other snapshots of the same fields. Its coefficients follow those of this one.
  /// \throws InvalidArgument  another length of states, other fields or other field options
  void merge(const BasicIncrementalSVD& other);

  /// Processes the snapshots of an incomplete block. The members below describe the processed snapshots.
  void update();

  /// The number of processed snapshots, and of those dropped because of NaN or infinity.
  std::size_t num_samples() const { return state_.coefficients.shape(0); }
  std::size_t num_dropped() const { return num_dropped_; }

  /// The number of modes.
  std::size_t rank() const { return state_.s.size(); }

  /// The basis, `(dof, rank)` with orthonormal columns, and the singular values, `(rank,)`, descending; both of the
  /// scaled problem of the field options (`SpaceScaling`).
  const xt::xarray<T>& basis() const { return state_.basis; }
  const xt::xarray<double>& singular_values() const { return state_.s; }

  /// A bound of `||A - U U^T A|| / ||A||` in the Frobenius norm, for the processed (weighted) snapshots A.
  double error_bound() const;

  /// The SVD of all snapshots added so far, after an `update`; more may be added later. The rule of the options chooses
  /// its rank; without a rule it has all modes. Its singular values are those of the kept modes; errors of single
  /// snapshots are unknown.
  /// \throws InvalidArgument  no snapshot, or only zeros; a rank above the number of kept modes
  BasicSVD<T> finish();

 private:
  /// The decomposition `A ~ basis diag(s) V^T`; each update makes a new one.
  struct State {
    xt::xarray<T> basis = xt::xarray<T>::from_shape({0, 0});                   ///< `(dof, rank)`
    xt::xarray<double> s = xt::xarray<double>::from_shape({0});                ///< `(rank,)`
    xt::xarray<double> coefficients = xt::xarray<double>::from_shape({0, 0});  ///< `(num_samples, rank)`: U^T A
    double squares = 0.0;  ///< sum of squares of all (weighted) snapshots
    double bound = 0.0;    ///< error bound in the Frobenius norm
  };
  /// Singular values, sum of squares and error bound at the start of an update.
  struct Totals {
    xt::xarray<double> s;
    double squares;
    double bound;
  };
  class Update;

  /// Adds rows of the scaled problem, all or none: processes complete blocks and stores the rest.
  void take_in(const std::vector<std::span<const T>>& rows, std::size_t dof);
  /// The state after another block. \param block  rows of the scaled problem, contiguous
  State with_block(const State& state, std::vector<T> block, std::size_t dof) const;

  SVDOptions options_;
  IncrementalOptions incremental_;
  std::size_t dof_ = 0;  ///< 0: unknown
  State state_;
  std::optional<SpaceScaling<T>> scaling_;  ///< set by the first state, unless the options are plain
  std::vector<T> waiting_;                  ///< scaled states of the incomplete block, contiguous
  std::size_t num_dropped_ = 0;
};

/// The same in double precision.
using IncrementalSVD = BasicIncrementalSVD<double>;

}  // namespace fieldfold
