module fieldfold.fields.scaling;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.fields.normalization;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.linalg.signs;
import fieldfold.linalg.vector;
import fieldfold.rows.store;

namespace fieldfold {

template <class T>
SpaceScaling<T>::SpaceScaling(FieldSpace space, const std::optional<xt::xarray<double>>& sample_weights)
    : space_(std::move(space)), row_scales_(space_.dof()) {
  const auto& mass = space_.parts().mass;
  const std::vector<double> mass_scales = mass ? mass->scales() : std::vector<double>();
  for (std::size_t i = 0; i < row_scales_.size(); ++i)
    row_scales_[i] = space_.is_masked(i) ? 0.0
                                         : std::sqrt(space_.weight(i)) *
                                               (mass_scales.empty() ? 1.0 : mass_scales[space_.layout().point(i)]);
  if (mass) inner_product_ = mass->scaled_inner_product<T>(space_.num_qoi());
  if (!sample_weights) return;
  sample_weights_.assign(sample_weights->begin(), sample_weights->end());
  for (const double weight : sample_weights_) {
    sample_roots_.push_back(static_cast<T>(std::sqrt(weight)));
    if (!(sample_roots_.back() > T{0}) || !std::isfinite(sample_roots_.back()))
      throw InvalidArgument(
          message("sample_weights: expected numbers whose square roots neither underflow nor overflow, got ", weight));
  }
}

template <class T>
void SpaceScaling<T>::scale(std::span<const T> state, std::span<T> row) const {
  space_.transform(MatrixView<const T>{state.data(), 1, state.size()}, 0, MatrixView<T>{row.data(), 1, row.size()});
  std::ranges::transform(row, row_scales_, row.begin(),
                         [](T y, double scale) { return static_cast<T>(static_cast<double>(y) * scale); });
}

template <class T>
void SpaceScaling<T>::unscale(MatrixView<T> basis) const {
  for (std::size_t i = 0; i < basis.rows; ++i)
    for (T& entry : basis.row(i)) entry = static_cast<T>(static_cast<double>(entry) / row_scales_[i]);
}

template <class T>
void SpaceScaling<T>::unscale(RowStore<T>& basis, MatrixView<T> coefficients, const std::vector<std::size_t>& columns,
                              std::size_t threads, const RowPartition& partition) const {
  scale_columns(coefficients, unscale_rows(basis, coefficients.cols, threads, partition));
  for (std::size_t j = 0; j < columns.size() && !sample_roots_.empty(); ++j)
    for (T& coefficient : coefficients.row(j)) coefficient /= sample_root(columns[j]);
}

template <class T>
std::vector<T> SpaceScaling<T>::unscale_rows(RowStore<T>& basis, std::size_t rank, std::size_t threads,
                                             const RowPartition& partition) const {
  if (partition.all(std::ranges::all_of(row_scales_, [](double scale) { return scale == 1.0; })))
    return std::vector<T>(rank, T{1});
  const StoredRows<T> stored(basis, row_scales_.size(), rank);
  std::vector<ColumnSigns<T>> signs(threads, ColumnSigns<T>(rank));
  std::vector<std::vector<T>> buffers(threads);
  std::vector<std::vector<T>> workspaces(threads);
  const auto for_rows = [&](const auto& change_row) {
    for_each_block(row_scales_.size(), stored.block_rows(), {.threads = threads},
                   [&](std::size_t part, std::size_t first, std::size_t count) {
                     const auto from = basis.read(first, count, buffers[part]);
                     const auto to = basis.workspace(first, count, workspaces[part]);
                     for (std::size_t i = 0; i < count; ++i)
                       change_row(first + i, from.row(i).data(), to.row(i).data());
                     basis.write(first, readable(to));
                     signs[part].add(readable(to));
                   });
  };
  // Masked numbers are 0 in the basis.
  for_rows([&](std::size_t row, const T* from, T* to) {
    const T factor = row_scales_[row] > 0.0 ? static_cast<T>(1.0 / row_scales_[row]) : T{0};
    for (std::size_t mode = 0; mode < rank; ++mode) to[mode] = from[mode] * factor;
  });
  for (std::size_t part = 1; part < threads; ++part) signs[0].append(signs[part]);
  const std::vector<T> factors = signs[0].signs(partition);
  if (std::ranges::find(factors, T{-1}) != factors.end())
    for_rows([&](std::size_t, const T* from, T* to) {
      for (std::size_t mode = 0; mode < rank; ++mode) to[mode] = from[mode] * factors[mode];
    });
  return factors;
}

template <class T, class S>
void ScaledRows<T, S>::scale_row(std::size_t row, std::span<const S> x, std::span<T> y) const {
  const FieldSpace& space = scaling_.space();
  if (space.is_masked(row)) {
    std::ranges::fill(y, T{0});
    return;
  }
  const T scale = static_cast<T>(space.factor(row) * scaling_.row_scale(row));
  const double shift = space.shift(row);
  const std::span<const T> roots = scaling_.sample_roots();
  const FieldTransform& transform = space.parts().transforms[space.layout().field(row)];
  if (transform.is_logarithmic) {
    constexpr std::size_t block = 256;
    double logarithms[block];
    for (std::size_t j = 0; j < x.size(); j += block) {
      const std::size_t part = std::min(block, x.size() - j);
      for (std::size_t k = 0; k < part; ++k) logarithms[k] = static_cast<double>(x[j + k]) + transform.offset;
      vector_loops().decimal_logarithms(logarithms, part);
      for (std::size_t k = 0; k < part; ++k) y[j + k] = static_cast<T>(logarithms[k] - shift) * scale;
    }
    for (std::size_t j = 0; j < roots.size(); ++j) y[j] *= roots[j];
  } else if (roots.empty()) {
    for (std::size_t j = 0; j < x.size(); ++j) y[j] = static_cast<T>(static_cast<double>(x[j]) - shift) * scale;
  } else {
    for (std::size_t j = 0; j < x.size(); ++j)
      y[j] = static_cast<T>(static_cast<double>(x[j]) - shift) * (scale * roots[j]);
  }
  for (auto gap = std::ranges::lower_bound(gaps_, row, {}, &Gap::row); gap != gaps_.end() && gap->row == row; ++gap)
    y[gap->column] = static_cast<T>(gap->value - shift) * scale * scaling_.sample_root(gap->column);
}

template <class T, class S>
MatrixView<const T> ScaledRows<T, S>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  std::vector<S> own;
  const auto from = [&] {
    if constexpr (std::is_same_v<T, S>)
      return source_.read(first, count, buffer);
    else
      return source_.read(first, count, own);
  }();
  bool in_place = false;
  if constexpr (std::is_same_v<T, S>)
    in_place = !buffer.empty() && from.data >= buffer.data() && from.data < buffer.data() + buffer.size();
  if (!in_place) buffer.resize(count * from.cols);
  MatrixView<T> to{buffer.data(), count, from.cols};
  if constexpr (std::is_same_v<T, S>)
    if (in_place) to = {buffer.data() + (from.data - buffer.data()), from.rows, from.cols, from.stride};
  for (std::size_t i = 0; i < count; ++i) scale_row(first + i, from.row(i), to.row(i));
  return readable(to);
}

template <class T, class S>
MatrixView<const T> ScaledRows<T, S>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  if (!gaps_.empty()) return RowSource<T>::read_columns(first, count, buffer);
  std::vector<S> own;
  const auto from = source_.read_columns(first, count, own);
  const FieldSpace& space = scaling_.space();
  const std::span<const T> roots = scaling_.sample_roots();
  buffer.resize(count * from.cols);
  space.transform(from, 0, MatrixView<T>{buffer.data(), count, from.cols});
  for (std::size_t j = 0; j < count; ++j) {
    const T root = roots.empty() ? T{1} : roots[first + j];
    for (std::size_t row = 0; row < from.cols; ++row)
      buffer[j * from.cols + row] *= static_cast<T>(scaling_.row_scale(row)) * root;
  }
  return {buffer.data(), count, from.cols};
}

template class SpaceScaling<double>;
template class SpaceScaling<float>;
template class ScaledRows<double>;
template class ScaledRows<float>;
template class ScaledRows<float, double>;

}  // namespace fieldfold
