module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "xtensor_headers.hpp"

module fieldfold.pod.gappy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.inner_product;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.linalg.dense;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// Normal equations of a condition up to this keep half of the digits.
constexpr double well_conditioned = 1e4;

/// Where errors are magnified by more, what is there says nothing about some coefficient: it is rounding of the basis.
template <class T>
constexpr double hopeless = 0.01 / static_cast<double>(std::numeric_limits<T>::epsilon());

constexpr std::size_t most_iterations = 200;

/// Before a mode more is taken, what is missing changes by less than this, over itself, or so many times.
constexpr double settled = 1e-6;
constexpr std::size_t most_for_a_mode = 10;

[[noreturn]] void not_determined(std::size_t present, std::size_t rank) {
  throw NumericalError(
      message("the ", present, " numbers that are there do not determine the ", rank, " coefficients"));
}

/// Normal equations.
struct Normal {
  Matrix matrix;                   ///< `(rank, rank)`
  std::vector<double> right_hand;  ///< `(rank,)`
};

/// Some rows of the basis and numbers y, times the roots of their weights.
template <class T>
void gather(MatrixView<const T> basis, std::span<const T> y, std::span<const std::size_t> chosen,
            std::span<const double> weights, MatrixView<double> rows, std::vector<double>& values) {
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const double root = weights.empty() ? 1.0 : std::sqrt(weights[chosen[k]]);
    for (std::size_t mode = 0; mode < basis.cols; ++mode)
      rows(k, mode) = root * static_cast<double>(basis(chosen[k], mode));
    values[k] = root * static_cast<double>(y[chosen[k]]);
  }
}

template <class T>
Normal normal_equations(MatrixView<const T> basis, std::span<const T> y, const std::vector<std::size_t>& present,
                        const GappyProduct& product) {
  const std::size_t rank = basis.cols;
  Normal normal{xt::zeros<double>({rank, rank}), std::vector<double>(rank, 0.0)};
  const MatrixView<double> right_hand{normal.right_hand.data(), rank, 1};
  if (product.weigh) {
    Matrix rows = xt::zeros<double>({basis.rows, rank});
    Matrix values = xt::zeros<double>({basis.rows, std::size_t{1}});
    for (const std::size_t i : present) {
      std::ranges::copy(basis.row(i), as_matrix(rows).row(i).begin());
      values(i, 0) = static_cast<double>(y[i]);
    }
    auto weighed = Matrix::from_shape(rows.shape());
    product.weigh(as_matrix(std::as_const(rows)), as_matrix(weighed));
    add_symmetric_product(as_matrix(std::as_const(rows)), as_matrix(std::as_const(weighed)), as_matrix(normal.matrix));
    add_product_transposed(as_matrix(std::as_const(weighed)), as_matrix(std::as_const(values)), right_hand);
  } else {
    constexpr std::size_t block = 4096;
    std::vector<double> rows(block * rank);
    std::vector<double> values(block);
    for (std::size_t first = 0; first < present.size(); first += block) {
      const std::size_t count = std::min(block, present.size() - first);
      const MatrixView<double> part{rows.data(), count, rank};
      gather(basis, y, std::span(present).subspan(first, count), product.weights, part, values);
      add_gram(readable(part), as_matrix(normal.matrix));
      add_product_transposed(readable(part), MatrixView<const double>{values.data(), count, 1}, right_hand);
    }
  }
  fill_upper(as_matrix(normal.matrix));
  return normal;
}

/// By the singular values of the rows themselves.
template <class T>
GappySolution decomposed_solution(MatrixView<const T> basis, std::span<const T> y,
                                  const std::vector<std::size_t>& present, std::span<const double> weights) {
  const std::size_t rank = basis.cols;
  auto rows = Matrix::from_shape({present.size(), rank});
  std::vector<double> values(present.size());
  gather<T>(basis, y, present, weights, as_matrix(rows), values);
  const auto svd = thin_svd(std::move(rows));
  if (!(1.0 < hopeless<T> * svd.s(rank - 1))) not_determined(present.size(), rank);
  GappySolution solution{std::vector<double>(rank, 0.0), std::max(1.0, 1.0 / svd.s(rank - 1))};
  for (std::size_t mode = 0; mode < rank; ++mode) {
    double sum = 0.0;
    for (std::size_t k = 0; k < present.size(); ++k) sum += svd.u(k, mode) * values[k];
    for (std::size_t i = 0; i < rank; ++i) solution.coefficients[i] += svd.v(i, mode) * (sum / svd.s(mode));
  }
  return solution;
}

/// Columns of rows, one a line: `(columns, rows)`.
template <class T>
xt::xarray<T> gathered_columns(const RowSource<T>& rows, const std::vector<std::size_t>& columns) {
  auto result = xt::xarray<T>::from_shape({columns.size(), rows.rows()});
  std::vector<T> buffer;
  for (std::size_t first = 0; first < rows.rows(); first += rows.block_rows()) {
    const auto block = rows.read(first, std::min(rows.block_rows(), rows.rows() - first), buffer);
    for (std::size_t i = 0; i < block.rows; ++i)
      for (std::size_t k = 0; k < columns.size(); ++k) result(k, first + i) = block(i, columns[k]);
  }
  return result;
}

/// The inner product of rows that a metric weighs.
template <class T>
GappyProduct product_of(const Metric<T>* metric) {
  if (metric == nullptr) return {};
  return {.weigh = [metric](MatrixView<const double> y, MatrixView<double> result) {
    auto values = xt::xarray<T>::from_shape({y.rows, y.cols});
    std::transform(y.data, y.data + y.rows * y.cols, values.data(), [](double x) { return static_cast<T>(x); });
    const MatrixRows<T> rows(as_matrix(std::as_const(values)));
    copy_rows(*metric->times(rows), result);
  }};
}

/// The coefficients of a snapshot from what is there, by least squares; where these magnify errors, those of the
/// snapshot as it is filled now: a smaller step of the same way (the EM algorithm; Dempster, Laird and Rubin 1977,
/// doi:10.1111/j.2517-6161.1977.tb01600.x).
template <class T>
std::vector<double> step(MatrixView<const T> basis, std::span<const T> gappy, std::span<const T> filled,
                         const GappyProduct& product) {
  constexpr double too_large = 30.0;
  const auto of_filled = [&] { return gappy_coefficients<T>(basis, filled, product).coefficients; };
  try {
    auto solution = gappy_coefficients<T>(basis, gappy, product);
    return solution.condition < too_large ? std::move(solution.coefficients) : of_filled();
  } catch (const NumericalError&) {
    return of_filled();
  }
}

/// The means of rows with gaps, of what is there and what is taken for the rest.
void update_means(LearnedSpace& learned, const auto& weight_of) {
  const auto& gaps = learned.survey.gaps;
  for (auto gap = gaps.begin(); gap != gaps.end();) {
    const std::size_t row = gap->row;
    double weight = learned.survey.weights_of_finite[row];
    double sum = weight * learned.survey.means(row);
    for (; gap != gaps.end() && gap->row == row; ++gap) {
      weight += weight_of(gap->column);
      sum += weight_of(gap->column) * gap->value;
    }
    learned.space.set_mean(row, sum / weight);
  }
}

}  // namespace

template <class T>
GappySolution gappy_coefficients(MatrixView<const T> basis, std::span<const T> y, const GappyProduct& product) {
  const std::size_t rank = basis.cols;
  std::vector<std::size_t> present;
  for (std::size_t i = 0; i < y.size(); ++i)
    if (std::isfinite(y[i])) present.push_back(i);
  if (present.size() < rank) not_determined(present.size(), rank);
  Normal normal = normal_equations(basis, y, present, product);
  const auto eigen = symmetric_eigen(std::move(normal.matrix));
  const double largest = eigen.values(rank - 1);
  const bool keeps_digits = largest < well_conditioned * well_conditioned * eigen.values(0);
  if (!product.weigh && !keeps_digits) return decomposed_solution(basis, y, present, product.weights);
  if (!(largest < 1e14 * eigen.values(0)) || !(1.0 < hopeless<T> * hopeless<T> * eigen.values(0)))
    not_determined(present.size(), rank);
  GappySolution solution{std::vector<double>(rank, 0.0), std::max(1.0, 1.0 / std::sqrt(eigen.values(0)))};
  for (std::size_t k = 0; k < rank; ++k) {
    double sum = 0.0;
    for (std::size_t i = 0; i < rank; ++i) sum += eigen.vectors(i, k) * normal.right_hand[i];
    for (std::size_t i = 0; i < rank; ++i) solution.coefficients[i] += eigen.vectors(i, k) * (sum / eigen.values(k));
  }
  return solution;
}

template <class T>
void fill_gaps(const RowSource<T>& snapshots, LearnedSpace& learned, const std::vector<T>& sample_roots,
               const DecompositionRequest<T>& request) {
  auto& gaps = learned.survey.gaps;
  FieldSpace& space = learned.space;
  std::map<std::size_t, std::size_t> place_of;
  for (const Gap& gap : gaps) place_of.emplace(gap.column, 0);
  std::vector<std::size_t> columns;
  for (auto& [column, place] : place_of) {
    place = columns.size();
    columns.push_back(column);
  }
  const auto root_of = [&](std::size_t column) {
    return sample_roots.empty() ? 1.0 : static_cast<double>(sample_roots[column]);
  };
  const auto row_scales = space.row_scales();
  const auto product = product_of(request.metric);
  const double tolerance = sizeof(T) == sizeof(double) ? 1e-10 : 1e-5;
  double last = 0.0;
  // One mode more each time that what is missing has settled: it must not become a mode of its own before it is known.
  DecompositionRequest<T> capped = request;
  std::size_t cap = 1;
  std::size_t at_this_cap = 0;
  bool is_capped = false;
  capped.known_rank.reset();
  capped.choose_rank = [&](const Spectrum<T>& spectrum) {
    RankChoice choice = request.choose_rank(spectrum);
    is_capped = choice.rank > cap;
    choice.rank = std::min(choice.rank, cap);
    return choice;
  };
  while (at_this_cap < most_iterations) {
    const SpaceRows<T> rows(snapshots, space, row_scales, sample_roots, gaps);
    ArrayStore<T> store;
    if (decompose<T>(rows, capped, store).rank == 0) return;
    const auto basis = as_matrix(std::as_const(store.array()));
    const auto filled = gathered_columns(rows, columns);
    auto states = filled;
    for (const Gap& gap : gaps) states(place_of[gap.column], gap.row) = std::numeric_limits<T>::quiet_NaN();
    std::vector<std::vector<double>> coefficients;
    coefficients.reserve(columns.size());
    for (std::size_t k = 0; k < columns.size(); ++k)
      coefficients.push_back(
          step<T>(basis, as_matrix(std::as_const(states)).row(k), as_matrix(std::as_const(filled)).row(k), product));
    double change = 0.0;
    double size = 0.0;
    for (Gap& gap : gaps) {
      double value = 0.0;
      for (std::size_t mode = 0; mode < basis.cols; ++mode)
        value += static_cast<double>(basis(gap.row, mode)) * coefficients[place_of[gap.column]][mode];
      const double unit = root_of(gap.column) * space.factor(gap.row) * row_scales[gap.row];
      const double new_value = space.shift(gap.row) + value / unit;
      change += std::pow((new_value - gap.value) * unit, 2);
      size += value * value;
      gap.value = new_value;
    }
    if (space.parts().is_centered)
      update_means(learned, [&](std::size_t column) { return std::pow(root_of(column), 2); });
    last = std::sqrt(change / size);
    if (!is_capped && !(last > tolerance)) return;
    ++at_this_cap;
    if (is_capped && (last <= settled || at_this_cap >= most_for_a_mode)) {
      ++cap;
      at_this_cap = 0;
    }
  }
  // The last digits of noise need no end.
  if (last > 1e-6)
    warn(message("what is missing in snapshots still changes by ", last, " of itself after it was filled ",
                 most_iterations, " times: a smaller rank would say more about it"));
}

template <class T>
std::vector<std::size_t> sensor_rows(MatrixView<const T> basis, std::size_t count) {
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < basis.rows; ++i)
    if (std::ranges::any_of(basis.row(i), [](T x) { return x != T{0}; })) candidates.push_back(i);
  if (count == 0 || count > candidates.size())
    throw InvalidArgument(message("sensors: expected 1 to ", candidates.size(),
                                  ", the numbers of a state that any mode ", "has, got ", count));
  std::vector<std::size_t> sensors;
  while (sensors.size() < count) {
    auto rows = Matrix::from_shape({candidates.size(), basis.cols});
    for (std::size_t k = 0; k < candidates.size(); ++k)
      std::ranges::copy(basis.row(candidates[k]), as_matrix(rows).row(k).begin());
    auto chosen = pivot_rows(std::move(rows));
    chosen.resize(std::min(chosen.size(), count - sensors.size()));
    for (std::size_t& k : chosen) k = candidates[k];
    sensors.insert(sensors.end(), chosen.begin(), chosen.end());
    std::ranges::sort(chosen);
    std::erase_if(candidates, [&](std::size_t i) { return std::ranges::binary_search(chosen, i); });
  }
  return sensors;
}

template GappySolution gappy_coefficients(MatrixView<const double>, std::span<const double>, const GappyProduct&);
template GappySolution gappy_coefficients(MatrixView<const float>, std::span<const float>, const GappyProduct&);
template void fill_gaps(const RowSource<double>&, LearnedSpace&, const std::vector<double>&,
                        const DecompositionRequest<double>&);
template void fill_gaps(const RowSource<float>&, LearnedSpace&, const std::vector<float>&,
                        const DecompositionRequest<float>&);
template std::vector<std::size_t> sensor_rows(MatrixView<const double>, std::size_t);
template std::vector<std::size_t> sensor_rows(MatrixView<const float>, std::size_t);

}  // namespace fieldfold
