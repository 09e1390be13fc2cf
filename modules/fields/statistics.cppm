module;

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What there is in snapshots before anything is learned from them: numbers that are missing, means, spreads.
export module fieldfold.fields.statistics;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.normalization;
import fieldfold.rows.source;

export namespace fieldfold {

/// What is asked of a survey of snapshots `(dof, num_samples)`.
struct SurveyRequest {
  /// One a field; row i is of field `i % fields.size()`.
  std::vector<std::string> fields;
  std::vector<Normalization> normalizations;
  bool wants_means = false;       ///< of each row
  bool wants_deviations = false;  ///< of each row
  /// Rows without a finite number in any column are marked as absent, and missed by nobody.
  bool finds_absent_rows = false;
  /// Columns in which numbers are missing are learned from too.
  bool keeps_gappy_columns = false;
  /// `(num_samples,)`; 0 for a column that is not learned from.
  std::vector<double> column_weights;
  /// `(dof / fields,)`; empty: 1.
  xt::xarray<double> point_weights = xt::zeros<double>({0});
  std::size_t threads = 1;
  /// Hears which share of a pass is done; what it throws ends the survey.
  std::function<void(double share)> progress = {};
};

/// A number that is missing, of a column that is learned from.
struct Gap {
  std::size_t row;
  std::size_t column;
  double value;  ///< what is taken for it, after the logarithm if there is one
};

/// Means and spreads are weighted, of the finite numbers of the columns that are learned from, after the logarithm of
/// fields that have one.
struct Survey {
  std::vector<std::uint8_t> absent = {};              ///< `(dof,)`, 1 for rows that are; empty: none is
  xt::xarray<double> means = xt::zeros<double>({0});  ///< `(dof,)`; empty if nobody wants them
  xt::xarray<double> deviations =
      xt::zeros<double>({0});  ///< `(dof,)`: roots of mean squares; 0 where they are rounding of the mean
  std::vector<FieldStatistics> statistics = {};  ///< one a field
  std::vector<Gap> gaps = {};                    ///< in the order of rows, then columns; the means of the rows
  std::vector<double> weights_of_finite = {};  ///< `(dof,)`: the sum of weights of the finite numbers; empty: all alike
};

/// Reads the snapshots once, and twice more where numbers are missing.
/// \throws InvalidArgument  the logarithm of a number that is not positive, which names the field; with
///                          `keeps_gappy_columns`, a row without any number that is not marked as absent
template <class T>
Survey survey(const RowSource<T>& source, const SurveyRequest& request);

/// `log10(x + offset)`, NaN for what is not finite.
/// \throws InvalidArgument  it is not positive  \param field  its name
double logarithm_of(double x, double offset, const std::string& field);

}  // namespace fieldfold
