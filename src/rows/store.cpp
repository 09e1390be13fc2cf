module;

#include <sys/mman.h>

module fieldfold.rows.store;

import fieldfold.base.arrays;
import fieldfold.base.io;

namespace fieldfold {

template <class T>
RowStore<T>::~RowStore() = default;

template <class T>
void ArrayStore<T>::reserve(std::size_t rows, std::size_t cols) {
  array_ = xt::xarray<T>::from_shape({rows, cols});
#ifdef MADV_HUGEPAGE
  // New memory costs a page fault per page, which is negligible with huge pages.
  constexpr std::size_t page = std::size_t{1} << 21;
  void* start = array_.data();
  std::size_t bytes = array_.size() * sizeof(T);
  if (std::align(page, page, start, bytes) != nullptr) ::madvise(start, bytes / page * page, MADV_HUGEPAGE);
#endif
}

template <class T>
void ScratchStore<T>::reserve(std::size_t rows, std::size_t cols) {
  rows_ = rows;
  cols_ = cols;
  file_.reset();
  array_.reserve(0, 0);
  if (rows * cols * sizeof(T) <= in_memory_)
    array_.reserve(rows, cols);
  else
    file_.emplace(RandomAccessFile::without_name(folder_));
}

template <class T>
MatrixView<const T> ScratchStore<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  if (!file_) return array_.read(first, count, buffer);
  buffer.resize(count * cols_);
  file_->read(first * cols_ * sizeof(T), buffer.data(), buffer.size() * sizeof(T));
  return {buffer.data(), count, cols_};
}

template <class T>
MatrixView<T> ScratchStore<T>::workspace(std::size_t first, std::size_t count, std::vector<T>& buffer) {
  if (!file_) return array_.workspace(first, count, buffer);
  buffer.resize(count * cols_);
  return {buffer.data(), count, cols_};
}

template <class T>
void ScratchStore<T>::write(std::size_t first, MatrixView<const T> rows) {
  if (!file_) return array_.write(first, rows);
  file_->write(first * cols_ * sizeof(T), rows.data, rows.rows * cols_ * sizeof(T));
}

template class RowStore<double>;
template class RowStore<float>;
template class ArrayStore<double>;
template class ArrayStore<float>;
template class ScratchStore<double>;
template class ScratchStore<float>;

}  // namespace fieldfold
