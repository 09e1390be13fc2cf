module fieldfold.decomposition.subspace;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.gram_sketch;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

constexpr int most_iterations = 6;

/// The start is improved by steps on one in `sampled_blocks` blocks of rows, if there are enough of them.
constexpr int sampled_iterations = 3;
constexpr std::size_t sampled_blocks = 16;

/// Independent normal numbers, the same in each run: mt19937 is the same everywhere, std::normal_distribution is not,
/// hence the Box-Muller transform.
xt::xarray<double> normal_numbers(std::size_t rows, std::size_t cols) {
  std::mt19937_64 generator(1);
  const auto uniform = [&] { return (static_cast<double>(generator() >> 11) + 0.5) / 9007199254740992.0; };
  auto numbers = xt::xarray<double>::from_shape({rows, cols});
  for (double& number : numbers) {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    number = radius * std::cos(6.283185307179586 * uniform());
  }
  return numbers;
}

/// A pseudorandom choice of blocks, independent of any order of the rows.
bool is_sampled(std::size_t block) { return ((block + 1) * 0x9e3779b97f4a7c15 >> 32) % sampled_blocks == 0; }

/// Calls `work` for blocks of rows, as `for_each_block`; in a sample for the parts of them that lie in sampled blocks
/// of the rows of all ranks.
void for_rows(std::size_t rows, std::size_t block, bool samples, const Pass& pass,
              const std::function<void(std::size_t part, std::size_t first, std::size_t count)>& work) {
  for_each_block(rows, block, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    if (!samples) return work(part, first, count);
    for (std::size_t done = 0; done < count;) {
      const std::size_t number = pass.partition.number(first + done);
      const std::size_t next = std::min(count - done, block - number % block);
      if (is_sampled(number / block)) work(part, first + done, next);
      done += next;
    }
  });
}

/// Orthonormal columns, extended by random ones orthonormal to them.
Matrix with_random_columns(const Matrix& v) {
  constexpr std::size_t more = 8;
  const std::size_t n = v.shape(0);
  const std::size_t width = v.shape(1);
  const Matrix random = normal_numbers(n, more);
  const Matrix inside = transposed_product(v, random);
  Matrix rest = scaled(product(v, inside), -1.0);
  add_to(rest, random);
  const Matrix beside = thin_svd(std::move(rest)).u;
  auto both = Matrix::from_shape({n, width + more});
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < width; ++j) both(i, j) = v(i, j);
    for (std::size_t j = 0; j < more; ++j) both(i, width + j) = beside(i, j);
  }
  return both;
}

}  // namespace

std::size_t subspace_width(std::size_t rank) {
  constexpr std::size_t oversampling = 10;
  constexpr std::size_t register_width = 8;  // products are faster at multiples of it
  return (rank + oversampling + register_width - 1) / register_width * register_width;
}

template <class T>
std::optional<Subspace> dominant_subspace(const RowSource<T>& source, const Factorization& columns, std::size_t rank,
                                          const Pass& pass) {
  const std::size_t n = columns.columns.size();
  const std::size_t wanted_width = subspace_width(rank);
  const FactorRows<T> chosen(columns, source.cols());
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> gathered(pass.threads);
  std::vector<std::vector<T>> images(pass.threads);
  Subspace result;
  double captured = 0.0;
  auto v = thin_svd(normal_numbers(n, wanted_width)).u;
  const std::size_t block = source.block_rows();
  const bool samples = pass.partition.total(source.rows()) > 4 * sampled_blocks * block && n > 2 * wanted_width;
  for (int iteration = samples ? -sampled_iterations : 0; iteration < most_iterations; ++iteration) {
    // The sample may miss directions that dominate elsewhere; additional random columns capture them.
    if (iteration == 0 && samples) v = with_random_columns(v);
    const std::size_t width = v.shape(1);
    const xt::xarray<T> start = array_cast<T>(v);
    std::vector<xt::xarray<T>> products(pass.threads, zeros<T>({n, width}));
    std::vector<Matrix> grams(pass.threads, zeros<double>({width, width}));
    std::vector<double> squares(pass.threads, 0.0);
    for_rows(source.rows(), block, iteration < 0, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
      const auto rows = chosen(source.read(first, count, buffers[part]), gathered[part]);
      images[part].resize(count * width);
      const MatrixView<T> image{images[part].data(), count, width};
      multiply(rows, as_matrix(start), image);
      add_product_transposed(rows, readable(image), as_matrix(products[part]));
      if (iteration >= 0) add_gram(readable(image), as_matrix(grams[part]));
      if (iteration <= 0) squares[part] += sum_of_squares(rows);
    });
    Matrix back = sum_of(products, pass.partition);  // A^T A V
    if (iteration <= 0) {
      std::array total{std::accumulate(squares.begin(), squares.end(), 0.0)};
      pass.partition.sum(total);
      result.squares = total[0];
      if (!std::isfinite(total[0])) return std::nullopt;
    }
    if (!std::ranges::all_of(back, [](double x) { return std::isfinite(x); })) return std::nullopt;
    if (iteration < 0) {
      v = agreed(thin_svd(std::move(back)), pass.partition).u;
      continue;
    }
    if (result.squares < 1e-280) return std::nullopt;
    // A V = Q R, and the singular values of Q^T A are those of the best approximation in the span of A V.
    Matrix gram = sum_of(grams, pass.partition);
    std::optional<Matrix> found;
    try {
      found = inverse_cholesky(std::move(gram));
    } catch (const NumericalError&) {
    }
    if (pass.partition.any(!found)) return std::nullopt;
    const Matrix& inverse = *found;
    const auto svd = agreed(thin_svd(product(back, inverse)), pass.partition);
    double now = 0.0;
    for (std::size_t mode = 0; mode < rank; ++mode) now += svd.s(mode) * svd.s(mode);
    const double gained = now - std::exchange(captured, now);
    if (iteration > 0) {
      // The gain falls in each step by the squared ratio of the eigenvalues of A^T A at the width and at the rank.
      const double factor = std::min(0.9, std::pow(svd.s(width - 1) / svd.s(rank - 1), 4));
      result.missing = std::max(0.0, gained) * factor / (1.0 - factor);
      if (result.missing <= 0.01 * std::max(0.0, result.squares - now)) {
        result.weights = product(v, product(inverse, column_range(svd.v, 0, rank)));
        result.s = leading_entries(svd.s, rank);
        result.coefficients = column_range(svd.u, 0, rank);
        scale_columns(as_matrix(result.coefficients), std::vector<double>(result.s.begin(), result.s.end()));
        return result;
      }
    }
    v = column_range(agreed(thin_svd(std::move(back)), pass.partition).u, 0, wanted_width);
  }
  return std::nullopt;
}

template std::optional<Subspace> dominant_subspace(const RowSource<double>&, const Factorization&, std::size_t,
                                                   const Pass&);
template std::optional<Subspace> dominant_subspace(const RowSource<float>&, const Factorization&, std::size_t,
                                                   const Pass&);

}  // namespace fieldfold
