module fieldfold.decomposition.gram_sketch;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.inner_product;
import fieldfold.linalg.dense;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// The largest condition of the Gram matrix of B for which a sketch is accepted.
constexpr double well_conditioned = 1e3;

/// Each row is added to this many rows of the sketch.
constexpr std::size_t copies = 4;

/// The number of rows of the sketch of n columns. B has a condition of about 10 then; longer sketches would improve it
/// little, and are sent between ranks.
constexpr std::size_t sketch_rows(std::size_t n) { return (n + n / 2) / copies * copies + 32; }

/// The SplitMix64 hash (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).
std::uint64_t split_mix(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

/// Adds the partial sums of all threads to the first.
void add_to_first(std::vector<xt::xarray<double>>& sums) {
  for (std::size_t part = 1; part < sums.size(); ++part)
    std::transform(sums[0].begin(), sums[0].end(), sums[part].begin(), sums[0].begin(), std::plus<>{});
}

/// Sums the lower triangles of symmetric matrices over all ranks, and fills the upper ones.
void sum_over_ranks(std::vector<xt::xarray<double>>& grams, const RowPartition& partition) {
  if (partition.is_distributed()) {
    std::vector<double> packed;
    for (const auto& gram : grams)
      for (std::size_t i = 0; i < gram.shape(0); ++i) packed.insert(packed.end(), &gram(i, 0), &gram(i, 0) + i + 1);
    partition.sum(packed);
    auto next = packed.cbegin();
    for (auto& gram : grams)
      for (std::size_t i = 0; i < gram.shape(0); ++i)
        for (std::size_t j = 0; j <= i; ++j) gram(i, j) = *next++;
  }
  for (auto& gram : grams) fill_upper(as_matrix(gram));
}

std::vector<std::size_t> marked(const std::vector<char>& marks) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i] != 0) indices.push_back(i);
  return indices;
}

/// Factorizes a reduced form of A, a sketch `(length, columns)` or a triangle.
/// \param unit  unit roundoff of the numbers of A
void factorize(xt::xarray<double>&& matrix, double unit, double floor, const RowPartition& partition,
               Factorization& result) {
  const std::size_t n = matrix.shape(1);
  auto [r, pivots] = pivoted_r_factor(std::move(matrix));
  std::vector<double> order(pivots.begin(), pivots.end());
  partition.agree(order);
  partition.agree(entries_of(r));
  std::ranges::transform(order, pivots.begin(), [](double pivot) { return static_cast<std::size_t>(pivot); });
  if (!std::isfinite(r(0, 0))) throw NumericalError("the snapshots are too large: their norms overflow");
  // The rounding error of the factorization is a unit of the longest column, times the root of the number of steps,
  // times a small factor.
  const double smallest = std::max(floor, 10.0 * unit * std::sqrt(static_cast<double>(n)) * std::abs(r(0, 0)));
  std::size_t k = 0;
  while (k < n && std::abs(r(k, k)) > smallest) ++k;
  result.is_identity = false;
  result.leading.assign(pivots.begin(), pivots.begin() + static_cast<std::ptrdiff_t>(k));
  result.square = leading_block(r, k, k);
  result.triangle = zeros<double>({k, n});
  result.dropped.resize(n, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < k; ++i) result.triangle(i, pivots[j]) = r(i, j);
    for (std::size_t i = k; i < n; ++i) result.dropped[pivots[j]] = std::hypot(result.dropped[pivots[j]], r(i, j));
  }
}

}  // namespace

template <class T>
FactorRows<T>::FactorRows(const Factorization& factorization, std::size_t cols)
    : factorization_(factorization), all_columns_(factorization.columns.size() == cols) {
  if (!factorization.is_identity) square_ = array_cast<T>(factorization.square);
}

template <class T>
MatrixView<const T> FactorRows<T>::operator()(MatrixView<const T> rows, std::vector<T>& buffer) const {
  if (all_columns_ && factorization_.is_identity) return rows;
  const auto& columns = factorization_.columns;
  const std::size_t width = factorization_.width();
  buffer.resize(rows.rows * width);
  const MatrixView<T> result{buffer.data(), rows.rows, width};
  std::vector<std::size_t> chosen(width);
  for (std::size_t j = 0; j < width; ++j)
    chosen[j] = columns[factorization_.is_identity ? j : factorization_.leading[j]];
  for (std::size_t i = 0; i < rows.rows; ++i)
    for (std::size_t j = 0; j < width; ++j) result(i, j) = rows(i, chosen[j]);
  if (!factorization_.is_identity) divide_by_triangle(result, as_matrix(square_));
  return readable(result);
}

template <class T>
std::vector<xt::xarray<double>> gram_matrices(const RowSource<T>& source, const ProductRows<T>* product,
                                              const Factorization& factorization, std::size_t groups,
                                              const Pass& pass) {
  const std::size_t n = factorization.width();
  const FactorRows<T> factor_rows(factorization, source.cols());
  // One sum per group and thread; those of a group are adjacent.
  std::vector<std::vector<xt::xarray<double>>> sums(
      groups, std::vector<xt::xarray<double>>(pass.threads, zeros<double>({n, n})));
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> factors(pass.threads);
  std::vector<typename ProductRows<T>::Buffers> both(pass.threads);
  std::vector<std::vector<T>> weighted_factors(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto sum_of_group = [&](std::size_t group) { return as_matrix(sums[group][part], n, n); };
    if (product == nullptr) {
      const auto rows = factor_rows(source.read(first, count, buffers[part]), factors[part]);
      for (std::size_t group = 0; group < groups; ++group) add_gram(every(groups, group, rows), sum_of_group(group));
      return;
    }
    const auto found = product->read_both(first, count, both[part]);
    const auto rows = factor_rows(found.rows, factors[part]);
    const auto products = factor_rows(found.products, weighted_factors[part]);
    for (std::size_t group = 0; group < groups; ++group)
      add_symmetric_product(every(groups, group, rows), every(groups, group, products), sum_of_group(group));
  });
  std::vector<xt::xarray<double>> grams;
  for (auto& parts : sums) {
    add_to_first(parts);
    grams.push_back(std::move(parts[0]));
  }
  sum_over_ranks(grams, pass.partition);
  return grams;
}

template <class T>
std::vector<std::size_t> finite_columns(const RowSource<T>& source, const Pass& pass) {
  std::vector<std::vector<char>> finite(pass.threads, std::vector<char>(source.cols(), 1));
  std::vector<std::vector<T>> buffers(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffers[part]);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < rows.cols; ++j)
        finite[part][j] = static_cast<char>(finite[part][j] & (std::isfinite(rows(i, j)) ? 1 : 0));
  });
  for (const auto& part : finite)
    std::transform(part.begin(), part.end(), finite[0].begin(), finite[0].begin(),
                   [](char mine, char all) { return static_cast<char>(mine & all); });
  std::vector<double> gaps(source.cols());
  std::ranges::transform(finite[0], gaps.begin(), [](char is_finite) { return is_finite != 0 ? 0.0 : 1.0; });
  pass.partition.maximum(gaps);
  std::ranges::transform(gaps, finite[0].begin(), [](double gap) { return static_cast<char>(gap == 0.0); });
  return marked(finite[0]);
}

template <class T>
Sketch sketched_factorization(const RowSource<T>& source, const Pass& pass,
                              const std::function<bool(std::size_t)>& wanted, double floor) {
  const std::size_t n = source.cols();
  const std::size_t rows_of_all = pass.partition.total(source.rows());
  const bool is_whole = rows_of_all <= sketch_rows(n);
  const std::size_t length = is_whole ? rows_of_all : sketch_rows(n);
  const std::size_t part_length = length / copies;
  std::vector<xt::xarray<double>> sketches(pass.threads, zeros<double>({length, n}));
  std::vector<std::vector<T>> buffers(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto rows = source.read(first, count, buffers[part]);
    const auto sketch = as_matrix(sketches[part], length, n);
    for (std::size_t i = 0; i < count; ++i) {
      const T* const row = rows.row(i).data();
      const std::size_t number = pass.partition.number(first + i);
      if (is_whole) {
        std::copy(row, row + n, sketch.row(number).begin());
        continue;
      }
      for (std::size_t copy = 0; copy < copies; ++copy) {
        const std::uint64_t hash = split_mix(copies * number + copy);
        const double sign = (hash & 1) == 0 ? 1.0 : -1.0;
        // Each in a part of its own, so that they do not cancel.
        double* const sum = sketch.row(copy * part_length + (hash >> 1) % part_length).data();
        for (std::size_t j = 0; j < n; ++j) sum[j] += sign * static_cast<double>(row[j]);
      }
    }
  });
  add_to_first(sketches);
  pass.partition.sum(entries_of(sketches[0]));

  std::vector<char> finite(n, 1);
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (!std::isfinite(sketches[0](i, j))) finite[j] = 0;
  Sketch result{.finite = marked(finite), .factorization = {}};
  if (result.finite.size() < n &&
      result.finite != finite_columns(source, {.threads = pass.threads, .partition = pass.partition}))
    throw NumericalError("the snapshots are too large: sums of their numbers overflow");
  Factorization& factorization = result.factorization;
  std::ranges::copy_if(result.finite, std::back_inserter(factorization.columns),
                       [&](std::size_t column) { return !wanted || wanted(column); });
  factorization.is_identity = false;
  auto sketch = xt::xarray<double>::from_shape({length, factorization.columns.size()});
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j < sketch.shape(1); ++j) sketch(i, j) = sketches[0](i, factorization.columns[j]);
  if (sketch.size() > 0)
    factorize(std::move(sketch), static_cast<double>(std::numeric_limits<T>::epsilon()), floor, pass.partition,
              factorization);
  if (!factorization.leading.empty()) check_magnitude<T>(std::abs(factorization.square(0, 0)));
  return result;
}

template <class T>
void check_magnitude(double largest) {
  if (largest > 0.0 && largest < static_cast<double>(std::numeric_limits<T>::min()))
    throw NumericalError(message("the snapshots are too small: numbers of at most ", largest,
                                 " have lost digits; a smaller unit helps"));
}

template <class T>
void check_inner_product(const xt::xarray<double>& eigenvalues) {
  // The rounding error of a Gram matrix of many rows is some units of its largest eigenvalue, times at most the number
  // of columns.
  const double rounding = (sizeof(T) == sizeof(double) ? 1e-12 : 1e-5) * static_cast<double>(eigenvalues.size());
  const double largest = std::abs(eigenvalues(eigenvalues.size() - 1));
  if (eigenvalues(0) < -rounding * std::max(largest, std::abs(eigenvalues(0))))
    throw NumericalError("mass: expected a positive definite matrix, got a field with a negative norm");
}

template <class T>
OrthogonalFactor orthogonal_factor(const RowSource<T>& source, const ProductRows<T>* product,
                                   Factorization factorization, std::size_t groups, const Pass& pass) {
  for (int attempt = 0;; ++attempt) {
    auto grams = gram_matrices(source, product, factorization, groups, pass);
    xt::xarray<double> total = grams[0];
    for (std::size_t group = 1; group < groups; ++group) add_to(total, grams[group]);
    const auto eigen = agreed(symmetric_eigen(std::move(total)), pass.partition);
    const std::size_t width = eigen.values.size();
    const double largest = eigen.values(width - 1);
    if (product != nullptr) check_inner_product<T>(eigen.values);
    const bool serves = largest <= well_conditioned * eigen.values(0);
    // Eigenvalues below the rounding level are raised to it before the division.
    const double smallest = largest * 1e-14;
    auto to_basis = eigen.vectors;
    auto triangle = transposed_product(eigen.vectors, factorization.triangle);
    for (std::size_t k = 0; k < width; ++k) {
      const double root = std::sqrt(std::max(smallest, eigen.values(k)));
      for (std::size_t j = 0; j < width; ++j) to_basis(j, k) /= root;
      for (std::size_t j = 0; j < triangle.shape(1); ++j) triangle(k, j) *= root;
    }
    // A bad sketch has negligible probability; its result is then a better start.
    if (serves || attempt == 2)
      return {std::move(factorization), std::move(to_basis), std::move(triangle), std::move(grams)};
    factorize(std::move(triangle), static_cast<double>(std::numeric_limits<T>::epsilon()), 0.0, pass.partition,
              factorization);
  }
}

template void check_magnitude<double>(double);
template void check_magnitude<float>(double);
template void check_inner_product<double>(const xt::xarray<double>&);
template void check_inner_product<float>(const xt::xarray<double>&);
template class FactorRows<double>;
template class FactorRows<float>;
template std::vector<xt::xarray<double>> gram_matrices(const RowSource<double>&, const ProductRows<double>*,
                                                       const Factorization&, std::size_t, const Pass&);
template std::vector<xt::xarray<double>> gram_matrices(const RowSource<float>&, const ProductRows<float>*,
                                                       const Factorization&, std::size_t, const Pass&);
template OrthogonalFactor orthogonal_factor(const RowSource<double>&, const ProductRows<double>*, Factorization,
                                            std::size_t, const Pass&);
template OrthogonalFactor orthogonal_factor(const RowSource<float>&, const ProductRows<float>*, Factorization,
                                            std::size_t, const Pass&);
template Sketch sketched_factorization(const RowSource<double>&, const Pass&, const std::function<bool(std::size_t)>&,
                                       double);
template Sketch sketched_factorization(const RowSource<float>&, const Pass&, const std::function<bool(std::size_t)>&,
                                       double);
template std::vector<std::size_t> finite_columns(const RowSource<double>&, const Pass&);
template std::vector<std::size_t> finite_columns(const RowSource<float>&, const Pass&);

}  // namespace fieldfold
