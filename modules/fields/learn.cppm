/// Field spaces from options and snapshots.
export module fieldfold.fields.learn;

import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.rows.source;

export namespace fieldfold {

/// The space of options that need no snapshots, for states that arrive one at a time, without a mean.
/// \param fields  names
/// \throws InvalidArgument  options that need all snapshots (deviations, `minmax`, `zscore`, masks, sample
///                          weights, filled gaps); a mass matrix; weights for another number of points
FieldSpace fixed_space(const FieldOptions& options, const std::vector<std::string>& fields, std::size_t num_pts);

/// Options for learning a space.
struct SpaceLearning {
  /// Every k-th snapshot is held out; 0: none is.
  std::size_t leave_out_every = 0;
  /// Threads to use; 0: as many as the machine has.
  std::size_t threads = 0;
  /// The rows of this rank, whole points; options with a number for each point have those of the rank.
  RowPartition partition = {};
  /// Progress callback, as in `StatisticsRequest`.
  std::function<void(double share)> progress = {};
};

/// A space, and the statistics of its training snapshots.
struct LearnedSpace {
  FieldSpace space;
  SnapshotStatistics statistics;
};

/// Learns the space of snapshots `(dof, num_samples)`.
/// \param fields  names
/// \throws InvalidArgument  weights or a mass matrix for another number of points or snapshots; as
///                          `snapshot_statistics` and `transform_of`
template <class T>
LearnedSpace learn_space(const RowSource<T>& snapshots, const FieldOptions& options,
                         const std::vector<std::string>& fields, const SpaceLearning& learning = {});

}  // namespace fieldfold
