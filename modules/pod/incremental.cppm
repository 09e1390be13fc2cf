/// An incremental singular value decomposition, for the snapshots of a running solver.
export module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.parallel;
import fieldfold.base.standard;
import fieldfold.compression.grid;
import fieldfold.decomposition.incremental;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
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
  /// Snapshots per update: larger blocks need less work per snapshot, and memory for as many states. None: 16 or, of
  /// short states, more (up to 32 MiB). Many short states added at once are processed in larger blocks.
  std::optional<std::size_t> block = std::nullopt;
};

/// The progress of an incremental SVD, to be continued later.
template <class T>
struct IncrementalCheckpoint {
  IncrementalState<T> state;    ///< of the processed snapshots, in the scaled problem of the field options
  std::vector<T> waiting = {};  ///< scaled states of the incomplete block, contiguous
  std::size_t num_waiting = 0;  ///< their number
  std::size_t dof = 0;          ///< the length of the states, of their numbers on this rank; 0: unknown
  std::size_t num_dropped = 0;
};

/// An SVD of all snapshots added so far; it stores the leading modes and the coefficients, but not the snapshots.
///
/// Each block of snapshots updates a truncated decomposition (`updated`), whose error bound is the sum of the norms of
/// the truncated parts. With `center` the decomposition is that of the deviations from the running mean (Ross, Lim, Lin
/// and Yang 2008, doi:10.1007/s11263-007-0075-7).
///
/// Points may be distributed among ranks (`CompressionOptions::communicator`); all members that change the object are
/// collective then.
///
/// A call that throws leaves the object unchanged, but for the `update` of `finish`.
template <class T>
class BasicIncrementalSVD : public BasicCompression<T> {
 public:
  /// \param grid     the fields and their grid
  /// \param options  of the SVD from `finish`; `threads` applies to the updates too
  /// \throws InvalidArgument  as `BasicSVD`; field options that need all snapshots (`fixed_space`), except for
  /// `center`;
  ///                          a rule that needs all modes (`sample_tol`, `optimal_threshold`) or `validate_every`; a
  ///                          number of `incremental` out of range
  explicit BasicIncrementalSVD(CompressionOptions grid = {}, IncrementalOptions incremental = {},
                               SVDOptions options = {});

  /// Continues from a checkpoint of an object with the same options: results are the same, bit for bit, as without the
  /// interruption. \throws InvalidArgument  also for an inconsistent checkpoint
  BasicIncrementalSVD(CompressionOptions grid, IncrementalOptions incremental, SVDOptions options,
                      IncrementalCheckpoint<T> checkpoint);

  /// Adds snapshots: all, or none if it throws. Those with NaN or infinity are dropped and counted.
  /// \param states  `(*loop_shape, dof)`, in chronological order
  /// \throws InvalidArgument  a length that differs from that of earlier states, or does not fit coords, fields and
  ///                          weights; the logarithm of a number that is not positive
  /// \throws NumericalError   sums of squares overflow; a decomposition did not converge
  void add(const ArrayRef<T>& states);

  /// \param fields  each `(*loop_shape, num_pts)`
  void add(const BasicFields<T>& fields);

  /// Merges the decomposition of other snapshots of the same fields. Its coefficients follow those of this one.
  /// \throws InvalidArgument  another length of states, other fields, or other options that change the decomposition;
  /// the
  ///                          message names them
  void merge(const BasicIncrementalSVD& other);

  /// Processes the snapshots of an incomplete block. The members below describe the processed snapshots.
  void update();

  /// The number of processed snapshots, and of those dropped because of NaN or infinity.
  std::size_t num_samples() const { return progress_.state.coefficients.shape(0); }
  std::size_t num_dropped() const { return progress_.num_dropped; }

  /// The number of modes.
  std::size_t rank() const { return progress_.state.s.size(); }

  /// The basis, `(dof, rank)` with orthonormal columns, and the singular values, `(rank,)`, descending; both of the
  /// scaled problem of the field options (`SpaceScaling`).
  const xt::xarray<T>& basis() const { return progress_.state.basis; }
  const xt::xarray<double>& singular_values() const { return progress_.state.s; }

  /// A bound of `||A - U U^T A|| / ||A||` in the Frobenius norm, for the processed (weighted) snapshots A, or their
  /// deviations from the mean.
  double error_bound() const;

  /// The SVD of all snapshots added so far, after an `update`; more may be added later. The rule of the options chooses
  /// its rank; without a rule it has all modes. Its singular values are those of the kept modes; errors of single
  /// snapshots are unknown, and those of all snapshots are estimates. As in `BasicSVD`, a rank above that of the
  /// snapshots adds orthonormal columns with singular values of 0.
  /// \throws InvalidArgument  no snapshot, or only zeros; a rank above min(dof, samples), or above the number of modes
  ///                          that `max_rank` and `tolerance` keep
  BasicSVD<T> finish();

  /// The options, and the progress so far.
  const IncrementalOptions& incremental_options() const { return incremental_; }
  const SVDOptions& options() const { return options_; }
  const IncrementalCheckpoint<T>& checkpoint() const { return progress_; }

 private:
  void add_states(const ArrayRef<T>& states);
  void merge_states(const BasicIncrementalSVD& other);
  void update_state();
  BasicSVD<T> finished();
  Pass pass() const { return {.threads = options_.threads, .partition = partition_}; }
  IncrementalTruncation truncation() const { return {incremental_.max_rank, incremental_.tolerance}; }
  std::optional<SpaceScaling<T>> scaling_for(std::size_t num_pts) const;
  /// Adds rows of the scaled problem, all or none: processes complete blocks and stores the others.
  /// \param squares  of the rows, on all ranks
  void take_in(const std::vector<std::span<const T>>& rows, const std::vector<double>& squares, std::size_t dof);
  /// The state after another block. \param block  `count` rows of the scaled problem, contiguous
  IncrementalState<T> with_block(const IncrementalState<T>& state, std::vector<T> block, std::size_t count,
                                 std::size_t dof) const;
  IncrementalState<T> with_centered_block(const IncrementalState<T>& state, std::vector<T> block, std::size_t dof,
                                          std::vector<double> weights, double fade) const;
  IncrementalState<T> with_shifted_mean(const IncrementalState<T>& state, std::vector<T> rows,
                                        std::vector<double> weights, const xt::xarray<double>* to_rows,
                                        const IncrementalState<T>& added) const;
  void expect_same_options(const BasicIncrementalSVD& other) const;
  std::size_t chosen_rank(double unresolved) const;
  std::optional<FieldSpace> learned_space() const;

  SVDOptions options_;
  IncrementalOptions incremental_;
  IncrementalCheckpoint<T> progress_;
  double waiting_squares_ = 0.0;            ///< the sum of squares of the incomplete block, of all ranks
  RowPartition partition_;                  ///< of the numbers of states; set by the first state
  std::optional<SpaceScaling<T>> scaling_;  ///< set by the first state, unless the options are plain
};

/// The same in double precision.
using IncrementalSVD = BasicIncrementalSVD<double>;

}  // namespace fieldfold
