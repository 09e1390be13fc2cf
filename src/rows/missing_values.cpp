module fieldfold.rows.missing_values;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// Numbers that may stand for a missing value: the least and the largest one, if they are far from most others, which
/// differ, and at least one in a hundred and three in all.
/// \param numbers  ascending
std::vector<double> outliers_among(const std::vector<double>& numbers) {
  constexpr double far = 3.0;
  if (numbers.empty() || numbers.front() == numbers.back()) return {};
  // Without the extremes, so that one fill value does not hide another.
  const auto inner =
      std::span(std::ranges::upper_bound(numbers, numbers.front()), std::ranges::lower_bound(numbers, numbers.back()));
  if (inner.empty()) return {};
  const auto quantile = [&](std::size_t percent) { return inner[(inner.size() - 1) * percent / 100]; };
  const double low = quantile(2);
  const double high = quantile(98);
  const auto is_frequent = [&](std::ptrdiff_t count) {
    return count >= 3 && 100 * static_cast<std::size_t>(count) >= numbers.size();
  };
  std::vector<double> found;
  if (high > low && is_frequent(inner.data() - numbers.data()) && low - numbers.front() > far * (high - low))
    found.push_back(numbers.front());
  if (high > low && is_frequent(numbers.data() + numbers.size() - (inner.data() + inner.size())) &&
      numbers.back() - high > far * (high - low))
    found.push_back(numbers.back());
  return found;
}

}  // namespace

std::optional<std::size_t> matching_missing_value(double number, std::span<const double> missing_values) {
  // Fill values beyond any measurement are often given with three digits only.
  constexpr double huge = 1e10;
  for (std::size_t k = 0; k < missing_values.size(); ++k) {
    const double magnitude = std::abs(missing_values[k]);
    if (std::abs(number - missing_values[k]) <= (magnitude > huge ? 1e-3 : 1e-6) * magnitude) return k;
  }
  return std::nullopt;
}

bool is_missing_value(double number, std::span<const double> missing_values) {
  return matching_missing_value(number, missing_values).has_value();
}

template <class T>
MatrixView<const T> RowsWithMissingValues<T>::marked(MatrixView<const T> given, std::vector<T>& buffer) const {
  buffer.resize(given.rows * given.cols);
  std::vector<char> found(missing_values_.size(), 0);
  for (std::size_t i = 0; i < given.rows; ++i)
    for (std::size_t j = 0; j < given.cols; ++j) {
      const auto match = matching_missing_value(static_cast<double>(given(i, j)), missing_values_);
      if (match) found[*match] = 1;
      buffer[i * given.cols + j] = match ? std::numeric_limits<T>::quiet_NaN() : given(i, j);
    }
  const std::scoped_lock lock(guard_);
  for (std::size_t k = 0; k < found.size(); ++k) found_[k] = static_cast<char>(found_[k] | found[k]);
  return {buffer.data(), given.rows, given.cols};
}

template <class T>
std::vector<double> RowsWithMissingValues<T>::not_found() const {
  const std::scoped_lock lock(guard_);
  std::vector<double> values;
  for (std::size_t k = 0; k < found_.size(); ++k)
    if (found_[k] == 0) values.push_back(missing_values_[k]);
  return values;
}

template <class T>
MatrixView<const T> RowsWithMissingValues<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  if (missing_values_.empty()) return source_.read(first, count, buffer);
  std::vector<T> given;
  return marked(source_.read(first, count, given), buffer);
}

template <class T>
MatrixView<const T> RowsWithMissingValues<T>::read_columns(std::size_t first, std::size_t count,
                                                           std::vector<T>& buffer) const {
  if (missing_values_.empty()) return source_.read_columns(first, count, buffer);
  std::vector<T> given;
  return marked(source_.read_columns(first, count, given), buffer);
}

template <class S>
void warn_of_likely_missing_values(const RowSource<S>& snapshots, const std::vector<std::string>& fields,
                                   std::string_view advice, std::string_view subject) {
  constexpr std::size_t blocks = 8;
  constexpr std::size_t block_points = 32;
  constexpr std::size_t most_columns = 1024;
  const std::size_t num_qoi = fields.size();
  const std::size_t points = snapshots.rows() / num_qoi;
  const std::size_t step = std::max<std::size_t>(1, points / blocks);
  const std::size_t column_step = std::max<std::size_t>(1, snapshots.cols() / most_columns);
  std::vector<std::vector<double>> numbers(num_qoi);
  std::vector<S> buffer;
  for (std::size_t point = 0; point < points; point += step) {
    const std::size_t count = std::min({step, block_points, points - point}) * num_qoi;
    const auto rows = snapshots.read(point * num_qoi, count, buffer);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < rows.cols; j += column_step)
        if (std::isfinite(rows(i, j))) numbers[i % num_qoi].push_back(static_cast<double>(rows(i, j)));
  }
  for (std::size_t field = 0; field < num_qoi; ++field) {
    std::ranges::sort(numbers[field]);
    for (const double value : outliers_among(numbers[field]))
      warn(message(subject, fields[field], ": ", value, " occurs often, and is far from all other numbers", advice));
  }
}

template class RowsWithMissingValues<double>;
template class RowsWithMissingValues<float>;
template void warn_of_likely_missing_values(const RowSource<double>&, const std::vector<std::string>&, std::string_view,
                                            std::string_view);
template void warn_of_likely_missing_values(const RowSource<float>&, const std::vector<std::string>&, std::string_view,
                                            std::string_view);

}  // namespace fieldfold
