module fieldfold.decomposition.incremental;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.parallel;
import fieldfold.decomposition.gram_sketch;
import fieldfold.decomposition.row_summary;
import fieldfold.linalg.dense;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// Rows of the basis in a block, few enough to stay in the cache.
constexpr std::size_t chunk_rows = 1024;

/// Norm of a residual, relative to the projection, up to which it is rounding error.
template <class T>
constexpr double rounding = 4.0 * static_cast<double>(std::numeric_limits<T>::epsilon());

/// A view of the columns `first` to `first + count`.
template <class T>
MatrixView<T> columns(MatrixView<T> rows, std::size_t first, std::size_t count) {
  return {rows.data + first, rows.rows, count, rows.stride};
}

template <class T>
double row_squares(MatrixView<T> rows, std::size_t i) {
  return sum_of_squares(MatrixView<const T>{rows.row(i).data(), 1, rows.cols});
}

/// Drops the last direction of a factorization.
void drop_last(Factorization& factorization) {
  const std::size_t last = factorization.leading.size() - 1;
  for (std::size_t j = 0; j < factorization.triangle.shape(1); ++j)
    factorization.dropped[j] = std::hypot(factorization.dropped[j], factorization.triangle(last, j));
  factorization.leading.pop_back();
  factorization.square = leading_block(factorization.square, last, last);
  factorization.triangle = leading_block(factorization.triangle, last, factorization.triangle.shape(1));
}

/// As many threads as a block is worth.
Pass pass_for(std::size_t dof, std::size_t columns, const Pass& asked) {
  constexpr std::size_t worth_a_thread = std::size_t{1} << 20;
  const std::size_t available = std::max(1U, std::thread::hardware_concurrency());
  Pass pass = asked;
  pass.threads = dof * columns < worth_a_thread ? 1 : asked.threads == 0 ? available : asked.threads;
  return pass;
}

/// The rank to keep; truncated singular values add to the bound.
template <class T>
std::size_t truncated_rank(const Matrix& s, const IncrementalTruncation& truncation, double squares, double& bound) {
  std::size_t rank = s(0) > 0.0 ? numerical_rank(xt::xarray<T>(array_cast<T>(s))) : 0;
  double tail = 0.0;
  for (std::size_t mode = rank; mode < s.size(); ++mode) tail += s(mode) * s(mode);
  // Half of the remaining tolerance, so that later updates can truncate too.
  const double allowed = std::max(0.0, truncation.tolerance * std::sqrt(squares) - bound) / 2.0;
  const std::size_t most = truncation.max_rank.value_or(rank);
  while (rank > 1) {
    const double with_next = tail + s(rank - 1) * s(rank - 1);
    if (rank <= most && std::sqrt(with_next) > allowed) break;
    tail = with_next;
    --rank;
  }
  bound += std::sqrt(tail);
  return rank;
}

/// The columns `U diag(s)` and `rows^T diag(weights)`, one per row: their singular values and left singular vectors are
/// those of all columns, old and new.
template <class T>
Matrix all_columns(const IncrementalState<T>& state, const xt::xarray<double>& s, MatrixView<const T> rows,
                   const std::vector<double>& weights) {
  const std::size_t rank = s.size();
  auto all = Matrix::from_shape({rank + rows.rows, rows.cols});
  for (std::size_t mode = 0; mode < rank; ++mode)
    for (std::size_t i = 0; i < rows.cols; ++i) all(mode, i) = s(mode) * static_cast<double>(state.basis(i, mode));
  for (std::size_t k = 0; k < rows.rows; ++k)
    std::ranges::transform(rows.row(k), as_matrix(all).row(rank + k).begin(),
                           [&](T x) { return weights[k] * static_cast<double>(x); });
  return all;
}

/// An update by at least as many columns as they have numbers.
template <class T>
UpdatedState<T> updated_by_wide_block(const IncrementalState<T>& state, MatrixView<const T> rows,
                                      const std::vector<double>& weights, const IncrementalTotals& before,
                                      const IncrementalTruncation& truncation, const Pass& pass) {
  const auto columns = all_columns(state, before.s, rows, weights);
  const TransposedRows<double> source(as_matrix(columns));
  auto svd = thin_svd(row_triangle(source, [](std::size_t) { return true; }, pass).triangle);
  UpdatedState<T> result;
  IncrementalState<T>& next = result.state;
  next.squares = before.squares;
  next.bound = before.bound;
  const std::size_t rank = truncated_rank<T>(svd.s, truncation, next.squares, next.bound);
  next.s = leading_entries(svd.s, rank);
  const Matrix basis = column_range(svd.v, 0, rank);
  next.basis = array_cast<T>(basis);
  next.coefficients = state.s.size() > 0 ? product(state.coefficients,
                                                   transposed_product(Matrix(array_cast<double>(state.basis)), basis))
                                         : Matrix(zeros<double>({state.coefficients.shape(0), rank}));
  auto coefficients = xt::xarray<T>::from_shape({rows.rows, rank});
  if (rank > 0) multiply(rows, as_matrix(std::as_const(next.basis)), as_matrix(coefficients));
  result.row_coefficients = array_cast<double>(coefficients);
  return result;
}

}  // namespace

xt::xarray<double> stacked(const xt::xarray<double>& above, const xt::xarray<double>& below) {
  auto all = xt::xarray<double>::from_shape({above.shape(0) + below.shape(0), below.shape(1)});
  std::ranges::copy(below, std::ranges::copy(above, all.begin()).out);
  return all;
}

/// One update, with its intermediate results.
template <class T>
class Run {
 public:
  /// \param rows  `(b, dof)`; used as workspace
  Run(const IncrementalState<T>& state, const IncrementalTruncation& truncation, const Pass& pass, MatrixView<T> rows)
      : old_(state), truncation_(truncation), rows_(rows), rest_(readable(rows)), pass_(pass) {}

  /// \param before  of the old columns with their current weights, but `squares` with the new columns
  UpdatedState<T> run(const std::vector<double>& weights, const IncrementalTotals& before) {
    new_.squares = before.squares;
    new_.bound = before.bound;
    const double longest = apply_weights(weights);
    const Matrix in_basis = project_out();
    const OrthogonalFactor directions = new_directions(longest);
    const std::size_t r = old_rank();
    const std::size_t b = rows_.rows;
    const std::size_t added = directions.triangle.shape(0);
    Matrix coefficients = zeros<double>({b, std::size_t{0}});
    if (r + added > 0) {
      // All snapshots, old and new, in the widened basis: a small matrix, decomposed exactly.
      Matrix small = zeros<double>({r + added, r + b});
      for (std::size_t mode = 0; mode < r; ++mode) small(mode, mode) = before.s(mode);
      for (std::size_t i = 0; i < b; ++i) {
        for (std::size_t mode = 0; mode < r; ++mode) small(mode, r + i) = in_basis(i, mode);
        for (std::size_t mode = 0; mode < added; ++mode) small(r + mode, r + i) = directions.triangle(mode, i);
      }
      coefficients = rotate(directions, std::move(small), weights);
    } else {
      new_.coefficients = old_.coefficients;
    }
    return {std::move(new_), std::move(coefficients)};
  }

 private:
  std::size_t old_rank() const { return old_.s.size(); }

  template <class Work>
  void for_chunks(const Work& work) const {
    for_each_block(rows_.cols, chunk_rows, pass_, work);
  }

  MatrixView<const T> old_basis(std::size_t first, std::size_t count) const {
    return {old_.basis.data() + first * old_rank(), count, old_rank()};
  }

  /// Multiplies the rows by their weights, so that rows of small weight do not spoil the accuracy of the others.
  /// \returns  the largest norm
  double apply_weights(const std::vector<double>& weights) {
    std::vector<double> squares;
    for (std::size_t i = 0; i < rows_.rows; ++i) {
      for (T& x : rows_.row(i)) x *= static_cast<T>(weights[i]);
      squares.push_back(row_squares(rows_, i));
    }
    pass_.partition.sum(squares);
    return std::sqrt(*std::ranges::max_element(squares));
  }

  /// Subtracts from the rows their projections on the basis. Residuals at rounding level become 0 and add to the bound.
  /// \returns  the coefficients of the projections, `(b, rank)`
  Matrix project_out() {
    const std::size_t r = old_rank();
    const std::size_t b = rows_.rows;
    const auto projections = [&] { return std::vector<xt::xarray<T>>(pass_.threads, zeros<T>({b, r})); };
    // Twice: the component in the basis left by the first pass is small relative to the rows, but not to the residuals.
    auto first_sums = projections();
    auto second_sums = projections();
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      add_product(readable(columns(rows_, first, count)), old_basis(first, count), as_matrix(first_sums[part]));
    });
    Matrix in_basis = sum_of(first_sums, pass_.partition);
    const xt::xarray<T> once = array_cast<T>(in_basis);
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      const auto chunk = columns(rows_, first, count);
      subtract_product_transposed(as_matrix(once), old_basis(first, count), chunk);
      add_product(readable(chunk), old_basis(first, count), as_matrix(second_sums[part]));
    });
    const Matrix correction = sum_of(second_sums, pass_.partition);
    add_to(in_basis, correction);
    const xt::xarray<T> again = array_cast<T>(correction);
    std::vector<std::vector<double>> sums(pass_.threads, std::vector<double>(b, 0.0));
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      const auto chunk = columns(rows_, first, count);
      subtract_product_transposed(as_matrix(again), old_basis(first, count), chunk);
      for (std::size_t i = 0; i < b; ++i) sums[part][i] += row_squares(chunk, i);
    });

    std::vector<double> residuals(b, 0.0);
    for (const auto& sum : sums) std::ranges::transform(residuals, sum, residuals.begin(), std::plus<>{});
    pass_.partition.sum(residuals);
    double lost = 0.0;
    for (std::size_t i = 0; i < b; ++i) {
      const double residual = residuals[i];
      double square = 0.0;
      for (std::size_t mode = 0; mode < r; ++mode) square += in_basis(i, mode) * in_basis(i, mode);
      if (std::sqrt(residual) > rounding<T> * std::sqrt(square)) continue;
      lost += residual;
      std::ranges::fill(rows_.row(i), T{0});
    }
    new_.bound += std::sqrt(lost);
    return in_basis;
  }

  /// Orthonormal directions of the residuals.
  OrthogonalFactor new_directions(double longest) {
    Factorization sketched = sketched_factorization(rest_, pass_, {}, 4.0 * rounding<T> * longest).factorization;
    // At most the dimension of the orthogonal complement.
    while (sketched.leading.size() > pass_.partition.total(rows_.cols) - old_rank()) drop_last(sketched);
    // Norms from a sketch are accurate to a factor below three.
    double lost = 0.0;
    for (const double dropped : sketched.dropped) lost = std::hypot(lost, 3.0 * dropped);
    new_.bound += lost;
    if (sketched.leading.empty())
      return {{}, zeros<double>({rows_.rows, std::size_t{0}}), zeros<double>({std::size_t{0}, rows_.rows}), {}};
    return orthogonal_factor<T>(rest_, nullptr, std::move(sketched), 1, pass_);
  }

  /// The basis widened by the new directions, in blocks of rows. It is not yet orthonormal: small residuals are not
  /// orthogonal to the basis, and the basis itself has accumulated rounding errors.
  class WiderBasis {
   public:
    WiderBasis(const Run& update, const OrthogonalFactor& directions)
        : update_(update),
          added_(directions.triangle.shape(0)),
          factor_rows_(directions.factorization, update.rows_.rows),
          to_basis_(array_cast<T>(directions.to_basis)),
          buffers_(update.pass_.threads),
          factors_(update.pass_.threads),
          wider_(update.pass_.threads) {}

    std::size_t width() const { return update_.old_rank() + added_; }

    MatrixView<const T> operator()(std::size_t part, std::size_t first, std::size_t count) {
      const std::size_t r = update_.old_rank();
      wider_[part].resize(count * width());
      const MatrixView<T> chunk{wider_[part].data(), count, width()};
      for (std::size_t i = 0; i < count; ++i)
        std::ranges::copy(update_.old_basis(first, count).row(i), chunk.row(i).begin());
      if (added_ > 0)
        multiply(factor_rows_(update_.rest_.read(first, count, buffers_[part]), factors_[part]), as_matrix(to_basis_),
                 columns(chunk, r, added_));
      return readable(chunk);
    }

   private:
    const Run& update_;
    std::size_t added_;
    FactorRows<T> factor_rows_;
    const xt::xarray<T> to_basis_;
    std::vector<std::vector<T>> buffers_;
    std::vector<std::vector<T>> factors_;
    std::vector<std::vector<T>> wider_;
  };

  /// Orthonormalizes the wider basis, and rotates it to the singular vectors of the small matrix.
  /// \returns  the coefficients of the rows, without their weights, `(b, new rank)`
  Matrix rotate(const OrthogonalFactor& directions, Matrix small, const std::vector<double>& weights) {
    const std::size_t r = old_rank();
    const std::size_t b = rows_.rows;
    WiderBasis wider_basis(*this, directions);
    const std::size_t width = wider_basis.width();
    std::vector<Matrix> grams(pass_.threads, zeros<double>({width, width}));
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      add_gram(wider_basis(part, first, count), as_matrix(grams[part]));
    });
    Matrix gram = sum_of(grams, pass_.partition);
    fill_upper(as_matrix(gram));
    const Matrix inverse = inverse_cholesky(Matrix(gram));
    // R = R^-T G, with the Gram matrix G = R^T R.
    const Matrix cholesky = transposed_product(inverse, gram);
    small = product(cholesky, small);
    Matrix coefficients = column_range(small, r, b);
    for (std::size_t i = 0; i < b; ++i)
      for (std::size_t mode = 0; mode < width; ++mode) coefficients(mode, i) /= weights[i];
    const Matrix old_coefficients = column_range(cholesky, 0, r);
    const auto svd = agreed(thin_svd(std::move(small)), pass_.partition);

    const std::size_t rank = truncated_rank<T>(svd.s, truncation_, new_.squares, new_.bound);
    const Matrix rotation = column_range(svd.u, 0, rank);
    const xt::xarray<T> to_new = array_cast<T>(product(inverse, rotation));
    new_.basis = xt::xarray<T>::from_shape({rows_.cols, rank});
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      multiply(wider_basis(part, first, count), as_matrix(to_new),
               MatrixView<T>{new_.basis.data() + first * rank, count, rank});
    });
    new_.s = leading_entries(svd.s, rank);
    new_.coefficients = r > 0 ? product(old_.coefficients, transposed_product(old_coefficients, rotation))
                              : Matrix(zeros<double>({old_.coefficients.shape(0), rank}));
    return transposed_product(coefficients, rotation);
  }

  const IncrementalState<T>& old_;
  const IncrementalTruncation& truncation_;
  MatrixView<T> rows_;
  TransposedRows<T> rest_;  ///< the residuals, as columns
  Pass pass_;
  IncrementalState<T> new_ = {};
};

template <class T>
UpdatedState<T> updated(const IncrementalState<T>& state, MatrixView<T> rows, const std::vector<double>& weights,
                        const IncrementalTotals& before, const IncrementalTruncation& truncation, const Pass& asked) {
  const SingleThreadedBLAS own_threads_only;
  const Pass pass = pass_for(rows.cols, state.s.size() + rows.rows, asked);
  if (rows.rows >= rows.cols && !pass.partition.is_distributed())
    return updated_by_wide_block(state, readable(rows), weights, before, truncation, pass);
  return Run<T>(state, truncation, pass, rows).run(weights, before);
}

template UpdatedState<double> updated(const IncrementalState<double>&, MatrixView<double>, const std::vector<double>&,
                                      const IncrementalTotals&, const IncrementalTruncation&, const Pass&);
template UpdatedState<float> updated(const IncrementalState<float>&, MatrixView<float>, const std::vector<double>&,
                                     const IncrementalTotals&, const IncrementalTruncation&, const Pass&);

}  // namespace fieldfold
