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

template class RowSource<double>;
template class RowSource<float>;
template class FieldRows<double>;
template class FieldRows<float>;
template class TransposedRows<double>;
template class TransposedRows<float>;

}  // namespace fieldfold
