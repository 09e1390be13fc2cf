module fieldfold.rows.source;

import fieldfold.base.arrays;
import fieldfold.linalg.dense;

namespace fieldfold {

template <class T>
RowSource<T>::~RowSource() = default;

template <class T>
std::size_t RowSource<T>::block_rows() const {
  constexpr std::size_t block_numbers = std::size_t{1} << 17;
  constexpr std::size_t most_numbers = std::size_t{1} << 22;
  const std::size_t columns = std::max<std::size_t>(1, cols());
  return std::max({std::size_t{1}, std::min<std::size_t>(256, most_numbers / columns), block_numbers / columns});
}

template <class T>
std::size_t RowSource<T>::block_columns() const {
  constexpr std::size_t block_numbers = std::size_t{1} << 17;
  return std::clamp<std::size_t>(block_numbers / std::max<std::size_t>(1, rows()), 16, 4096);
}

template <class T>
MatrixView<const T> RowSource<T>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  std::vector<T> own;
  buffer.resize(count * rows());
  const MatrixView<T> result{buffer.data(), count, rows()};
  for (std::size_t row = 0; row < rows(); row += block_rows()) {
    const auto block = read(row, std::min(block_rows(), rows() - row), own);
    for (std::size_t i = 0; i < block.rows; ++i)
      for (std::size_t j = 0; j < count; ++j) result(j, row + i) = block(i, first + j);
  }
  return readable(result);
}

template <class T>
MatrixView<const T> MatrixRows<T>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  buffer.resize(count * matrix_.rows);
  transpose_into<T>({matrix_.data + first, matrix_.rows, count, matrix_.stride}, {buffer.data(), count, matrix_.rows});
  return {buffer.data(), count, matrix_.rows};
}

template <class T>
MatrixView<const T> FieldRows<T>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const std::size_t num_qoi = fields_.size();
  if (num_qoi == 1) {
    const auto& values = fields_.front().matrix;
    return {values.row(first).data(), count, values.cols, values.stride};
  }
  buffer.resize(count * rows());
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t qoi = 0; qoi < num_qoi; ++qoi) {
      const auto values = fields_[qoi].matrix.row(first + j);
      for (std::size_t p = 0; p < values.size(); ++p) buffer[j * rows() + p * num_qoi + qoi] = values[p];
    }
  return {buffer.data(), count, rows()};
}

template <class T>
MatrixView<const T> SelectedColumns<T>::read_columns(std::size_t first, std::size_t count,
                                                     std::vector<T>& buffer) const {
  std::vector<T> all;
  const std::size_t last = columns_[first + count - 1];
  const auto columns = source_.read_columns(columns_[first], last - columns_[first] + 1, all);
  buffer.resize(count * rows());
  for (std::size_t j = 0; j < count; ++j)
    std::ranges::copy(columns.row(columns_[first + j] - columns_[first]),
                      buffer.begin() + static_cast<std::ptrdiff_t>(j * rows()));
  return {buffer.data(), count, rows()};
}

template <class To, class From>
MatrixView<const To> ConvertedRows<To, From>::read_columns(std::size_t first, std::size_t count,
                                                           std::vector<To>& buffer) const {
  std::vector<From> given;
  return converted(source_.read_columns(first, count, given), buffer);
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
GappyRows gappy_rows(const RowSource<T>& source, double share) {
  GappyRows result;
  std::vector<T> buffer;
  for (std::size_t first = 0; first < source.rows(); first += source.block_rows()) {
    const auto block = source.read(first, std::min(source.block_rows(), source.rows() - first), buffer);
    for (std::size_t i = 0; i < block.rows; ++i) {
      const auto row = block.row(i);
      const auto finite = static_cast<std::size_t>(std::ranges::count_if(row, [](T x) { return std::isfinite(x); }));
      if (finite < row.size()) ++result.gappy;
      if (finite == 0 || static_cast<double>(finite) < share * static_cast<double>(row.size())) ++result.empty;
    }
  }
  return result;
}

template <class To, class From>
MatrixView<const To> ConvertedRows<To, From>::converted(MatrixView<const From> given, std::vector<To>& buffer) const {
  buffer.resize(given.rows * given.cols);
  for (std::size_t i = 0; i < given.rows; ++i)
    std::ranges::transform(given.row(i), buffer.begin() + static_cast<std::ptrdiff_t>(i * given.cols),
                           [](From x) { return static_cast<To>(x); });
  return {buffer.data(), given.rows, given.cols};
}

template <class To, class From>
MatrixView<const To> ConvertedRows<To, From>::read(std::size_t first, std::size_t count,
                                                   std::vector<To>& buffer) const {
  std::vector<From> given;
  return converted(source_.read(first, count, given), buffer);
}

template class RowSource<double>;
template class RowSource<float>;
template class MatrixRows<double>;
template class MatrixRows<float>;
template class FieldRows<double>;
template class FieldRows<float>;
template class TransposedRows<double>;
template class TransposedRows<float>;

template GappyRows gappy_rows(const RowSource<double>&, double);
template GappyRows gappy_rows(const RowSource<float>&, double);
template class SelectedColumns<double>;
template class SelectedColumns<float>;
template class ConvertedRows<float, double>;
// Never used, but g++ refers to their virtual functions where the type is named.
template class ConvertedRows<double, double>;
template class ConvertedRows<float, float>;

}  // namespace fieldfold
