module fieldfold.decomposition.basis;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.parallel;
import fieldfold.decomposition.gram_sketch;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

/// A pseudorandom number in [-1, 1] for each entry.
double noise_at(std::size_t row, std::size_t col) {
  std::uint64_t hash = (row + 1) * 0x9e3779b97f4a7c15 ^ (col + 1) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ (hash >> 31)) * 0x94d049bb133111eb;
  hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9;
  return static_cast<double>(hash >> 11) / 4503599627370496.0 - 1.0;
}

}  // namespace

template <class T>
BasisPass<T> BasisWriter<T>::write(const Factorization& factorization, const xt::xarray<double>& mode_weights,
                                   std::size_t rank, xt::xarray<double>* projection, const Pass& pass) const {
  const RowSource<T>& source = problem_.source;
  const FactorRows<T> factor_rows(factorization, source.cols());
  const std::size_t modes = mode_weights.shape(1);
  const xt::xarray<T> weights = array_cast<T>(mode_weights);
  const double root = std::sqrt(static_cast<double>(pass.partition.total(source.rows())));
  const std::size_t width = factorization.width();
  std::vector<xt::xarray<T>> projections(pass.threads, zeros<T>({projection == nullptr ? 0 : rank, width}));
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> factor_buffers(pass.threads);
  std::vector<std::vector<T>> weighted_buffers(pass.threads);
  std::vector<std::vector<T>> weighted_factors(pass.threads);
  store_.reserve(source.rows(), rank);
  const auto make_rows = [&](std::size_t part, std::size_t first, MatrixView<T> basis) {
    const auto factor = factor_rows(source.read(first, basis.rows, buffers[part]), factor_buffers[part]);
    multiply(factor, as_matrix(weights), {basis.data, basis.rows, modes, basis.stride});
    for (std::size_t i = 0; i < basis.rows; ++i)
      for (std::size_t j = modes; j < rank; ++j)
        basis(i, j) =
            is_masked(first + i) ? T{0} : static_cast<T>(noise_at(pass.partition.number(first + i), j) / root);
    if (projection == nullptr) return;
    auto weighted = factor;
    if (problem_.weighted != nullptr)
      weighted =
          factor_rows(problem_.weighted->read(first, basis.rows, weighted_buffers[part]), weighted_factors[part]);
    add_product_transposed(readable(basis), weighted, as_matrix(projections[part]));
  };
  auto written = write_rows(rank, pass, make_rows);
  if (projection == nullptr) return written;
  *projection = sum_of(projections, pass.partition);
  return written;
}

template <class T>
BasisPass<T> BasisWriter<T>::rotate(const xt::xarray<double>& rotation, const Pass& pass) const {
  const xt::xarray<T> rotation_rows = array_cast<T>(rotation);
  std::vector<std::vector<T>> before(pass.threads);
  std::vector<std::vector<T>> copies(pass.threads);
  return write_rows(rotation.shape(0), pass, [&](std::size_t part, std::size_t first, MatrixView<T> rows) {
    auto old = store_.read(first, rows.rows, before[part]);
    if (old.data == rows.data) {
      copies[part].assign(old.data, old.data + old.rows * old.cols);
      old.data = copies[part].data();
    }
    multiply(old, as_matrix(rotation_rows), rows);
  });
}

template <class T>
void BasisWriter<T>::scale(const std::vector<T>& factors, const Pass& pass) const {
  std::vector<std::vector<T>> before(pass.threads);
  std::vector<std::vector<T>> workspaces(pass.threads);
  const RowSource<T>& source = problem_.source;
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto from = store_.read(first, count, before[part]);
    const auto to = store_.workspace(first, count, workspaces[part]);
    if (from.data != to.data) std::copy(from.data, from.data + count * factors.size(), to.data);
    scale_columns(to, factors);
    store_.write(first, readable(to));
  });
}

template <class T>
BasisPass<T> BasisWriter<T>::write_rows(std::size_t rank, const Pass& pass, const MakeRows& make_rows) const {
  std::vector<xt::xarray<double>> grams(pass.threads, zeros<double>({rank, rank}));
  std::vector<ColumnSigns<T>> signs(pass.threads, ColumnSigns<T>(rank));
  std::vector<std::vector<T>> workspaces(pass.threads);
  const RowSource<T>& source = problem_.source;
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = store_.workspace(first, count, workspaces[part]);
    make_rows(part, first, rows);
    store_.write(first, readable(rows));
    if (problem_.inner_product == nullptr) add_gram(readable(rows), as_matrix(grams[part]));
    signs[part].add(readable(rows));
  });
  for (std::size_t part = 1; part < pass.threads; ++part) signs[0].append(signs[part]);
  std::vector<T> factors = signs[0].signs(pass.partition);
  if (problem_.inner_product == nullptr) return {sum_of(grams, pass.partition), std::move(factors)};
  const StoredRows<T> stored(store_, source.rows(), rank);
  const auto weighted_basis = problem_.inner_product->times(stored);
  Factorization all;
  for (std::size_t mode = 0; mode < rank; ++mode) all.columns.push_back(mode);
  const Pass silent{.threads = pass.threads, .alignment = pass.alignment, .partition = pass.partition};
  return {gram_matrices<T>(stored, weighted_basis.get(), all, 1, silent)[0], std::move(factors)};
}

template <class T>
bool is_orthonormal(const xt::xarray<double>& gram) {
  const double tolerance = 100.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (std::size_t i = 0; i < gram.shape(0); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      if (!(std::abs(gram(i, j) - (i == j ? 1.0 : 0.0)) <= tolerance)) return false;
  return true;
}

template class BasisWriter<double>;
template class BasisWriter<float>;
template bool is_orthonormal<double>(const xt::xarray<double>&);
template bool is_orthonormal<float>(const xt::xarray<double>&);

}  // namespace fieldfold
