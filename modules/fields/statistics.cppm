/// Statistics of snapshots: missing numbers, means, deviations.
export module fieldfold.fields.statistics;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.fields.normalization;
import fieldfold.rows.source;

export namespace fieldfold {

/// The requested statistics of snapshots `(dof, num_samples)`.
struct StatisticsRequest {
  /// One per field; fields are interleaved as in `FieldLayout`.
  std::vector<std::string> fields;
  std::vector<Normalization> normalizations;
  bool wants_means = false;       ///< of each row
  bool wants_deviations = false;  ///< of each row
  /// Rows without any finite number are masked, and do not count as missing; so are rows with fewer finite numbers than
  /// this share.
  bool finds_masked_rows = false;
  double mask_share = 0.0;
  /// Whether columns with gaps are kept rather than dropped.
  bool keeps_gappy_columns = false;
  /// `(num_samples,)`; 0 for a column held out.
  std::vector<double> column_weights;
  /// `(num_pts,)`; empty: 1.
  xt::xarray<double> point_weights = zeros<double>({0});
  std::size_t threads = 1;
  /// The rows of this rank; the statistics of columns and fields are those of all ranks.
  RowPartition partition = {};
  /// Progress callback, given the completed share of a pass; an exception thrown by it aborts the pass.
  std::function<void(double share)> progress = {};
};

/// A missing number in a column that is kept.
struct Gap {
  std::size_t row;
  std::size_t column;
  double value;  ///< its estimate, after the logarithm of a logarithmic field
};

/// Statistics of the finite numbers in the columns neither held out nor dropped, after the logarithm of logarithmic
/// fields. Means and deviations are weighted.
struct SnapshotStatistics {
  std::vector<std::uint8_t> masked = {};               ///< `(dof,)`, 1 for masked rows; empty: none
  xt::xarray<double> means = zeros<double>({0});       ///< `(dof,)`; empty if not wanted
  xt::xarray<double> deviations = zeros<double>({0});  ///< `(dof,)`: standard deviations, 0 for constant rows
  std::vector<FieldStatistics> fields = {};            ///< one per field
  std::vector<Gap> gaps = {};                          ///< sorted by row, then column; estimated by the row means
  std::vector<double> finite_weights = {};  ///< `(dof,)`: sums of the weights of finite numbers; empty: all equal
};

/// Computes statistics in one pass over the snapshots, and three more where numbers are missing.
/// \throws InvalidArgument  the logarithm of a number that is not positive (the message names the field); with
///                          `keeps_gappy_columns`, an unmasked row without any finite number
template <class T>
SnapshotStatistics snapshot_statistics(const RowSource<T>& source, const StatisticsRequest& request);

/// `log10(x + offset)`, NaN if x is not finite. \param field  name, for messages
/// \throws InvalidArgument  `x + offset` is not positive
double logarithm_of(double x, double offset, const std::string& field);

}  // namespace fieldfold
