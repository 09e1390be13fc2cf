module fieldfold.decomposition.errors;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.parallel;
import fieldfold.decomposition.gram_sketch;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// An error from the summary is accepted if it is at least this many times its rounding error: six digits are then
/// correct (three in single precision).
template <class T>
constexpr double error_margin = sizeof(T) == sizeof(double) ? 1e6 : 1e3;

double relative(double error, double norm) {
  if (error > 0.0) return norm > 0.0 ? std::sqrt(error / norm) : std::numeric_limits<double>::infinity();
  return 0.0;
}

}  // namespace

RelativeErrors relative_errors(const ErrorSquares& squares, const std::vector<std::size_t>& columns) {
  const std::size_t groups = squares.groups();
  RelativeErrors errors{.columns = Matrix::from_shape({columns.size()}),
                        .groups = Matrix::from_shape({groups}),
                        .column_groups = Matrix::from_shape({columns.size(), groups}),
                        .group_norms = std::vector<double>(groups, 0.0)};
  std::vector<double> group_errors(groups, 0.0);
  std::vector<double> group_squares(groups, 0.0);
  for (std::size_t j = 0; j < columns.size(); ++j) {
    double error = 0.0;
    double square = 0.0;
    for (std::size_t group = 0; group < groups; ++group) square += squares.of_columns(group, columns[j]);
    for (std::size_t group = 0; group < groups; ++group) {
      // Zero columns are projected exactly, whatever rounding yields.
      const double here = square > 0.0 ? squares.of_residuals(group, columns[j]) : 0.0;
      const double all = squares.of_columns(group, columns[j]);
      errors.column_groups(j, group) = relative(here, all);
      error += here;
      const double scale = squares.scales[columns[j]];
      errors.group_norms[group] = std::hypot(errors.group_norms[group], std::sqrt(here) / scale * squares.unit);
      group_errors[group] += here / scale / scale;
      group_squares[group] += all / scale / scale;
    }
    errors.columns(j) = relative(error, square);
  }
  for (std::size_t group = 0; group < groups; ++group)
    errors.groups(group) = relative(group_errors[group], group_squares[group]);
  return errors;
}

double sum_of_error_squares(const ErrorSquares& squares, const std::vector<std::size_t>& columns) {
  double sum = 0.0;
  for (const std::size_t column : columns)
    for (std::size_t group = 0; group < squares.groups(); ++group)
      sum += std::pow(std::sqrt(squares.of_residuals(group, column)) / squares.scales[column] * squares.unit, 2);
  return sum;
}

template <class T>
std::vector<std::size_t> errors_of_summary(const ProjectionSummary& summary, double unit, ErrorSquares& squares) {
  const auto& [factorization, grams, weights, coefficients] = summary;
  const std::size_t columns = factorization.columns.size();
  Matrix whole = factorization.is_identity ? identity(columns) : factorization.triangle;
  Matrix residual = whole;
  subtract_product_transposed(as_matrix(weights), as_matrix(coefficients), as_matrix(residual));
  std::vector<double> factors(columns, 0.0);
  for (std::size_t i = 0; i < whole.shape(0); ++i)
    for (std::size_t j = 0; j < columns; ++j) factors[j] = std::max(factors[j], std::abs(whole(i, j)));
  for (double& factor : factors) factor = factor > 0.0 ? 1.0 / factor : 1.0;
  scale_columns(as_matrix(whole), factors);
  scale_columns(as_matrix(residual), factors);
  for (std::size_t j = 0; j < columns; ++j) squares.scales[j] = factors[j] * unit;
  squares.unit = unit;

  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  std::vector<char> is_doubtful(columns, 0);
  std::vector<double> of_residual_of_all(columns, 0.0);
  for (std::size_t group = 0; group < grams.size(); ++group) {
    const Matrix& gram = grams[group];
    const Matrix of_residual = product(gram, residual);
    const Matrix of_whole = factorization.is_identity ? gram : product(gram, whole);
    std::vector<double> bounds(columns, 0.0);
    for (std::size_t i = 0; i < whole.shape(0); ++i)
      for (std::size_t j = 0; j < columns; ++j) {
        squares.of_residuals(group, j) += residual(i, j) * of_residual(i, j);
        squares.of_columns(group, j) += whole(i, j) * of_whole(i, j);
        bounds[j] += std::abs(residual(i, j)) * std::sqrt(gram(i, i));
      }
    for (std::size_t j = 0; j < columns; ++j) {
      of_residual_of_all[j] += squares.of_residuals(group, j);
      if (squares.of_residuals(group, j) < error_margin<T> * epsilon * bounds[j] * bounds[j]) is_doubtful[j] = 1;
    }
  }
  std::vector<std::size_t> doubtful;
  for (std::size_t j = 0; j < columns; ++j) {
    const double dropped = factorization.is_identity ? 0.0 : factorization.dropped[j] * factors[j];
    if (is_doubtful[j] != 0 || of_residual_of_all[j] < error_margin<T> * dropped * dropped) doubtful.push_back(j);
  }
  return doubtful;
}

template <class T>
Matrix projected_columns(const ColumnsAndBasis<T>& projection, const std::vector<std::size_t>& columns,
                         const Pass& pass) {
  const RowSource<T>& source =
      projection.weighted_columns != nullptr ? *projection.weighted_columns : projection.columns;
  const Factorization chosen{.columns = columns};
  const FactorRows<T> chosen_rows(chosen, source.cols());
  std::vector<xt::xarray<T>> sums(pass.threads, zeros<T>({columns.size(), projection.rank}));
  std::vector<std::vector<T>> buffers(pass.threads);
  std::vector<std::vector<T>> gathered(pass.threads);
  std::vector<std::vector<T>> bases(pass.threads);
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    add_product_transposed(chosen_rows(source.read(first, count, buffers[part]), gathered[part]),
                           projection.basis.read(first, count, bases[part]), as_matrix(sums[part]));
  });
  return sum_of(sums, pass.partition);
}

namespace {

/// Residuals of the selected columns, by blocks of rows; holds the buffers of one thread.
template <class T>
class ResidualRows {
 public:
  ResidualRows(const FactorRows<T>& chosen_rows, const xt::xarray<T>& coefficients)
      : chosen_rows_(chosen_rows), coefficients_(coefficients) {}

  struct Block {
    MatrixView<const T> columns;
    MatrixView<const T> residual;
  };

  Block operator()(const RowSource<T>& columns, MatrixView<const T> basis, std::size_t first, std::size_t count) {
    const auto rows = chosen_rows_(columns.read(first, count, buffer_), gathered_);
    residual_.resize(count * rows.cols);
    const MatrixView<T> residual{residual_.data(), count, rows.cols};
    for (std::size_t i = 0; i < count; ++i) std::ranges::copy(rows.row(i), residual.row(i).begin());
    subtract_product_transposed(basis, as_matrix(coefficients_), residual);
    return {rows, readable(residual)};
  }

 private:
  const FactorRows<T>& chosen_rows_;
  const xt::xarray<T>& coefficients_;
  std::vector<T> buffer_;
  std::vector<T> gathered_;
  std::vector<T> residual_;
};

}  // namespace

template <class T>
void errors_of_residual(const ColumnsAndBasis<T>& projection, const ColumnSubset& subset, double unit, const Pass& pass,
                        ErrorSquares& squares) {
  const Factorization chosen{.columns = subset.columns};
  const FactorRows<T> chosen_rows(chosen, projection.columns.cols());
  const xt::xarray<T> coefficients = array_cast<T>(subset.coefficients);
  const std::size_t number = subset.columns.size();
  const std::size_t groups = squares.groups();
  squares.unit = unit;
  const double factor = 1.0 / unit;
  std::vector<Matrix> of_residuals(pass.threads, zeros<double>({groups, number}));
  std::vector<Matrix> of_columns = of_residuals;
  std::vector<std::vector<T>> bases(pass.threads);
  std::vector<ResidualRows<T>> plain(pass.threads, ResidualRows<T>(chosen_rows, coefficients));
  std::vector<ResidualRows<T>> weighted = plain;
  const RowSource<T>& source = projection.columns;
  for_each_block(source.rows(), source.block_rows(), pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    const auto block = plain[part](source, projection.basis.read(first, count, bases[part]), first, count);
    auto products = block;
    if (projection.weighted_columns != nullptr)
      products = weighted[part](*projection.weighted_columns,
                                projection.weighted_basis->read(first, count, bases[part]), first, count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t group = (first + i) % groups;
      double* const of_residual = &of_residuals[part](group, 0);
      double* const of_column = &of_columns[part](group, 0);
      const T* const row = block.columns.row(i).data();
      const T* const rest = block.residual.row(i).data();
      const T* const weighted_row = products.columns.row(i).data();
      const T* const weighted_rest = products.residual.row(i).data();
      for (std::size_t j = 0; j < number; ++j) {
        of_residual[j] += factor * static_cast<double>(rest[j]) * (factor * static_cast<double>(weighted_rest[j]));
        of_column[j] += factor * static_cast<double>(row[j]) * (factor * static_cast<double>(weighted_row[j]));
      }
    }
  });
  const Matrix residual_sums = sum_of(of_residuals, pass.partition);
  const Matrix column_sums = sum_of(of_columns, pass.partition);
  for (std::size_t j = 0; j < number; ++j) {
    squares.scales[subset.places[j]] = 1.0;
    for (std::size_t group = 0; group < groups; ++group) {
      squares.of_residuals(group, subset.places[j]) = residual_sums(group, j);
      squares.of_columns(group, subset.places[j]) = column_sums(group, j);
    }
  }
}

template std::vector<std::size_t> errors_of_summary<double>(const ProjectionSummary&, double, ErrorSquares&);
template Matrix projected_columns(const ColumnsAndBasis<double>&, const std::vector<std::size_t>&, const Pass&);
template void errors_of_residual(const ColumnsAndBasis<double>&, const ColumnSubset&, double, const Pass&,
                                 ErrorSquares&);
template std::vector<std::size_t> errors_of_summary<float>(const ProjectionSummary&, double, ErrorSquares&);
template Matrix projected_columns(const ColumnsAndBasis<float>&, const std::vector<std::size_t>&, const Pass&);
template void errors_of_residual(const ColumnsAndBasis<float>&, const ColumnSubset&, double, const Pass&,
                                 ErrorSquares&);

}  // namespace fieldfold
