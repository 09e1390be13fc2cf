module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.subspace;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.linalg;
import fieldfold.rows;
import fieldfold.summary;

namespace fieldfold {
namespace {

/// More columns than asked for, so that the last of these converge too.
constexpr std::size_t oversampling = 10;

constexpr int iterations = 2;

/// Independent normal numbers, the same in each run: mt19937 is the same everywhere, std::normal_distribution is not,
/// so they are made by Box and Muller's transform.
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

}  // namespace

template <class T>
std::optional<Subspace> dominant_subspace(const RowSource<T>& source, const Factorization& columns, std::size_t rank,
                                          const Pass& pass) {
  const std::size_t n = columns.columns.size();
  const std::size_t width = rank + oversampling;
  const FactorRows<T> chosen(columns, source.cols());
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> gathered(pass.threads);
  std::vector<std::vector<T>> images(pass.threads);
  Subspace result;
  auto v = thin_svd(normal_numbers(n, width)).u;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    const xt::xarray<T> start = xt::cast<T>(v);
    std::vector<xt::xarray<T>> products(pass.threads, xt::zeros<T>({n, width}));
    std::vector<xt::xarray<double>> grams(pass.threads, xt::zeros<double>({width, width}));
    std::vector<double> squares(pass.threads, 0.0);
    for_each_block(source.rows(), source.block_rows(), pass,
                   [&](std::size_t part, std::size_t first, std::size_t count) {
                     const auto rows = chosen(source.read(first, count, buffers[part]), gathered[part]);
                     images[part].resize(count * width);
                     const MatrixView<T> image{images[part].data(), count, width};
                     multiply(rows, as_matrix(start), image);
                     add_product_transposed(rows, readable(image), as_matrix(products[part]));
                     if (iteration == 0)
                       squares[part] += sum_of_squares(rows);
                     else
                       add_gram(readable(image), as_matrix(grams[part]));
                   });
    for (std::size_t part = 1; part < pass.threads; ++part) {
      products[0] += products[part];
      grams[0] += grams[part];
      squares[0] += squares[part];
    }
    if (iteration == 0) {
      result.squares = squares[0];
      if (!std::isfinite(squares[0]) || squares[0] < 1e-280) return std::nullopt;
    } else {
      for (std::size_t i = 0; i < width; ++i)
        for (std::size_t j = 0; j < i; ++j) grams[0](j, i) = grams[0](i, j);
      const auto values = symmetric_eigen(std::move(grams[0])).values;
      result.captured = 0.0;
      for (std::size_t mode = 0; mode < rank; ++mode) result.captured += values(width - 1 - mode);
    }
    v = thin_svd(xt::xarray<double>(xt::cast<double>(products[0]))).u;
  }
  result.v = xt::view(v, xt::all(), xt::range(0, rank));
  return result;
}

template std::optional<Subspace> dominant_subspace(const RowSource<double>&, const Factorization&, std::size_t,
                                                   const Pass&);
template std::optional<Subspace> dominant_subspace(const RowSource<float>&, const Factorization&, std::size_t,
                                                   const Pass&);

}  // namespace fieldfold
