module fieldfold.linalg.signs;

import fieldfold.base.arrays;

namespace fieldfold {

template <class T>
void ColumnSigns<T>::take(std::size_t column, T entry) {
  auto& records = records_[column];
  if (std::abs(entry) <= (records.empty() ? T{0} : std::abs(records.back()))) return;
  const T tie = (1 - std::sqrt(std::numeric_limits<T>::epsilon())) * std::abs(entry);
  std::erase_if(records, [=](T earlier) { return std::abs(earlier) < tie; });
  records.push_back(entry);
}

template <class T>
void ColumnSigns<T>::add(MatrixView<const T> rows) {
  std::vector<T> largest(rows.cols, T{0});
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const T* const row = rows.row(i).data();
    for (std::size_t j = 0; j < rows.cols; ++j) largest[j] = std::max(largest[j], std::abs(row[j]));
  }
  for (std::size_t j = 0; j < rows.cols; ++j)
    if (records_[j].empty() || largest[j] > std::abs(records_[j].back()))
      for (std::size_t i = 0; i < rows.rows; ++i) take(j, rows(i, j));
}

template <class T>
void ColumnSigns<T>::append(const ColumnSigns& next) {
  for (std::size_t j = 0; j < records_.size(); ++j)
    for (const T entry : next.records_[j]) take(j, entry);
}

template <class T>
std::vector<T> ColumnSigns<T>::signs() const {
  std::vector<T> signs;
  signs.reserve(records_.size());
  for (const auto& records : records_) signs.push_back(!records.empty() && records.front() < 0 ? T{-1} : T{1});
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
