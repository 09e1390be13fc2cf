module fieldfold.decomposition.inner_product;

import fieldfold.base.arrays;
import fieldfold.linalg.halo;
import fieldfold.linalg.sparse;
import fieldfold.linalg.vector;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// Rows of X are read as one block if it spans at most this many times the points of the product.
constexpr std::size_t acceptable_span = 4;

template <class T>
class SparseProductRows final : public ProductRows<T> {
 public:
  SparseProductRows(const SparseRows& matrix, std::size_t groups, std::span<const std::uint32_t> order,
                    const RowSource<T>& x)
      : matrix_(matrix), groups_(groups), order_(order), x_(x) {}

  /// Adds the products with points of other ranks. \param beyond  it must outlive this object
  void add(const SparseRows& beyond, const Halo& halo) {
    beyond_ = &beyond;
    std::vector<T> buffer;
    const auto values = halo.values(groups_ * cols(), [&](std::size_t point, std::span<double> numbers) {
      const auto rows = x_.read(point * groups_, groups_, buffer);
      for (std::size_t group = 0; group < groups_; ++group)
        std::ranges::copy(rows.row(group), numbers.begin() + static_cast<std::ptrdiff_t>(group * cols()));
    });
    halo_rows_.assign(values.begin(), values.end());
  }

  std::size_t rows() const override { return x_.rows(); }
  std::size_t cols() const override { return x_.cols(); }
  std::size_t block_rows() const override { return x_.block_rows(); }

  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    std::vector<T> memory;
    return product(first, count, read_needed(first, count, memory), buffer);
  }

  RowsAndProducts<T> read_both(std::size_t first, std::size_t count,
                               typename ProductRows<T>::Buffers& buffers) const override {
    if (!order_.empty()) return read_in_order(first / groups_, points_to(first, count), buffers);
    const Needed needed = read_needed(first, count, buffers.rows);
    const auto products = product(first, count, needed, buffers.products);
    const std::size_t place = needed.place_of(first / groups_) * groups_ + first % groups_;
    // Gathered points may have others in between, so the rows of X are read again.
    if (needed.points.empty()) return {{needed.rows.row(place).data(), count, cols(), needed.rows.stride}, products};
    return {x_.read(first, count, buffers.rows), products};
  }

 private:
  /// Rows of X, all groups of a point together.
  struct Needed {
    std::vector<std::uint32_t> points;  ///< of the rows, ascending; empty: all from `first` on
    std::size_t first = 0;
    MatrixView<const T> rows;

    std::size_t place_of(std::size_t point) const {
      if (points.empty()) return point - first;
      return static_cast<std::size_t>(std::ranges::lower_bound(points, point) - points.begin());
    }
  };

  std::size_t points_to(std::size_t first, std::size_t count) const { return (first + count + groups_ - 1) / groups_; }

  Needed read_needed(std::size_t first, std::size_t count, std::vector<T>& memory) const {
    Needed needed;
    const std::size_t begin = first / groups_;
    const std::size_t end = points_to(first, count);
    const auto columns =
        std::span(matrix_.columns).subspan(matrix_.offsets[begin], matrix_.offsets[end] - matrix_.offsets[begin]);
    const auto [lowest, highest] = std::ranges::minmax(columns);
    const std::size_t low = std::min<std::size_t>(lowest, begin);
    const std::size_t high = std::max<std::size_t>(highest + std::size_t{1}, end);
    if (high - low <= acceptable_span * (end - begin)) {
      needed.first = low;
      needed.rows = x_.read(low * groups_, (high - low) * groups_, memory);
      return needed;
    }
    needed.points.assign(columns.begin(), columns.end());
    std::ranges::sort(needed.points);
    needed.points.erase(std::ranges::unique(needed.points).begin(), needed.points.end());
    memory.resize(needed.points.size() * groups_ * cols());
    std::vector<T> single;
    for (std::size_t i = 0; i < needed.points.size(); ++i) {
      const auto rows = x_.read(needed.points[i] * groups_, groups_, single);
      for (std::size_t row = 0; row < groups_; ++row)
        std::ranges::copy(rows.row(row), memory.data() + (i * groups_ + row) * cols());
    }
    needed.rows = {memory.data(), needed.points.size() * groups_, cols()};
    return needed;
  }

  /// Both rows at the places `begin` to `end` of the order. The rows of these points come first in the buffer, then
  /// those of others that their products depend on.
  RowsAndProducts<T> read_in_order(std::size_t begin, std::size_t end,
                                   typename ProductRows<T>::Buffers& buffers) const {
    const std::size_t width = groups_ * cols();
    const auto own = order_.subspan(begin, end - begin);
    auto& places = buffers.places;
    places.resize(matrix_.rows(), nowhere);
    std::vector<std::uint32_t> points(own.begin(), own.end());
    for (std::size_t i = 0; i < own.size(); ++i) places[own[i]] = static_cast<std::uint32_t>(i);
    for (const std::uint32_t point : own)
      for (std::uint64_t e = matrix_.offsets[point]; e < matrix_.offsets[point + 1]; ++e) {
        std::uint32_t& place = places[matrix_.columns[e]];
        if (place != nowhere) continue;
        place = static_cast<std::uint32_t>(points.size());
        points.push_back(matrix_.columns[e]);
      }
    buffers.rows.resize(points.size() * width);
    std::vector<T> single;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto rows = x_.read(points[i] * groups_, groups_, single);
      for (std::size_t row = 0; row < groups_; ++row)
        std::ranges::copy(rows.row(row), buffers.rows.data() + i * width + row * cols());
    }
    buffers.products.resize(own.size() * width);
    std::vector<const T*> from;
    std::vector<T> weights;
    for (std::size_t i = 0; i < own.size(); ++i) {
      from.clear();
      weights.clear();
      for (std::uint64_t e = matrix_.offsets[own[i]]; e < matrix_.offsets[own[i] + 1]; ++e) {
        from.push_back(buffers.rows.data() + places[matrix_.columns[e]] * width);
        weights.push_back(static_cast<T>(matrix_.weights[e]));
      }
      for (std::size_t group = 0; group < groups_; ++group) {
        T* const sums = buffers.products.data() + i * width + group * cols();
        sum_rows(from, weights, sums);
        add_beyond(own[i], group, sums);
        for (const T*& row : from) row += cols();
      }
    }
    for (const std::uint32_t point : points) places[point] = nowhere;
    return {{buffers.rows.data(), own.size() * groups_, cols()},
            {buffers.products.data(), own.size() * groups_, cols()}};
  }

  MatrixView<const T> product(std::size_t first, std::size_t count, const Needed& needed,
                              std::vector<T>& buffer) const {
    const std::size_t begin = first / groups_;
    const std::size_t points = points_to(first, count) - begin;
    buffer.resize(points * groups_ * cols());
    std::vector<const T*> from;
    std::vector<T> weights;
    for (std::size_t i = 0; i < points; ++i) {
      from.clear();
      weights.clear();
      for (std::uint64_t e = matrix_.offsets[begin + i]; e < matrix_.offsets[begin + i + 1]; ++e) {
        from.push_back(needed.rows.row(needed.place_of(matrix_.columns[e]) * groups_).data());
        weights.push_back(static_cast<T>(matrix_.weights[e]));
      }
      for (std::size_t group = 0; group < groups_; ++group) {
        T* const sums = buffer.data() + (i * groups_ + group) * cols();
        sum_rows(from, weights, sums);
        add_beyond(begin + i, group, sums);
        for (const T*& row : from) row += needed.rows.stride;
      }
    }
    return {buffer.data() + (first - begin * groups_) * cols(), count, cols()};
  }

  void add_beyond(std::size_t point, std::size_t group, T* sums) const {
    if (beyond_ == nullptr) return;
    for (std::uint64_t e = beyond_->offsets[point]; e < beyond_->offsets[point + 1]; ++e) {
      const T* const row = halo_rows_.data() + (beyond_->columns[e] * groups_ + group) * cols();
      for (std::size_t c = 0; c < cols(); ++c) sums[c] += static_cast<T>(beyond_->weights[e]) * row[c];
    }
  }

  void sum_rows(const std::vector<const T*>& from, const std::vector<T>& weights, T* sums) const {
    if constexpr (std::is_same_v<T, double>) {
      loops_.sum_rows(from.data(), weights.data(), from.size(), cols(), sums);
    } else {
      std::fill_n(sums, cols(), T{0});
      for (std::size_t e = 0; e < from.size(); ++e)
        for (std::size_t c = 0; c < cols(); ++c) sums[c] += weights[e] * from[e][c];
    }
  }

  const VectorLoops& loops_ = vector_loops();
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

  const SparseRows& matrix_;
  std::size_t groups_;
  std::span<const std::uint32_t> order_;
  const RowSource<T>& x_;
  const SparseRows* beyond_ = nullptr;
  std::vector<T> halo_rows_;  ///< `(halo, groups, cols)`
};

/// Whether most blocks of points depend on points far from them.
bool is_scattered(const SparseRows& matrix) {
  constexpr std::size_t block = 256;
  std::size_t blocks = 0;
  std::size_t scattered = 0;
  for (std::size_t first = 0; first < matrix.rows(); first += block, ++blocks) {
    const std::size_t end = std::min(first + block, matrix.rows());
    const auto columns =
        std::span(matrix.columns).subspan(matrix.offsets[first], matrix.offsets[end] - matrix.offsets[first]);
    if (columns.empty()) continue;
    const auto [low, high] = std::ranges::minmax(columns);
    if (high - low > acceptable_span * block) ++scattered;
  }
  return 2 * scattered > blocks;
}

/// A product stored in memory.
template <class T>
class KeptProductRows final : public ProductRows<T> {
 public:
  explicit KeptProductRows(const RowSource<T>& x) : x_(x), matrix_(xt::xarray<T>::from_shape({x.rows(), x.cols()})) {}
  std::size_t rows() const override { return matrix_.shape(0); }
  std::size_t cols() const override { return matrix_.shape(1); }
  std::size_t block_rows() const override { return x_.block_rows(); }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>&) const override {
    return {matrix_.data() + first * cols(), count, cols()};
  }
  RowsAndProducts<T> read_both(std::size_t first, std::size_t count,
                               typename ProductRows<T>::Buffers& buffers) const override {
    return {x_.read(first, count, buffers.rows), read(first, count, buffers.products)};
  }
  xt::xarray<T>& matrix() { return matrix_; }

 private:
  const RowSource<T>& x_;
  xt::xarray<T> matrix_;
};

}  // namespace

template <class T>
void apply_to_columns(const ApplyToColumn& apply, MatrixView<const T> x, MatrixView<T> y) {
  std::vector<double> column(x.rows);
  std::vector<double> result(x.rows);
  for (std::size_t k = 0; k < x.cols; ++k) {
    for (std::size_t p = 0; p < x.rows; ++p) column[p] = static_cast<double>(x(p, k));
    std::ranges::fill(result, 0.0);
    apply(column, result);
    for (std::size_t p = 0; p < x.rows; ++p) y(p, k) = static_cast<T>(result[p]);
  }
}

template <class T>
InnerProduct<T>::~InnerProduct() = default;

template <class T>
SparseInnerProduct<T>::SparseInnerProduct(SparseRows matrix, std::size_t groups, SparseRows beyond,
                                          std::shared_ptr<const Halo> halo)
    : matrix_(std::move(matrix)), groups_(groups), beyond_(std::move(beyond)), halo_(std::move(halo)) {
  if (is_scattered(matrix_)) order_ = reverse_cuthill_mckee(matrix_);
}

template <class T>
std::unique_ptr<ProductRows<T>> SparseInnerProduct<T>::times(const RowSource<T>& x) const {
  auto product = std::make_unique<SparseProductRows<T>>(matrix_, groups_, order_, x);
  if (halo_) product->add(beyond_, *halo_);
  return product;
}

template <class T>
std::unique_ptr<ProductRows<T>> OperatorInnerProduct<T>::times(const RowSource<T>& x) const {
  auto product = std::make_unique<KeptProductRows<T>>(x);
  xt::xarray<T>& matrix = product->matrix();
  // X is copied, then multiplied in place. All groups of a point form one row.
  copy_rows(x, as_matrix(matrix));
  const auto by_points = as_matrix(matrix, x.rows() / groups_, groups_ * x.cols());
  apply_to_columns(apply_, readable(by_points), by_points);
  return product;
}

template void apply_to_columns(const ApplyToColumn&, MatrixView<const double>, MatrixView<double>);
template void apply_to_columns(const ApplyToColumn&, MatrixView<const float>, MatrixView<float>);
template class InnerProduct<double>;
template class InnerProduct<float>;
template class SparseInnerProduct<double>;
template class SparseInnerProduct<float>;
template class OperatorInnerProduct<double>;
template class OperatorInnerProduct<float>;

}  // namespace fieldfold
