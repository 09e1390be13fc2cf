module fieldfold.rows.source;

import fieldfold.base.arrays;
import fieldfold.linalg.dense;

namespace fieldfold {

template <class T>
RowSource<T>::~RowSource() = default;

template <class T>
std::size_t RowSource<T>::block_rows() const {
  constexpr std::size_t block_numbers = std::size_t{1} << 17;
  return std::max<std::size_t>(256, block_numbers / std::max<std::size_t>(1, cols()));
}

template <class T>
MatrixView<const T> TransposedRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const std::size_t n = matrix_.rows;
  buffer.resize(count * n);
  transpose_into<T>({matrix_.data + first, n, count, matrix_.stride}, {buffer.data(), count, n});
  return {buffer.data(), count, n};
}

template <class T>
MatrixView<const T> FieldRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const std::size_t num_qoi = fields_.size();
  const std::size_t first_point = first / num_qoi;
  const std::size_t points = (first + count + num_qoi - 1) / num_qoi - first_point;
  buffer.resize(points * num_qoi * cols());
  const MatrixView<T> block{buffer.data(), points * num_qoi, cols()};
  for (std::size_t qoi = 0; qoi < num_qoi; ++qoi) {
    const auto& values = fields_[qoi].matrix;
    transpose_into<T>({values.data + first_point, values.rows, points, values.stride}, every(num_qoi, qoi, block));
  }
  return {block.row(first - first_point * num_qoi).data(), count, cols()};
}

template <class T>
MatrixView<const T> SelectedColumns<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  std::vector<T> all;
  const auto rows = source_.read(first, count, all);
  buffer.resize(count * columns_.size());
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < columns_.size(); ++j) buffer[i * columns_.size() + j] = rows(i, columns_[j]);
  return {buffer.data(), count, columns_.size()};
}

template <class T>
GappyRows gappy_rows(const RowSource<T>& source) {
  GappyRows result;
  std::vector<T> buffer;
  for (std::size_t first = 0; first < source.rows(); first += source.block_rows()) {
    const auto block = source.read(first, std::min(source.block_rows(), source.rows() - first), buffer);
    for (std::size_t i = 0; i < block.rows; ++i) {
      const auto row = block.row(i);
      const auto finite = static_cast<std::size_t>(std::ranges::count_if(row, [](T x) { return std::isfinite(x); }));
      if (finite < row.size()) ++result.gappy;
      if (finite == 0) ++result.empty;
    }
  }
  return result;
}

bool is_missing_value(double number, std::span<const double> missing_values) {
  return std::ranges::any_of(
      missing_values, [number](double missing) { return std::abs(number - missing) <= 1e-6 * std::abs(missing); });
}

template <class T>
MatrixView<const T> RowsWithMissingValues<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  std::vector<T> given;
  const auto rows = source_.read(first, count, given);
  buffer.resize(count * rows.cols);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < rows.cols; ++j)
      buffer[i * rows.cols + j] = is_missing_value(static_cast<double>(rows(i, j)), missing_values_)
                                      ? std::numeric_limits<T>::quiet_NaN()
                                      : rows(i, j);
  return {buffer.data(), count, rows.cols};
}

template <class To, class From>
MatrixView<const To> ConvertedRows<To, From>::read(std::size_t first, std::size_t count,
                                                   std::vector<To>& buffer) const {
  std::vector<From> given;
  const auto rows = source_.read(first, count, given);
  buffer.resize(count * rows.cols);
  for (std::size_t i = 0; i < count; ++i)
    std::ranges::transform(rows.row(i), buffer.begin() + static_cast<std::ptrdiff_t>(i * rows.cols),
                           [](From x) { return static_cast<To>(x); });
  return {buffer.data(), count, rows.cols};
}

template class RowSource<double>;
template class RowSource<float>;
template class FieldRows<double>;
template class FieldRows<float>;
template class TransposedRows<double>;
template class TransposedRows<float>;

template GappyRows gappy_rows(const RowSource<double>&);
template GappyRows gappy_rows(const RowSource<float>&);
template class SelectedColumns<double>;
template class SelectedColumns<float>;
template class RowsWithMissingValues<double>;
template class RowsWithMissingValues<float>;
template class ConvertedRows<float, double>;

}  // namespace fieldfold
