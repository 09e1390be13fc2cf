module;

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// Statistics of snapshots: missing numbers, means, deviations.
export module fieldfold.fields.statistics;

import fieldfold.base.arrays;
import fieldfold.fields.normalization;
import fieldfold.rows.source;

export namespace fieldfold {

/// The statistics wanted of snapshots `(dof, num_samples)`.
struct StatisticsRequest {
  /// One a field, interleaved as in `FieldLayout`.
  std::vector<std::string> fields;
  std::vector<Normalization> normalizations;
  bool wants_means = false;       ///< of each row
  bool wants_deviations = false;  ///< of each row
  /// Rows without a finite number in any column are masked, and do not count as missing.
  bool finds_masked_rows = false;
  /// Columns with missing numbers are learned from too.
  bool keeps_gappy_columns = false;
  /// `(num_samples,)`; 0 for a column that is not learned from.
  std::vector<double> column_weights;
  /// `(num_pts,)`; empty: 1.
  xt::xarray<double> point_weights = xt::zeros<double>({0});
  std::size_t threads = 1;
  /// Progress callback: the share of a pass that is done; an exception thrown by it aborts the pass.
  std::function<void(double share)> progress = {};
};

/// A missing number of a column that is learned from.
struct Gap {
  std::size_t row;
  std::size_t column;
  double value;  ///< its estimate, after the logarithm if the field has one
};

/// Means and deviations are weighted; they are those of the finite numbers in the columns that are learned from, after
/// the logarithm of fields that have one.
struct SnapshotStatistics {
  std::vector<std::uint8_t> masked = {};              ///< `(dof,)`, 1 for masked rows; empty: none
  xt::xarray<double> means = xt::zeros<double>({0});  ///< `(dof,)`; empty if not wanted
  xt::xarray<double> deviations = xt::zeros<double>({0});  ///< `(dof,)`: standard deviations, 0 for constant rows
  std::vector<FieldStatistics> fields = {};                ///< one a field
  std::vector<Gap> gaps = {};  ///< in the order of rows, then columns; their estimates are the means of the rows
  std::vector<double> finite_weights = {};  ///< `(dof,)`: sums of the weights of finite numbers; empty: all alike
};

/// Computes statistics in one pass over the snapshots, and two more where numbers are missing.
/// \throws InvalidArgument  the logarithm of a number that is not positive, which names the field; with
///                          `keeps_gappy_columns`, a row without any number that is not masked
template <class T>
SnapshotStatistics snapshot_statistics(const RowSource<T>& source, const StatisticsRequest& request);

/// `log10(x + offset)`, NaN where x is not finite. \param field  its name, for messages
/// \throws InvalidArgument  `x + offset` is not positive
double logarithm_of(double x, double offset, const std::string& field);

}  // namespace fieldfold
