module fieldfold.rows.npy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.npy;
import fieldfold.linalg.dense;
import fieldfold.rows.source;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

/// The place in Fortran order of an index of a shape that is counted in C order.
std::size_t fortran_place(const Shape& shape, std::size_t index) {
  std::size_t place = 0;
  std::size_t rest = size_of(shape);
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    rest /= shape[axis];
    place += index % shape[axis] * rest;
    index /= shape[axis];
  }
  return place;
}

/// Reads lines `[first, first + count)` of a matrix: its rows or its columns, one line a row of the result.
/// \param are_contiguous  whether the file holds each line in one piece
/// \param shape           {lines, numbers in a line} of the whole matrix
template <class T>
MatrixView<const T> read_lines(const NpyFile& file, bool are_contiguous, std::size_t first, std::size_t count,
                               std::array<std::size_t, 2> shape, std::vector<T>& buffer) {
  const auto [lines, length] = shape;
  buffer.resize(count * length);
  if (are_contiguous) {
    file.read(first * length, count * length, buffer.data());
  } else {
    std::vector<T> across(count * length);
    for (std::size_t i = 0; i < length; ++i) file.read(i * lines + first, count, across.data() + i * count);
    transpose_into(MatrixView<const T>{across.data(), length, count}, MatrixView<T>{buffer.data(), count, length});
  }
  return {buffer.data(), count, length};
}

}  // namespace

template <class T>
NpyRows<T>::NpyRows(const std::filesystem::path& path) : file_(path) {
  if (file_.header().shape.size() != 2)
    throw InvalidArgument(message(path.string(), ": expected snapshots of the shape (dof, num_samples), got ",
                                  shape_text(file_.header().shape)));
}

template <class T>
std::size_t NpyRows<T>::block_rows() const {
  return file_.header().fortran_order ? scattered_rows(cols()) : RowSource<T>::block_rows();
}

template <class T>
MatrixView<const T> NpyRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  return read_lines(file_, !file_.header().fortran_order, first, count, {rows(), cols()}, buffer);
}

template <class T>
MatrixView<const T> NpyRows<T>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  return read_lines(file_, file_.header().fortran_order, first, count, {cols(), rows()}, buffer);
}

void NpyArray::read_numbers(std::size_t first, std::size_t count, double* numbers) const {
  file_.read(first, count, numbers);
}

void NpyArray::read(const ArrayPart& part, double* numbers) const {
  if (!is_fortran_order()) return SequentialArray::read(part, numbers);
  std::vector<double> across(part.rows * part.cols);
  read_transposed(part, {across.data(), part.cols, part.rows});
  transpose_into(MatrixView<const double>{across.data(), part.cols, part.rows},
                 MatrixView<double>{numbers, part.rows, part.cols});
}

void NpyArray::read_transposed(const ArrayPart& part, MatrixView<double> numbers) const {
  if (!is_fortran_order()) return SequentialArray::read_transposed(part, numbers);
  // The rows of a column lie together.
  const auto split = shape().begin() + static_cast<std::ptrdiff_t>(part.loop_axes);
  const Shape loop(shape().begin(), split);
  const Shape inner(split, shape().end());
  const std::size_t all = size_of(loop);
  if (loop.size() == 1 && (part.rows < all || inner.size() > 1)) {
    for (std::size_t i = 0; i < part.cols; ++i)
      file_.read(fortran_place(inner, part.first_col + i) * all + part.first_row, part.rows, numbers.row(i).data());
    return;
  }
  std::vector<double> lines(part.cols * all);
  if (inner.size() <= 1)
    file_.read(part.first_col * all, lines.size(), lines.data());
  else
    for (std::size_t i = 0; i < part.cols; ++i)
      file_.read(fortran_place(inner, part.first_col + i) * all, all, lines.data() + i * all);
  std::vector<std::size_t> places(part.rows);
  for (std::size_t j = 0; j < part.rows; ++j) places[j] = fortran_place(loop, part.first_row + j);
  for (std::size_t i = 0; i < part.cols; ++i)
    for (std::size_t j = 0; j < part.rows; ++j) numbers(i, j) = lines[i * all + places[j]];
}

template class NpyRows<double>;
template class NpyRows<float>;

}  // namespace fieldfold
