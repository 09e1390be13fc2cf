module fieldfold.pod.gappy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.inner_product;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.linalg.dense;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// Largest condition at which normal equations keep half of the digits.
constexpr double well_conditioned = 1e4;

/// Amplification beyond which rounding errors of the basis dominate some coefficient.
template <class T>
constexpr double hopeless = 0.01 / static_cast<double>(std::numeric_limits<T>::epsilon());

constexpr std::size_t most_iterations = 200;

/// A mode is added when the relative change of the estimates is at most this, or after this many iterations.
constexpr double settled = 1e-6;
constexpr std::size_t most_for_a_mode = 10;

[[noreturn]] void not_determined(std::size_t present, std::size_t rank) {
  throw NumericalError(message("the ", present, " known entries do not determine the ", rank, " coefficients"));
}

/// Normal equations.
struct Normal {
  Matrix matrix;                   ///< `(rank, rank)`
  std::vector<double> right_hand;  ///< `(rank,)`
};

/// Rows of the basis and entries of y, times the roots of their weights.
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
                        const GappyInnerProduct& product) {
  const std::size_t rank = basis.cols;
  Normal normal{zeros<double>({rank, rank}), std::vector<double>(rank, 0.0)};
  const MatrixView<double> right_hand{normal.right_hand.data(), rank, 1};
  if (product.apply) {
    Matrix rows = zeros<double>({basis.rows, rank});
    Matrix values = zeros<double>({basis.rows, std::size_t{1}});
    for (const std::size_t i : present) {
      std::ranges::copy(basis.row(i), as_matrix(rows).row(i).begin());
      values(i, 0) = static_cast<double>(y[i]);
    }
    auto weighed = Matrix::from_shape(rows.shape());
    product.apply(as_matrix(std::as_const(rows)), as_matrix(weighed));
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

/// The least-squares solution by a singular value decomposition of the rows.
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

/// Columns of a matrix, transposed: `(columns, rows)`.
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

/// The inner product of the scaled problem, for least squares.
template <class T>
GappyInnerProduct gappy_inner_product(const InnerProduct<T>* inner_product) {
  if (inner_product == nullptr) return {};
  return {.apply = [inner_product](MatrixView<const double> y, MatrixView<double> result) {
    auto values = xt::xarray<T>::from_shape({y.rows, y.cols});
    std::transform(y.data, y.data + y.rows * y.cols, values.data(), [](double x) { return static_cast<T>(x); });
    const MatrixRows<T> rows(as_matrix(std::as_const(values)));
    copy_rows(*inner_product->times(rows), result);
  }};
}

/// Least-squares coefficients of a snapshot from its known entries. If these amplify errors too much, the coefficients
/// of the snapshot with its current estimates: a smaller step of the same iteration (the EM algorithm; Dempster, Laird
/// and Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x).
template <class T>
std::vector<double> step(MatrixView<const T> basis, std::span<const T> gappy, std::span<const T> filled,
                         const GappyInnerProduct& product) {
  constexpr double too_large = 30.0;
  const auto of_filled = [&] { return gappy_coefficients<T>(basis, filled, product).coefficients; };
  try {
    auto solution = gappy_coefficients<T>(basis, gappy, product);
    return solution.condition < too_large ? std::move(solution.coefficients) : of_filled();
  } catch (const NumericalError&) {
    return of_filled();
  }
}

/// The iteration of `fill_gaps`.
template <class T>
class GapFilling {
 public:
  GapFilling(const RowSource<T>& snapshots, SpaceScaling<T>& scaling, SnapshotStatistics& statistics,
             const InnerProduct<T>* inner_product)
      : snapshots_(snapshots),
        scaling_(scaling),
        statistics_(statistics),
        inner_product_(gappy_inner_product(inner_product)) {
    for (const Gap& gap : statistics.gaps) place_of_.emplace(gap.column, 0);
    for (auto& [column, place] : place_of_) {
      place = columns_.size();
      columns_.push_back(column);
    }
  }

  /// Updates the estimates of the gaps from the modes of the filled snapshots. \returns  the change of the estimates
  /// relative to their norm; none if the snapshots are zero
  std::optional<double> iterate(const DecompositionRequest<T>& request) {
    const ScaledRows<T> rows(snapshots_, scaling_, statistics_.gaps);
    ArrayStore<T> store;
    if (decompose<T>(rows, request, store).rank == 0) return std::nullopt;
    const auto basis = as_matrix(std::as_const(store.array()));
    const double change = estimate(basis, coefficients_in(basis, rows));
    if (scaling_.space().parts().is_centered) update_means();
    return change;
  }

 private:
  std::vector<std::vector<double>> coefficients_in(MatrixView<const T> basis, const ScaledRows<T>& rows) const {
    const auto filled = gathered_columns(rows, columns_);
    auto gappy = filled;
    for (const Gap& gap : statistics_.gaps)
      gappy(place_of_.at(gap.column), gap.row) = std::numeric_limits<T>::quiet_NaN();
    std::vector<std::vector<double>> coefficients;
    coefficients.reserve(columns_.size());
    for (std::size_t k = 0; k < columns_.size(); ++k)
      coefficients.push_back(step<T>(basis, as_matrix(std::as_const(gappy)).row(k),
                                     as_matrix(std::as_const(filled)).row(k), inner_product_));
    return coefficients;
  }

  double estimate(MatrixView<const T> basis, const std::vector<std::vector<double>>& coefficients) {
    const FieldSpace& space = scaling_.space();
    double change = 0.0;
    double size = 0.0;
    for (Gap& gap : statistics_.gaps) {
      double value = 0.0;
      for (std::size_t mode = 0; mode < basis.cols; ++mode)
        value += static_cast<double>(basis(gap.row, mode)) * coefficients[place_of_.at(gap.column)][mode];
      const double unit =
          static_cast<double>(scaling_.sample_root(gap.column)) * space.factor(gap.row) * scaling_.row_scale(gap.row);
      const double new_value = space.shift(gap.row) + value / unit;
      change += std::pow((new_value - gap.value) * unit, 2);
      size += value * value;
      gap.value = new_value;
    }
    return std::sqrt(change / size);
  }

  /// Updates the means of rows with gaps, over known entries and estimates.
  void update_means() {
    const auto weight_of = [&](std::size_t column) {
      return std::pow(static_cast<double>(scaling_.sample_root(column)), 2);
    };
    const auto& gaps = statistics_.gaps;
    for (auto gap = gaps.begin(); gap != gaps.end();) {
      const std::size_t row = gap->row;
      double weight = statistics_.finite_weights[row];
      double sum = weight * statistics_.means(row);
      for (; gap != gaps.end() && gap->row == row; ++gap) {
        weight += weight_of(gap->column);
        sum += weight_of(gap->column) * gap->value;
      }
      scaling_.set_mean(row, sum / weight);
    }
  }

  const RowSource<T>& snapshots_;
  SpaceScaling<T>& scaling_;
  SnapshotStatistics& statistics_;
  GappyInnerProduct inner_product_;
  std::map<std::size_t, std::size_t> place_of_;  ///< index in `columns_` of each snapshot with gaps
  std::vector<std::size_t> columns_;
};

}  // namespace

template <class T>
GappySolution gappy_coefficients(MatrixView<const T> basis, std::span<const T> y, const GappyInnerProduct& product) {
  const std::size_t rank = basis.cols;
  std::vector<std::size_t> present;
  for (std::size_t i = 0; i < y.size(); ++i)
    if (std::isfinite(y[i])) present.push_back(i);
  if (present.size() < rank) not_determined(present.size(), rank);
  Normal normal = normal_equations(basis, y, present, product);
  const auto eigen = symmetric_eigen(std::move(normal.matrix));
  const double largest = eigen.values(rank - 1);
  const bool keeps_digits = largest < well_conditioned * well_conditioned * eigen.values(0);
  if (!product.apply && !keeps_digits) return decomposed_solution(basis, y, present, product.weights);
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
void fill_gaps(const RowSource<T>& snapshots, SpaceScaling<T>& scaling, SnapshotStatistics& statistics,
               const DecompositionRequest<T>& request) {
  const double tolerance = sizeof(T) == sizeof(double) ? 1e-10 : 1e-5;
  // A mode is added only once the estimates have settled: a poorly estimated gap must not become a mode of its own.
  std::size_t cap = 1;
  std::size_t iterations_at_cap = 0;
  bool is_capped = false;
  DecompositionRequest<T> capped = request;
  capped.known_rank.reset();
  capped.choose_rank = [&](const Spectrum<T>& spectrum) {
    RankChoice choice = request.choose_rank(spectrum);
    is_capped = choice.rank > cap;
    choice.rank = std::min(choice.rank, cap);
    return choice;
  };
  GapFilling<T> filling(snapshots, scaling, statistics, request.inner_product);
  double change = 0.0;
  while (iterations_at_cap < most_iterations) {
    const auto found = filling.iterate(capped);
    if (!found) return;
    change = *found;
    if (!is_capped && !(change > tolerance)) return;
    ++iterations_at_cap;
    if (is_capped && (change <= settled || iterations_at_cap >= most_for_a_mode)) {
      ++cap;
      iterations_at_cap = 0;
    }
  }
  // Noise need not converge to the last digits.
  if (change > 1e-6)
    warn(message("filling gaps in snapshots has not converged: relative change ", change, " after ", most_iterations,
                 " iterations; a smaller rank determines the gaps better"));
}

template GappySolution gappy_coefficients(MatrixView<const double>, std::span<const double>, const GappyInnerProduct&);
template GappySolution gappy_coefficients(MatrixView<const float>, std::span<const float>, const GappyInnerProduct&);
template void fill_gaps(const RowSource<double>&, SpaceScaling<double>&, SnapshotStatistics&,
                        const DecompositionRequest<double>&);
template void fill_gaps(const RowSource<float>&, SpaceScaling<float>&, SnapshotStatistics&,
                        const DecompositionRequest<float>&);

}  // namespace fieldfold
