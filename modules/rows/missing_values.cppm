/// Numbers that stand for missing values.
export module fieldfold.rows.missing_values;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.rows.source;

export namespace fieldfold {

/// The index of the missing value that a number stands for: it equals it to a relative difference of 1e-6, or of 1e-3
/// for missing values above 1e10.
std::optional<std::size_t> matching_missing_value(double number, std::span<const double> missing_values);
bool is_missing_value(double number, std::span<const double> missing_values);

/// A source with NaN in place of missing values; without any, the source as it is.
template <class T>
class RowsWithMissingValues final : public RowSource<T> {
 public:
  /// \param source  it must outlive this object
  RowsWithMissingValues(const RowSource<T>& source, std::vector<double> missing_values)
      : source_(source), missing_values_(std::move(missing_values)), found_(missing_values_.size(), 0) {}

  /// The missing values that have not been read so far.
  std::vector<double> not_found() const;
  std::size_t rows() const override { return source_.rows(); }
  std::size_t cols() const override { return source_.cols(); }
  std::size_t block_rows() const override { return source_.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;

  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override;
  bool has_fast_rows() const override { return source_.has_fast_rows(); }
  bool reads_columns() const override { return source_.reads_columns(); }

 private:
  MatrixView<const T> marked(MatrixView<const T> given, std::vector<T>& buffer) const;

  const RowSource<T>& source_;
  std::vector<double> missing_values_;
  mutable std::mutex guard_;
  mutable std::vector<char> found_;  ///< whether each missing value has been read
};

/// Warns of numbers that are likely to stand for a missing value: the least and the largest one of a sample of the
/// rows, if it is far from most others, which differ, and at least one in a hundred and three in all.
/// \param fields   the names of the fields at a point, whose rows are adjacent
/// \param advice   the end of the warning
/// \param subject  its beginning, before a name
template <class S>
void warn_of_likely_missing_values(const RowSource<S>& snapshots, const std::vector<std::string>& fields,
                                   std::string_view advice, std::string_view subject = "field ");

}  // namespace fieldfold
