module fieldfold.decomposition.row_summary;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.decomposition.errors;
import fieldfold.linalg.dense;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// Selected rows of a block, without a copy if they are all of its rows.
template <class T>
MatrixView<const T> selected_rows(MatrixView<const T> rows, const std::vector<std::size_t>& selected,
                                  std::vector<T>& buffer) {
  if (selected.size() == rows.rows) return rows;
  buffer.resize(selected.size() * rows.cols);
  for (std::size_t k = 0; k < selected.size(); ++k)
    std::ranges::copy(rows.row(selected[k]), buffer.begin() + static_cast<std::ptrdiff_t>(k * rows.cols));
  return {buffer.data(), selected.size(), rows.cols};
}

/// Reads columns in blocks, and adds those that are wanted and finite. \returns  all that are finite
template <class T, class Add>
std::vector<std::size_t> add_finite_columns(const RowSource<T>& source, const std::function<bool(std::size_t)>& wanted,
                                            const Pass& pass, const Add& add) {
  std::vector<std::uint8_t> is_finite(source.cols(), 0);
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> gathered(pass.threads);
  for_each_block(
      source.cols(), source.block_columns(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
        const auto columns = source.read_columns(first, count, buffers[part]);
        std::vector<std::size_t> used;
        for (std::size_t j = 0; j < count; ++j) {
          is_finite[first + j] = std::ranges::all_of(columns.row(j), [](T x) { return std::isfinite(x); }) ? 1 : 0;
          if (is_finite[first + j] != 0 && wanted(first + j)) used.push_back(j);
        }
        add(part, selected_rows(columns, used, gathered[part]));
      });
  std::vector<std::size_t> finite;
  for (std::size_t j = 0; j < is_finite.size(); ++j)
    if (is_finite[j] != 0) finite.push_back(j);
  return finite;
}

xt::xarray<double> triangle_in(const RFactor<double>& factor, std::size_t n) {
  auto triangle = xt::xarray<double>::from_shape({n, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) triangle(i, j) = factor(i, j);
  return triangle;
}

}  // namespace

template <class T>
RowGram row_gram(const RowSource<T>& source, const std::function<bool(std::size_t)>& wanted, const Pass& pass) {
  const std::size_t m = source.rows();
  std::vector<xt::xarray<double>> grams(pass.threads, zeros<double>({m, m}));
  auto finite = add_finite_columns(source, wanted, pass, [&](std::size_t part, MatrixView<const T> columns) {
    add_gram(columns, as_matrix(grams[part]));
  });
  RowGram result{std::move(finite), sum_of(grams)};
  fill_upper(as_matrix(result.gram));
  return result;
}

template <class T>
RowTriangle row_triangle(const RowSource<T>& source, const std::function<bool(std::size_t)>& wanted, const Pass& pass) {
  const std::size_t m = source.rows();
  std::vector<RFactor<double>> factors(pass.threads, RFactor<double>(m));
  std::vector<std::vector<double>> copies(pass.threads);
  auto finite = add_finite_columns(source, wanted, pass, [&](std::size_t part, MatrixView<const T> columns) {
    copies[part].resize(columns.rows * m);
    const MatrixView<double> copy{copies[part].data(), columns.rows, m};
    for (std::size_t j = 0; j < columns.rows; ++j) std::ranges::copy(columns.row(j), copy.row(j).begin());
    factors[part].add(copy);
  });
  for (std::size_t part = 1; part < factors.size(); ++part) {
    auto further = triangle_in(factors[part], m);
    factors[0].add(as_matrix(further));
  }
  return {std::move(finite), triangle_in(factors[0], m)};
}

template <class T>
ColumnProjections<T> column_projections(const RowSource<T>& source, const xt::xarray<T>& basis,
                                        const std::vector<std::size_t>& columns, std::size_t groups, const Pass& pass) {
  const std::size_t rank = basis.shape(1);
  ColumnProjections<T> result{xt::xarray<T>::from_shape({columns.size(), rank}), ErrorSquares(groups, columns.size())};
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> gathered(pass.threads);
  std::vector<std::vector<T>> residuals(pass.threads);
  for_each_block(
      source.cols(), source.block_columns(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
        const auto begin = std::ranges::lower_bound(columns, first);
        const auto end = std::ranges::lower_bound(columns, first + count);
        if (begin == end) return;
        std::vector<std::size_t> used;
        for (auto column = begin; column != end; ++column) used.push_back(*column - first);
        const auto place = static_cast<std::size_t>(begin - columns.begin());
        const auto own = selected_rows(source.read_columns(first, count, buffers[part]), used, gathered[part]);
        const MatrixView<T> coefficients{result.coefficients.data() + place * rank, own.rows, rank};
        multiply(own, as_matrix(basis), coefficients);
        residuals[part].resize(own.rows * own.cols);
        const MatrixView<T> residual{residuals[part].data(), own.rows, own.cols};
        for (std::size_t j = 0; j < own.rows; ++j) std::ranges::copy(own.row(j), residual.row(j).begin());
        subtract_product_transposed(readable(coefficients), as_matrix(basis), residual);
        for (std::size_t j = 0; j < own.rows; ++j) {
          double largest = 0.0;
          for (const T x : own.row(j)) largest = std::max(largest, std::abs(static_cast<double>(x)));
          const double scale = power_of_two_scale(largest);
          result.squares.scales[place + j] = scale;
          for (std::size_t i = 0; i < own.cols; ++i) {
            const double x = scale * static_cast<double>(own(j, i));
            const double rest = scale * static_cast<double>(residual(j, i));
            result.squares.of_columns(i % groups, place + j) += x * x;
            result.squares.of_residuals(i % groups, place + j) += rest * rest;
          }
        }
      });
  return result;
}

template RowGram row_gram(const RowSource<double>&, const std::function<bool(std::size_t)>&, const Pass&);
template RowGram row_gram(const RowSource<float>&, const std::function<bool(std::size_t)>&, const Pass&);
template RowTriangle row_triangle(const RowSource<double>&, const std::function<bool(std::size_t)>&, const Pass&);
template RowTriangle row_triangle(const RowSource<float>&, const std::function<bool(std::size_t)>&, const Pass&);
template ColumnProjections<double> column_projections(const RowSource<double>&, const xt::xarray<double>&,
                                                      const std::vector<std::size_t>&, std::size_t, const Pass&);
template ColumnProjections<float> column_projections(const RowSource<float>&, const xt::xarray<float>&,
                                                     const std::vector<std::size_t>&, std::size_t, const Pass&);

}  // namespace fieldfold
