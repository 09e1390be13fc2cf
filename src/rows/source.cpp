module;

#include <sys/mman.h>
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

module fieldfold.rows.source;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
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
RowStore<T>::~RowStore() = default;

template <class T>
MatrixView<const T> TransposedRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const std::size_t n = matrix_.rows;
  buffer.resize(count * n);
  transpose_into<T>({matrix_.data + first, n, count, matrix_.stride}, {buffer.data(), count, n});
  return {buffer.data(), count, n};
}

template <class T>
void ArrayStore<T>::reserve(std::size_t rows, std::size_t cols) {
  array_ = xt::xarray<T>::from_shape({rows, cols});
#ifdef MADV_HUGEPAGE
  // New memory costs a visit of the kernel for each of its pages; with large ones that is next to nothing.
  constexpr std::size_t page = std::size_t{1} << 21;
  void* start = array_.data();
  std::size_t bytes = array_.size() * sizeof(T);
  if (std::align(page, page, start, bytes) != nullptr) ::madvise(start, bytes / page * page, MADV_HUGEPAGE);
#endif
}

std::size_t threads_for(std::size_t asked, double operations) {
  // A thread takes some ten microseconds to start.
  constexpr double least = 1e6;
  const std::size_t available = asked > 0 ? asked : std::max(1U, std::thread::hardware_concurrency());
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::min(operations / least, 1e6)), 1, available);
}

void for_each_block(std::size_t rows, std::size_t block_rows, const Pass& pass,
                    const std::function<void(std::size_t part, std::size_t first, std::size_t count)>& work) {
  const auto aligned = [&](std::size_t row) { return row / pass.alignment * pass.alignment; };
  const std::size_t block = std::max(pass.alignment, aligned(block_rows));
  const auto begin_of = [&](std::size_t part) {
    return part == pass.threads ? rows : aligned(rows / pass.threads * part);
  };
  std::mutex guard;
  std::size_t done = 0;
  std::atomic<bool> failed = false;
  const auto run = [&](std::size_t part) {
    const std::size_t end = begin_of(part + 1);
    for (std::size_t first = begin_of(part); first < end && !failed; first += block) {
      const std::size_t count = std::min(block, end - first);
      work(part, first, count);
      if (!pass.progress) continue;
      const std::scoped_lock lock(guard);
      done += count;
      pass.progress(static_cast<double>(done) / static_cast<double>(rows));
    }
  };
  const SingleThreadedBLAS own_threads_only;
  if (pass.threads == 1) return run(0);
  std::vector<std::exception_ptr> failures(pass.threads);
  std::vector<std::jthread> workers;  // which wait for their end whatever happens
  workers.reserve(pass.threads);
  for (std::size_t part = 0; part < pass.threads; ++part)
    workers.emplace_back([&, part] {
      try {
        run(part);
      } catch (...) {
        failures[part] = std::current_exception();
        failed = true;
      }
    });
  workers.clear();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

template class RowSource<double>;
template class RowSource<float>;
template class RowStore<double>;
template class RowStore<float>;
template class ArrayStore<double>;
template class ArrayStore<float>;
template class TransposedRows<double>;
template class TransposedRows<float>;

}  // namespace fieldfold
