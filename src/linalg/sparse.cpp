module fieldfold.linalg.sparse;

import fieldfold.base.arrays;
import fieldfold.base.parallel;

namespace fieldfold {
namespace {

constexpr std::size_t block_rows = 1024;

/// The weighted sum of the rows, unrolled by the compiler for a fixed width.
template <std::size_t width>
void add_rows(const SparseRows& matrix, std::size_t place, MatrixView<const double> values, std::size_t first,
              double* sums) {
  double own[width] = {};
  for (std::uint64_t e = matrix.offsets[place]; e < matrix.offsets[place + 1]; ++e) {
    const double weight = matrix.weights[e];
    const double* const from = &values(matrix.columns[e], first);
    for (std::size_t c = 0; c < width; ++c) own[c] += weight * from[c];
  }
  std::copy_n(own, width, sums);
}

/// One column, with independent partial sums so that additions overlap.
double sum_of_row(const SparseRows& matrix, std::size_t place, MatrixView<const double> values, std::size_t column) {
  double sums[4] = {};
  std::uint64_t e = matrix.offsets[place];
  const std::uint64_t end = matrix.offsets[place + 1];
  const double* const from = values.data + column;
  for (; e + 4 <= end; e += 4)
    for (std::size_t k = 0; k < 4; ++k) sums[k] += matrix.weights[e + k] * from[matrix.columns[e + k] * values.stride];
  double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (; e < end; ++e) sum += matrix.weights[e] * from[matrix.columns[e] * values.stride];
  return sum;
}

}  // namespace

SparseRows SparseRows::of_width(std::size_t rows, std::size_t cols, std::size_t width) {
  SparseRows result{.cols = cols,
                    .offsets = std::vector<std::uint64_t>(rows + 1),
                    .columns = std::vector<std::uint32_t>(rows * width),
                    .weights = std::vector<double>(rows * width),
                    .order = std::vector<std::uint32_t>(rows)};
  for (std::size_t row = 0; row <= rows; ++row) result.offsets[row] = row * width;
  return result;
}

void SparseRows::multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads) const {
  for_each_block(rows(), block_rows, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    for (std::size_t place = first; place < first + count; ++place) {
      double* const sums = results.row(row(place)).data();
      std::size_t c = 0;
      for (; c + 8 <= values.cols; c += 8) add_rows<8>(*this, place, values, c, sums + c);
      for (; c + 4 <= values.cols; c += 4) add_rows<4>(*this, place, values, c, sums + c);
      for (; c + 2 <= values.cols; c += 2) add_rows<2>(*this, place, values, c, sums + c);
      if (c < values.cols) sums[c] = sum_of_row(*this, place, values, c);
    }
  });
}

void SparseRows::multiply_transposed(MatrixView<const double> values, MatrixView<double> results,
                                     std::size_t threads) const {
  const std::size_t k = values.cols;
  std::vector<std::vector<double>> sums(threads);
  for_each_block(rows(), block_rows, {.threads = threads}, [&](std::size_t part, std::size_t first, std::size_t count) {
    sums[part].resize(cols * k, 0.0);
    for (std::size_t place = first; place < first + count; ++place) {
      const double* const from = values.row(row(place)).data();
      for (std::uint64_t e = offsets[place]; e < offsets[place + 1]; ++e) {
        double* const to = &sums[part][columns[e] * k];
        for (std::size_t c = 0; c < k; ++c) to[c] += weights[e] * from[c];
      }
    }
  });
  for (std::size_t i = 0; i < cols; ++i)
    for (std::size_t c = 0; c < k; ++c) {
      double sum = 0.0;
      for (const auto& part : sums) sum += part.empty() ? 0.0 : part[i * k + c];
      results(i, c) = sum;
    }
}

namespace {

/// Levels of a breadth-first search from one row: appends the rows of its component, those of a level by their degree.
/// \returns  the number of levels
std::size_t append_levels(const SparseRows& matrix, std::uint32_t root, std::vector<char>& is_seen,
                          std::vector<std::uint32_t>& order) {
  const auto degree = [&](std::uint32_t row) { return matrix.offsets[row + 1] - matrix.offsets[row]; };
  std::size_t levels = 0;
  std::size_t begin = order.size();
  order.push_back(root);
  is_seen[root] = 1;
  for (std::size_t end = order.size(); begin < end; begin = end, end = order.size(), ++levels)
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t first = order.size();
      for (std::uint64_t e = matrix.offsets[order[i]]; e < matrix.offsets[order[i] + 1]; ++e) {
        const std::uint32_t column = matrix.columns[e];
        if (is_seen[column] != 0) continue;
        is_seen[column] = 1;
        order.push_back(column);
      }
      std::ranges::sort(std::span(order).subspan(first), [&](std::uint32_t a, std::uint32_t b) {
        return std::pair(degree(a), a) < std::pair(degree(b), b);
      });
    }
  return levels;
}

}  // namespace

std::vector<std::uint32_t> reverse_cuthill_mckee(const SparseRows& matrix) {
  const std::size_t n = matrix.rows();
  std::vector<std::uint32_t> order;
  std::vector<char> is_seen(n, 0);
  order.reserve(n);
  for (std::uint32_t start = 0; start < n; ++start) {
    if (is_seen[start] != 0) continue;
    // The last row of a search is farther from the others than its root, as long as it has more levels.
    const std::size_t first = order.size();
    std::uint32_t root = start;
    for (std::size_t levels = 0;;) {
      const std::size_t found = append_levels(matrix, root, is_seen, order);
      if (found <= levels) break;
      levels = found;
      root = order.back();
      for (std::size_t i = first; i < order.size(); ++i) is_seen[order[i]] = 0;
      order.resize(first);
    }
  }
  return {order.rbegin(), order.rend()};
}

}  // namespace fieldfold
