module fieldfold.linalg.signs;

import fieldfold.base.arrays;
import fieldfold.base.communicator;

namespace fieldfold {
namespace {

/// The smallest magnitude that ties with a largest one.
template <class T>
T tie_with(T largest) {
  return (1 - std::sqrt(std::numeric_limits<T>::epsilon())) * largest;
}

}  // namespace

template <class T>
void ColumnSigns<T>::take(std::size_t column, Record record) {
  auto& records = records_[column];
  if (std::abs(record.entry) <= (records.empty() ? T{0} : std::abs(records.back().entry))) return;
  const T tie = tie_with(std::abs(record.entry));
  std::erase_if(records, [=](const Record& earlier) { return std::abs(earlier.entry) < tie; });
  records.push_back(record);
}

template <class T>
void ColumnSigns<T>::add(MatrixView<const T> rows) {
  std::vector<T> largest(rows.cols, T{0});
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const T* const row = rows.row(i).data();
    for (std::size_t j = 0; j < rows.cols; ++j) largest[j] = std::max(largest[j], std::abs(row[j]));
  }
  for (std::size_t j = 0; j < rows.cols; ++j)
    if (records_[j].empty() || largest[j] > std::abs(records_[j].back().entry))
      for (std::size_t i = 0; i < rows.rows; ++i) take(j, {rows(i, j), rows_ + i});
  rows_ += rows.rows;
}

template <class T>
void ColumnSigns<T>::append(const ColumnSigns& next) {
  for (std::size_t j = 0; j < records_.size(); ++j)
    for (const Record& record : next.records_[j]) take(j, {record.entry, rows_ + record.row});
  rows_ += next.rows_;
}

template <class T>
std::vector<T> ColumnSigns<T>::signs(const RowPartition& partition) const {
  std::vector<double> largest;
  largest.reserve(records_.size());
  for (const auto& records : records_)
    largest.push_back(records.empty() ? 0.0 : std::abs(static_cast<double>(records.back().entry)));
  partition.maximum(largest);
  // The first row of all ranks that ties with the largest, and its sign: -2 number for +, -(2 number + 1) for -.
  std::vector<double> decisive(records_.size(), -std::numeric_limits<double>::infinity());
  for (std::size_t j = 0; j < records_.size(); ++j) {
    const T tie = tie_with(static_cast<T>(largest[j]));
    const auto first =
        std::ranges::find_if(records_[j], [=](const Record& record) { return std::abs(record.entry) >= tie; });
    if (first != records_[j].end())
      decisive[j] = -(2.0 * static_cast<double>(partition.number(first->row)) + (first->entry < 0 ? 1.0 : 0.0));
  }
  partition.maximum(decisive);
  std::vector<T> signs;
  signs.reserve(records_.size());
  for (const double code : decisive)
    signs.push_back(std::isfinite(code) && static_cast<std::uint64_t>(-code) % 2 == 1 ? T{-1} : T{1});
  return signs;
}

template <class T>
void scale_columns(MatrixView<T> matrix, const std::vector<T>& factors) {
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    T* const row = matrix.row(i).data();
    for (std::size_t j = 0; j < matrix.cols; ++j) row[j] *= factors[j];
  }
}

template <class T>
void fix_signs(xt::xarray<T>& u, xt::xarray<T>& v) {
  ColumnSigns<T> column_signs(u.shape(1));
  column_signs.add(as_matrix(std::as_const(u)));
  const auto signs = column_signs.signs();
  scale_columns(as_matrix(u), signs);
  scale_columns(as_matrix(v), signs);
}

template class ColumnSigns<double>;
template class ColumnSigns<float>;
template void scale_columns(MatrixView<double>, const std::vector<double>&);
template void scale_columns(MatrixView<float>, const std::vector<float>&);
template void fix_signs(xt::xarray<double>&, xt::xarray<double>&);
template void fix_signs(xt::xarray<float>&, xt::xarray<float>&);

}  // namespace fieldfold
