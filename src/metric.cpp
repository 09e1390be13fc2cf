module;

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

module fieldfold.metric;

import fieldfold.arrays;
import fieldfold.rows;
import fieldfold.sparse_rows;

namespace fieldfold {
namespace {

/// Of the points that rows of a sparse matrix need, so many times more than these rows are read at once, as one block.
constexpr std::size_t acceptable_span = 4;

template <class T>
class SparseProductRows final : public RowSource<T> {
 public:
  SparseProductRows(const SparseRows& matrix, std::size_t groups, const RowSource<T>& x)
      : matrix_(matrix), groups_(groups), x_(x) {}
  std::size_t rows() const override { return x_.rows(); }
  std::size_t cols() const override { return x_.cols(); }
  std::size_t block_rows() const override { return x_.block_rows(); }

  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    const std::size_t begin = first / groups_;
    const std::size_t points = (first + count + groups_ - 1) / groups_ - begin;
    const std::size_t width = groups_ * cols();
    const Needed needed = read_needed(begin, points);
    buffer.assign(points * width, T{0});
    for (std::size_t i = 0; i < points; ++i) {
      T* const sums = buffer.data() + i * width;
      for (std::uint64_t e = matrix_.offsets[begin + i]; e < matrix_.offsets[begin + i + 1]; ++e) {
        const T weight = static_cast<T>(matrix_.weights[e]);
        const T* const from = needed.row(matrix_.columns[e]);
        for (std::size_t c = 0; c < width; ++c) sums[c] += weight * from[c];
      }
    }
    return {buffer.data() + (first - begin * groups_) * cols(), count, cols()};
  }

 private:
  /// Rows of X, all groups of a point together.
  struct Needed {
    std::vector<std::uint32_t> points;  ///< ascending, those of the numbers; empty: all from the first on
    std::size_t first = 0;
    std::vector<T> buffer;
    MatrixView<const T> rows;
    std::size_t groups = 1;

    const T* row(std::uint32_t point) const {
      const std::size_t place =
          points.empty() ? point - first
                         : static_cast<std::size_t>(std::ranges::lower_bound(points, point) - points.begin());
      return rows.row(place * groups).data();
    }
  };

  Needed read_needed(std::size_t begin, std::size_t points) const {
    Needed needed;
    needed.groups = groups_;
    const auto columns = std::span(matrix_.columns)
                             .subspan(matrix_.offsets[begin], matrix_.offsets[begin + points] - matrix_.offsets[begin]);
    if (columns.empty()) return needed;
    const auto [low, high] = std::ranges::minmax(columns);
    const std::size_t span = high - low + 1;
    if (span <= acceptable_span * points) {
      needed.first = low;
      needed.rows = x_.read(low * groups_, span * groups_, needed.buffer);
      // All groups of a point are seen as one row.
      if (needed.rows.stride != needed.rows.cols) needed.rows = packed(needed.rows, needed.buffer);
      return needed;
    }
    needed.points.assign(columns.begin(), columns.end());
    std::ranges::sort(needed.points);
    needed.points.erase(std::ranges::unique(needed.points).begin(), needed.points.end());
    needed.buffer.resize(needed.points.size() * groups_ * cols());
    std::vector<T> single;
    for (std::size_t i = 0; i < needed.points.size(); ++i) {
      const auto rows = x_.read(needed.points[i] * groups_, groups_, single);
      for (std::size_t row = 0; row < groups_; ++row)
        std::ranges::copy(rows.row(row), needed.buffer.data() + (i * groups_ + row) * cols());
    }
    needed.rows = {needed.buffer.data(), needed.points.size() * groups_, cols()};
    return needed;
  }

  static MatrixView<const T> packed(MatrixView<const T> rows, std::vector<T>& buffer) {
    std::vector<T> copy(rows.rows * rows.cols);
    for (std::size_t i = 0; i < rows.rows; ++i) std::ranges::copy(rows.row(i), copy.data() + i * rows.cols);
    buffer = std::move(copy);
    return {buffer.data(), rows.rows, rows.cols};
  }

  const SparseRows& matrix_;
  std::size_t groups_;
  const RowSource<T>& x_;
};

/// Rows of a matrix that it keeps.
template <class T>
class KeptRows final : public RowSource<T> {
 public:
  KeptRows(std::size_t rows, std::size_t cols) : matrix_(xt::xarray<T>::from_shape({rows, cols})) {}
  std::size_t rows() const override { return matrix_.shape(0); }
  std::size_t cols() const override { return matrix_.shape(1); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {matrix_.data() + first * cols(), count, cols()};
  }
  xt::xarray<T>& matrix() { return matrix_; }

 private:
  xt::xarray<T> matrix_;
};

}  // namespace

template <class T>
Metric<T>::~Metric() = default;

template <class T>
std::unique_ptr<RowSource<T>> SparseMetric<T>::times(const RowSource<T>& x) const {
  return std::make_unique<SparseProductRows<T>>(matrix_, groups_, x);
}

template <class T>
std::unique_ptr<RowSource<T>> OperatorMetric<T>::times(const RowSource<T>& x) const {
  auto product = std::make_unique<KeptRows<T>>(x.rows(), x.cols());
  xt::xarray<T>& matrix = product->matrix();
  // X as it is, and then a column of a group of it at a time.
  std::vector<T> buffer;
  for (std::size_t first = 0; first < x.rows(); first += x.block_rows()) {
    const auto rows = x.read(first, std::min(x.block_rows(), x.rows() - first), buffer);
    for (std::size_t i = 0; i < rows.rows; ++i) std::ranges::copy(rows.row(i), &matrix(first + i, 0));
  }
  std::vector<double> column(x.rows() / groups_);
  std::vector<double> result(column.size());
  for (std::size_t j = 0; j < x.cols(); ++j)
    for (std::size_t group = 0; group < groups_; ++group) {
      for (std::size_t p = 0; p < column.size(); ++p) column[p] = static_cast<double>(matrix(p * groups_ + group, j));
      std::ranges::fill(result, 0.0);
      apply_(column, result);
      for (std::size_t p = 0; p < column.size(); ++p) matrix(p * groups_ + group, j) = static_cast<T>(result[p]);
    }
  return product;
}

template class Metric<double>;
template class Metric<float>;
template class SparseMetric<double>;
template class SparseMetric<float>;
template class OperatorMetric<double>;
template class OperatorMetric<float>;

}  // namespace fieldfold
