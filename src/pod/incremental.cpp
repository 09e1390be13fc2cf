module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.compression.grid;
import fieldfold.decomposition.gram_sketch;
import fieldfold.decomposition.rank_rule;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.learn;
import fieldfold.fields.options;
import fieldfold.fields.scaling;
import fieldfold.fields.space;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.pod.map;
import fieldfold.pod.svd;
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

void validate(const IncrementalOptions& options) {
  if (options.max_rank && *options.max_rank == 0) throw InvalidArgument("max_rank: expected at least 1, got 0");
  if (!(options.tolerance >= 0.0))
    throw InvalidArgument(message("tolerance: expected a relative error of 0 or more, got ", options.tolerance));
  if (!(options.forgetting > 0.0 && options.forgetting <= 1.0))
    throw InvalidArgument(message("forgetting: expected a factor in (0, 1], got ", options.forgetting));
  if (options.block == 0) throw InvalidArgument("block: expected at least 1, got 0");
}

/// Whether two scalings, or none, are of the same field options.
template <class T>
bool have_equal_spaces(const std::optional<SpaceScaling<T>>& a, const std::optional<SpaceScaling<T>>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  const FieldSpaceParts& first = a->space().parts();
  const FieldSpaceParts& second = b->space().parts();
  return first.transforms == second.transforms && first.field_weights == second.field_weights &&
         std::ranges::equal(first.point_weights, second.point_weights);
}

/// `[above; below]`.
Matrix stacked(const Matrix& above, const Matrix& below) {
  auto all = Matrix::from_shape({above.shape(0) + below.shape(0), below.shape(1)});
  std::ranges::copy(below, std::ranges::copy(above, all.begin()).out);
  return all;
}

}  // namespace

/// One update of a state by rows with positive weights.
template <class T>
class BasicIncrementalSVD<T>::Update {
 public:
  /// \param rows  `(b, dof)`; used as workspace
  Update(const State& state, const IncrementalOptions& options, std::size_t threads, MatrixView<T> rows)
      : old_(state), options_(options), rows_(rows), rest_(readable(rows)) {
    const std::size_t available = std::max(1U, std::thread::hardware_concurrency());
    constexpr std::size_t worth_a_thread = std::size_t{1} << 20;
    pass_.threads = rows.cols * (old_rank() + rows.rows) < worth_a_thread ? 1 : threads == 0 ? available : threads;
  }

  /// The new state, in which the coefficients of the rows, divided by their weights, follow the old ones.
  /// \param before   of the old snapshots with their current weights, but `squares` with the new snapshots
  /// \param to_rows  `(new snapshots, b)`: the coefficients of new snapshots in the rows; none: the rows are the
  ///                 snapshots
  State run(const std::vector<double>& weights, const Totals& before, const std::optional<Matrix>& to_rows = {}) {
    const SingleThreadedBLAS own_threads_only;
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
    if (to_rows) coefficients = product(*to_rows, coefficients);
    new_.coefficients = stacked(new_.coefficients, coefficients);
    return std::move(new_);
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
    double longest = 0.0;
    for (std::size_t i = 0; i < rows_.rows; ++i) {
      for (T& x : rows_.row(i)) x *= static_cast<T>(weights[i]);
      longest = std::max(longest, std::sqrt(row_squares(rows_, i)));
    }
    return longest;
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
    Matrix in_basis = sum_of(first_sums);
    const xt::xarray<T> once = array_cast<T>(in_basis);
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      const auto chunk = columns(rows_, first, count);
      subtract_product_transposed(as_matrix(once), old_basis(first, count), chunk);
      add_product(readable(chunk), old_basis(first, count), as_matrix(second_sums[part]));
    });
    const Matrix correction = sum_of(second_sums);
    add_to(in_basis, correction);
    const xt::xarray<T> again = array_cast<T>(correction);
    std::vector<std::vector<double>> sums(pass_.threads, std::vector<double>(b, 0.0));
    for_chunks([&](std::size_t part, std::size_t first, std::size_t count) {
      const auto chunk = columns(rows_, first, count);
      subtract_product_transposed(as_matrix(again), old_basis(first, count), chunk);
      for (std::size_t i = 0; i < b; ++i) sums[part][i] += row_squares(chunk, i);
    });

    double lost = 0.0;
    for (std::size_t i = 0; i < b; ++i) {
      double residual = 0.0;
      for (const auto& sum : sums) residual += sum[i];
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
    while (sketched.leading.size() > rows_.cols - old_rank()) drop_last(sketched);
    // Norms from a sketch are accurate to a factor below two.
    double lost = 0.0;
    for (const double dropped : sketched.dropped) lost = std::hypot(lost, 2.0 * dropped);
    new_.bound += lost;
    if (sketched.leading.empty())
      return {{}, zeros<double>({rows_.rows, std::size_t{0}}), zeros<double>({std::size_t{0}, rows_.rows}), {}};
    return orthogonal_factor<T>(rest_, nullptr, std::move(sketched), 1, pass_);
  }

  /// The basis widened by the new directions, in blocks of rows. It is not yet orthonormal: small residuals are not
  /// orthogonal to the basis, and the basis itself has accumulated rounding errors.
  class WiderBasis {
   public:
    WiderBasis(const Update& update, const OrthogonalFactor& directions)
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
    const Update& update_;
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
    Matrix gram = sum_of(grams);
    fill_upper(as_matrix(gram));
    const Matrix inverse = inverse_cholesky(Matrix(gram));
    // R = R^-T G, with the Gram matrix G = R^T R.
    const Matrix cholesky = transposed_product(inverse, gram);
    small = product(cholesky, small);
    Matrix coefficients = column_range(small, r, b);
    for (std::size_t i = 0; i < b; ++i)
      for (std::size_t mode = 0; mode < width; ++mode) coefficients(mode, i) /= weights[i];
    const Matrix old_coefficients = column_range(cholesky, 0, r);
    const auto svd = thin_svd(std::move(small));

    const std::size_t rank = truncated_rank(svd.s);
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

  /// The rank to keep; truncated singular values add to the bound.
  std::size_t truncated_rank(const Matrix& s) {
    std::size_t rank = s(0) > 0.0 ? numerical_rank(xt::xarray<T>(array_cast<T>(s))) : 0;
    double tail = 0.0;
    for (std::size_t mode = rank; mode < s.size(); ++mode) tail += s(mode) * s(mode);
    // Half of the remaining tolerance, so that later updates can truncate too.
    const double allowed = std::max(0.0, options_.tolerance * std::sqrt(new_.squares) - new_.bound) / 2.0;
    const std::size_t most = options_.max_rank.value_or(rank);
    while (rank > 1) {
      const double with_next = tail + s(rank - 1) * s(rank - 1);
      if (rank <= most && std::sqrt(with_next) > allowed) break;
      tail = with_next;
      --rank;
    }
    new_.bound += std::sqrt(tail);
    return rank;
  }

  const State& old_;
  const IncrementalOptions& options_;
  MatrixView<T> rows_;
  TransposedRows<T> rest_;  ///< the residuals, as columns
  Pass pass_;
  State new_ = {};
};

template <class T>
BasicIncrementalSVD<T>::BasicIncrementalSVD(CompressionOptions grid, IncrementalOptions incremental, SVDOptions options)
    : BasicCompression<T>(std::move(grid)), options_(std::move(options)), incremental_(incremental) {
  validate(options_.rule);
  validate(options_.field_opts, this->fields());
  validate(incremental_);
  if (options_.rule.sample_tol || options_.rule.optimal_threshold)
    throw InvalidArgument(
        "rule: sample_tol and optimal_threshold need all modes, which an incremental SVD does not keep");
  const auto& weights = options_.field_opts.point_weights;
  fixed_space(options_.field_opts, this->fields(), weights ? weights->size() : 1);
  if (options_.validate_every != 0)
    throw InvalidArgument(
        message("validate_every: expected 0, because no snapshot is kept, got ", options_.validate_every));
}

template <class T>
void BasicIncrementalSVD<T>::add(const BasicFields<T>& fields) {
  add(this->join_snapshots(fields));
}

template <class T>
void BasicIncrementalSVD<T>::add(const ArrayRef<T>& states) {
  if (states.dimension() == 0) throw InvalidArgument("states: expected the shape (*loop_shape, dof), got ()");
  const std::size_t dof = states.shape().back();
  const std::size_t num_pts = this->num_pts_of(dof, "states");
  if (dof == 0 || (dof_ != 0 && dof != dof_))
    throw InvalidArgument(message("states: expected a length of ", dof_ == 0 ? std::size_t{1} : dof_,
                                  dof_ == 0 ? " or more" : ", as before", ", got ", dof));
  std::optional<SpaceScaling<T>> first_scaling;
  if (!scaling_ && !is_plain(options_.field_opts))
    first_scaling.emplace(fixed_space(options_.field_opts, this->fields(), num_pts));
  const std::optional<SpaceScaling<T>>& scaling = scaling_ ? scaling_ : first_scaling;

  // Everything that may throw comes first; the object changes last.
  const auto rows = split_loop(states, {dof}, "states").matrix;
  std::vector<T> scaled(scaling ? rows.rows * dof : 0);
  std::vector<std::span<const T>> accepted;
  double squares = state_.squares;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    auto row = rows.row(i);
    if (scaling) {
      const auto scaled_row = std::span(scaled).subspan(i * dof, dof);
      scaling->scale(row, scaled_row);
      row = scaled_row;
    }
    const double square = sum_of_squares(MatrixView<const T>{row.data(), 1, dof});
    if (std::isfinite(squares + square)) {
      squares += square;
      accepted.push_back(row);
    } else if (std::ranges::all_of(row, [](T x) { return std::isfinite(x); })) {
      throw NumericalError("states: the sum of squares overflows");
    }
  }
  take_in(accepted, dof);
  if (first_scaling) scaling_ = std::move(first_scaling);
  num_dropped_ += rows.rows - accepted.size();
  dof_ = dof;
  this->set_num_pts(num_pts);
}

template <class T>
void BasicIncrementalSVD<T>::take_in(const std::vector<std::span<const T>>& rows, std::size_t dof) {
  const std::size_t length = incremental_.block * dof;
  if (waiting_.size() + rows.size() * dof < length) {
    waiting_.reserve(std::min(std::max(2 * waiting_.size(), waiting_.size() + rows.size() * dof), length));
    for (const auto& row : rows) waiting_.insert(waiting_.end(), row.begin(), row.end());
    return;
  }
  std::vector<T> block;
  block.reserve(length);
  block.assign(waiting_.begin(), waiting_.end());
  std::optional<State> advanced;
  for (const auto& row : rows) {
    block.insert(block.end(), row.begin(), row.end());
    if (block.size() < length) continue;
    advanced = with_block(advanced ? *advanced : state_, block, dof);
    block.clear();
  }
  state_ = std::move(*advanced);
  waiting_ = std::move(block);
}

template <class T>
void BasicIncrementalSVD<T>::update() {
  if (waiting_.empty()) return;
  state_ = with_block(state_, waiting_, dof_);
  waiting_.clear();
}

template <class T>
typename BasicIncrementalSVD<T>::State BasicIncrementalSVD<T>::with_block(const State& state, std::vector<T> block,
                                                                          std::size_t dof) const {
  const std::size_t count = block.size() / dof;
  const MatrixView<T> rows{block.data(), count, dof};
  std::vector<double> weights(count);
  for (std::size_t i = 0; i < count; ++i)
    weights[i] = std::pow(incremental_.forgetting, static_cast<double>(count - 1 - i));
  const double fade = std::pow(incremental_.forgetting, static_cast<double>(count));
  Totals totals{scaled(state.s, fade), state.squares * (fade * fade), state.bound * fade};
  for (std::size_t i = 0; i < count; ++i) totals.squares += weights[i] * weights[i] * row_squares(rows, i);
  return Update(state, incremental_, options_.threads, rows).run(weights, totals);
}

template <class T>
void BasicIncrementalSVD<T>::merge(const BasicIncrementalSVD& other) {
  if (other.dof_ == 0) return;
  const std::size_t num_pts = this->num_pts_of(other.dof_, "other");
  if (dof_ != 0 && dof_ != other.dof_)
    throw InvalidArgument(message("other: expected states of length ", dof_, ", got ", other.dof_));
  const bool merged_is_empty = dof_ == 0;
  if (this->fields() != other.fields())
    throw InvalidArgument(
        message("other: expected the fields ", listing(this->fields()), ", got ", listing(other.fields())));
  if (!merged_is_empty && !have_equal_spaces(scaling_, other.scaling_))
    throw InvalidArgument("other: expected the field options of this object, got others");
  BasicIncrementalSVD added = other;
  added.update();
  BasicIncrementalSVD merged = *this;
  merged.update();
  const State& state = added.state_;
  const Totals totals{merged.state_.s, merged.state_.squares + state.squares, merged.state_.bound + state.bound};
  if (added.rank() == 0) {
    merged.state_.squares = totals.squares;
    merged.state_.bound = totals.bound;
    merged.state_.coefficients =
        stacked(merged.state_.coefficients, zeros<double>({added.num_samples(), merged.rank()}));
  } else {
    // The other basis vectors enter as snapshots, weighted by their singular values.
    std::vector<T> vectors(state.basis.size());
    const MatrixView<T> rows{vectors.data(), added.rank(), other.dof_};
    transpose_into<T>(as_matrix(state.basis), rows);
    merged.state_ = Update(merged.state_, incremental_, options_.threads, rows)
                        .run({state.s.begin(), state.s.end()}, totals, state.coefficients);
  }
  merged.num_dropped_ += added.num_dropped_;
  merged.dof_ = other.dof_;
  merged.set_num_pts(num_pts);
  if (merged_is_empty) merged.scaling_ = other.scaling_;
  *this = std::move(merged);
}

template <class T>
double BasicIncrementalSVD<T>::error_bound() const {
  return state_.squares > 0.0 ? state_.bound / std::sqrt(state_.squares) : 0.0;
}

template <class T>
BasicSVD<T> BasicIncrementalSVD<T>::finish() {
  update();
  if (num_samples() == 0) throw InvalidArgument("snapshots: expected at least one that is finite, got none");
  if (rank() == 0) throw InvalidArgument("snapshots: expected one that is not zero, got only zeros");
  double squares = 0.0;
  for (const double value : state_.s) squares += value * value;
  const double unresolved = std::min(std::max(0.0, state_.squares - squares), state_.bound * state_.bound);
  std::size_t modes = rank();
  if (!options_.rule.is_empty())
    modes = choose_rank(options_.rule,
                        Spectrum<T>{array_cast<T>(state_.s), state_.coefficients, dof_, num_samples(), unresolved})
                .rank;
  xt::xarray<T> basis = leading_block(state_.basis, dof_, modes);
  xt::xarray<T> latents = array_cast<T>(leading_block(state_.coefficients, num_samples(), modes));
  if (scaling_) scaling_->unscale(as_matrix(basis));
  fix_signs(basis, latents);
  BasicSVDMap<T> map{.projection_matrix = std::move(basis),
                     .singular_values = array_cast<T>(state_.s),
                     .unresolved_squares = unresolved,
                     .latent_ranges = ranges_of(latents),
                     .training_latents = std::nullopt,
                     .num_samples = num_samples(),
                     .num_dropped = num_dropped_,
                     .errors = std::nullopt,
                     .validation_errors = std::nullopt};
  if (scaling_) map.space = scaling_->space();
  map.set_latent_statistics(latents, std::vector<double>(num_samples(), 1.0));
  if (options_.keep_training_latents) map.training_latents = std::move(latents);
  return BasicSVD<T>(this->compression_options(), options_, std::move(map));
}

template class BasicIncrementalSVD<double>;
template class BasicIncrementalSVD<float>;

}  // namespace fieldfold
