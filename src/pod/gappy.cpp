module fieldfold.pod.gappy;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
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

template <class T>
std::vector<std::size_t> finite_entries(std::span<const T> y) {
  std::vector<std::size_t> entries;
  for (std::size_t i = 0; i < y.size(); ++i)
    if (std::isfinite(y[i])) entries.push_back(i);
  return entries;
}

/// Multiplies the rows of chosen entries by the roots of their weights. \param weights  empty: 1
void weigh_rows(Matrix& rows, std::span<const std::size_t> chosen, std::span<const double> weights) {
  for (std::size_t k = 0; k < chosen.size() && !weights.empty(); ++k)
    for (double& entry : as_matrix(rows).row(k)) entry *= std::sqrt(weights[chosen[k]]);
}

/// Rows of the basis, times the roots of their weights.
template <class T>
Matrix weighted_rows(MatrixView<const T> basis, std::span<const std::size_t> chosen, std::span<const double> weights) {
  auto rows = Matrix::from_shape({chosen.size(), basis.cols});
  for (std::size_t k = 0; k < chosen.size(); ++k)
    for (std::size_t mode = 0; mode < basis.cols; ++mode) rows(k, mode) = static_cast<double>(basis(chosen[k], mode));
  weigh_rows(rows, chosen, weights);
  return rows;
}

/// The rows of the basis that are known, and W applied to them with zeros elsewhere, for a W that is not diagonal.
struct RestrictedProducts {
  Matrix rows;
  Matrix products;
};

template <class T>
RestrictedProducts restricted_products(MatrixView<const T> basis, std::span<const std::size_t> known,
                                       const GappyInnerProduct& product) {
  Matrix padded = zeros<double>({basis.rows, basis.cols});
  for (const std::size_t i : known) std::ranges::copy(basis.row(i), as_matrix(padded).row(i).begin());
  auto weighed = Matrix::from_shape(padded.shape());
  product.apply(as_matrix(std::as_const(padded)), as_matrix(weighed));
  const std::vector<std::size_t> rows(known.begin(), known.end());
  return {rows_of(padded, rows), rows_of(weighed, rows)};
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

/// The known rows of a basis, times the roots of their weights or W applied to them, and the matrix of the normal
/// equations, `(rank, rank)`.
struct NormalMatrix {
  Matrix rows;
  Matrix matrix;
};

template <class T>
NormalMatrix normal_matrix(MatrixView<const T> basis, std::span<const std::size_t> known,
                           const GappyInnerProduct& inner_product) {
  NormalMatrix normal{zeros<double>({0, 0}), zeros<double>({basis.cols, basis.cols})};
  if (inner_product.apply) {
    auto [rows, products] = restricted_products(basis, known, inner_product);
    add_symmetric_product(as_matrix(std::as_const(rows)), as_matrix(std::as_const(products)), as_matrix(normal.matrix));
    normal.rows = std::move(products);
  } else {
    normal.rows = weighted_rows(basis, known, inner_product.weights);
    add_gram(as_matrix(std::as_const(normal.rows)), as_matrix(normal.matrix));
  }
  fill_upper(as_matrix(normal.matrix));
  return normal;
}

/// The inverse of the matrix of normal equations, and the amplification of errors.
template <class T>
std::pair<Matrix, double> inverse_of_normal(const SymmetricEigen& eigen, std::size_t known) {
  const std::size_t rank = eigen.values.size();
  const double largest = eigen.values(rank - 1);
  if (!(largest < 1e14 * eigen.values(0)) || !(1.0 < hopeless<T> * hopeless<T> * eigen.values(0)))
    not_determined(known, rank);
  auto reciprocals = Matrix::from_shape({rank});
  for (std::size_t k = 0; k < rank; ++k) reciprocals(k) = 1.0 / eigen.values(k);
  return {product(scaled_columns(eigen.vectors, reciprocals), transposed(eigen.vectors)),
          std::max(1.0, 1.0 / std::sqrt(eigen.values(0)))};
}

/// `matrix x`
std::vector<double> applied(const Matrix& matrix, std::span<const double> x) {
  std::vector<double> result(matrix.shape(0), 0.0);
  for (std::size_t i = 0; i < matrix.shape(0); ++i)
    for (std::size_t k = 0; k < x.size(); ++k) result[i] += matrix(i, k) * x[k];
  return result;
}

/// The iteration of `fill_gaps`.
template <class T, class S>
class GapFilling {
 public:
  GapFilling(const RowSource<S>& snapshots, SpaceScaling<T>& scaling, SnapshotStatistics& statistics,
             const DecompositionRequest<T>& request)
      : snapshots_(snapshots),
        scaling_(scaling),
        statistics_(statistics),
        inner_product_(gappy_inner_product(request.inner_product)),
        partition_(request.partition) {
    std::vector<double> is_gappy(snapshots.cols(), 0.0);
    for (const Gap& gap : statistics.gaps) is_gappy[gap.column] = 1.0;
    partition_.maximum(is_gappy);
    for (std::size_t column = 0; column < is_gappy.size(); ++column)
      if (is_gappy[column] > 0.0) place_of_.emplace(column, 0);
    for (auto& [column, place] : place_of_) {
      place = columns_.size();
      columns_.push_back(column);
    }
  }

  /// Updates the estimates of the gaps from the modes of the filled snapshots. \returns  the change of the estimates
  /// relative to their norm; none if the snapshots are zero
  std::optional<double> iterate(const DecompositionRequest<T>& request) {
    const ScaledRows<T, S> rows(snapshots_, scaling_, statistics_.gaps);
    ArrayStore<T> store;
    if (decompose<T>(rows, request, store).rank == 0) return std::nullopt;
    const auto basis = as_matrix(std::as_const(store.array()));
    const double change = estimate(basis, coefficients_in(basis, rows));
    if (scaling_.space().parts().is_centered) update_means();
    return change;
  }

 private:
  /// Least-squares coefficients of the snapshots from their known entries. If these amplify errors too much, the
  /// coefficients of the snapshot with its current estimates: a smaller step of the same iteration (the EM algorithm;
  /// Dempster, Laird and Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x).
  std::vector<std::vector<double>> coefficients_in(MatrixView<const T> basis, const RowSource<T>& rows) const {
    constexpr double too_large = 30.0;
    const auto filled = gathered_columns(rows, columns_);
    auto gappy = filled;
    for (const Gap& gap : statistics_.gaps)
      gappy(place_of_.at(gap.column), gap.row) = std::numeric_limits<T>::quiet_NaN();
    NormalEquations<T> of_gappy(basis, inner_product_);
    for (std::size_t k = 0; k < columns_.size(); ++k) of_gappy.add(as_matrix(std::as_const(gappy)).row(k));
    of_gappy.reduce(partition_);
    const Matrix of_filled = projections(basis, filled);
    const auto projection_of = [&](std::size_t k) {
      const auto row = as_matrix(of_filled).row(k);
      return std::vector<double>(row.begin(), row.end());
    };
    std::vector<std::vector<double>> coefficients;
    coefficients.reserve(columns_.size());
    for (std::size_t k = 0; k < columns_.size(); ++k) {
      try {
        auto [own, condition] = of_gappy.solve(k);
        coefficients.push_back(condition < too_large ? std::move(own) : projection_of(k));
      } catch (const NumericalError&) {
        coefficients.push_back(projection_of(k));
      }
      partition_.agree(coefficients.back());
    }
    return coefficients;
  }

  /// The coefficients of complete states in an orthonormal basis, `(k, rank)`. \param states  `(k, dof)`
  Matrix projections(MatrixView<const T> basis, const xt::xarray<T>& states) const {
    Matrix columns = transposed(array_cast<double>(states));
    if (inner_product_.apply) {
      auto weighed = Matrix::from_shape(columns.shape());
      inner_product_.apply(as_matrix(std::as_const(columns)), as_matrix(weighed));
      columns = std::move(weighed);
    }
    auto modes = Matrix::from_shape({basis.rows, basis.cols});
    copy_rows(MatrixRows<T>(basis), as_matrix(modes));
    Matrix sums = transposed_product(columns, modes);
    partition_.sum(entries_of(sums));
    return sums;
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
    std::array both{change, size};
    partition_.sum(both);
    return std::sqrt(both[0] / both[1]);
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

  const RowSource<S>& snapshots_;
  SpaceScaling<T>& scaling_;
  SnapshotStatistics& statistics_;
  GappyInnerProduct inner_product_;
  RowPartition partition_;
  std::map<std::size_t, std::size_t> place_of_;  ///< index in `columns_` of each snapshot with gaps
  std::vector<std::size_t> columns_;
};

}  // namespace

template <class T>
GappyLeastSquares<T>::GappyLeastSquares(MatrixView<const T> basis, std::vector<std::size_t> known,
                                        const GappyInnerProduct& inner_product)
    : known_(std::move(known)) {
  const std::size_t rank = basis.cols;
  if (known_.size() < rank) not_determined(known_.size(), rank);
  NormalMatrix normal = normal_matrix<T>(basis, known_, inner_product);
  rows_ = std::move(normal.rows);
  const auto eigen = symmetric_eigen(std::move(normal.matrix));
  const double largest = eigen.values(rank - 1);
  const bool keeps_digits = largest < well_conditioned * well_conditioned * eigen.values(0);
  if (!inner_product.apply && !keeps_digits) {
    decompose_rows(basis, inner_product.weights);
    return;
  }
  auto inverse = inverse_of_normal<T>(eigen, known_.size());
  to_coefficients_ = std::move(inverse.first);
  condition_ = inverse.second;
  if (!inner_product.apply) weigh_rows(rows_, known_, inner_product.weights);
}

/// A singular value decomposition of the known rows: the coefficients are V diag(1 / s) U^T y.
template <class T>
void GappyLeastSquares<T>::decompose_rows(MatrixView<const T> basis, std::span<const double> weights) {
  const std::size_t rank = basis.cols;
  auto svd = thin_svd(std::move(rows_));
  if (!(1.0 < hopeless<T> * svd.s(rank - 1))) not_determined(known_.size(), rank);
  condition_ = std::max(1.0, 1.0 / svd.s(rank - 1));
  rows_ = std::move(svd.u);
  weigh_rows(rows_, known_, weights);
  auto reciprocals = Matrix::from_shape({rank});
  for (std::size_t k = 0; k < rank; ++k) reciprocals(k) = 1.0 / svd.s(k);
  to_coefficients_ = scaled_columns(std::move(svd.v), reciprocals);
}

template <class T>
std::vector<double> GappyLeastSquares<T>::solve(std::span<const T> y) const {
  const std::size_t rank = to_coefficients_.shape(0);
  std::vector<double> projected(rank, 0.0);
  for (std::size_t k = 0; k < known_.size(); ++k) {
    const auto value = static_cast<double>(y[known_[k]]);
    for (std::size_t mode = 0; mode < rank; ++mode) projected[mode] += rows_(k, mode) * value;
  }
  return applied(to_coefficients_, projected);
}

template <class T>
void NormalEquations<T>::add(std::span<const T> y) {
  const std::size_t rank = basis_.cols;
  const std::vector<std::size_t> known = finite_entries(y);
  auto [rows, matrix] = normal_matrix<T>(basis_, known, inner_product_);
  if (!inner_product_.apply) weigh_rows(rows, known, inner_product_.weights);
  const std::size_t begin = equations_.size();
  equations_.resize(begin + stride(), 0.0);
  equations_[begin] = static_cast<double>(known.size());
  for (std::size_t k = 0; k < known.size(); ++k)
    for (std::size_t mode = 0; mode < rank; ++mode)
      equations_[begin + 1 + mode] += rows(k, mode) * static_cast<double>(y[known[k]]);
  std::ranges::copy(matrix, equations_.begin() + static_cast<std::ptrdiff_t>(begin + 1 + rank));
}

template <class T>
void NormalEquations<T>::reduce(const RowPartition& partition) {
  partition.sum(equations_);
}

template <class T>
std::pair<std::vector<double>, double> NormalEquations<T>::solve(std::size_t state) const {
  const std::size_t rank = basis_.cols;
  const double* const begin = equations_.data() + state * stride();
  if (known(state) < rank) not_determined(known(state), rank);
  auto matrix = Matrix::from_shape({rank, rank});
  std::copy_n(begin + 1 + rank, rank * rank, matrix.begin());
  const auto [inverse, condition] = inverse_of_normal<T>(symmetric_eigen(std::move(matrix)), known(state));
  return {applied(inverse, {begin + 1, rank}), condition};
}

template <class T>
std::vector<double> gappy_coefficients(MatrixView<const T> basis, std::span<const T> y,
                                       const GappyInnerProduct& product) {
  return GappyLeastSquares<T>(basis, finite_entries(y), product).solve(y);
}

template <class T, class S>
void fill_gaps(const RowSource<S>& snapshots, SpaceScaling<T>& scaling, SnapshotStatistics& statistics,
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
  GapFilling<T, S> filling(snapshots, scaling, statistics, request);
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

template class GappyLeastSquares<double>;
template class GappyLeastSquares<float>;
template class NormalEquations<double>;
template class NormalEquations<float>;
template std::vector<double> gappy_coefficients(MatrixView<const double>, std::span<const double>,
                                                const GappyInnerProduct&);
template std::vector<double> gappy_coefficients(MatrixView<const float>, std::span<const float>,
                                                const GappyInnerProduct&);
template void fill_gaps(const RowSource<double>&, SpaceScaling<double>&, SnapshotStatistics&,
                        const DecompositionRequest<double>&);
template void fill_gaps(const RowSource<float>&, SpaceScaling<float>&, SnapshotStatistics&,
                        const DecompositionRequest<float>&);
template void fill_gaps(const RowSource<double>&, SpaceScaling<float>&, SnapshotStatistics&,
                        const DecompositionRequest<float>&);

}  // namespace fieldfold
