module fieldfold.decomposition.truncated_svd;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.basis;
import fieldfold.decomposition.errors;
import fieldfold.decomposition.gram_sketch;
import fieldfold.decomposition.inner_product;
import fieldfold.decomposition.row_summary;
import fieldfold.decomposition.subspace;
import fieldfold.linalg.dense;
import fieldfold.linalg.signs;
import fieldfold.rows.source;
import fieldfold.rows.store;

namespace fieldfold {
namespace {

using Matrix = xt::xarray<double>;

/// Below this many operations, the exact method is fast enough.
constexpr double small_work = 1e8;

/// The largest number of entries in the Gram matrices of all groups.
constexpr std::size_t gram_numbers = std::size_t{1} << 25;

/// The most groups whose Gram matrices are reduced over ranks one by one: the reductions of a decomposition have at
/// most 2 n^2 + O(n rank) numbers in all, of which a sketch takes 1.5 n^2.
constexpr std::size_t most_groups_by_gram = 3;
constexpr std::size_t most_groups_by_sketch = 1;

/// The smallest ratio of a singular value to the largest that a Gram matrix resolves: its rounding error is a unit of
/// the largest eigenvalue, and singular values and vectors have that error divided by the squared ratio.
template <class T>
constexpr double smallest_gram_share = sizeof(T) == sizeof(double) ? 1e-6 : 1e-2;

/// The ratio of singular values above which refinement has no effect: the error of `A V / s` is the unit roundoff
/// divided by it.
constexpr double safe_share = 1e-2;

/// The smallest truncated share of the sum of squares that a Gram matrix resolves to seven digits (three in single
/// precision).
template <class T>
constexpr double smallest_gram_tail =
    (sizeof(T) == sizeof(double) ? 1e8 : 1e3) * static_cast<double>(std::numeric_limits<T>::epsilon());

/// The largest sum of squares, and the reciprocal of the smallest, whose products neither overflow nor underflow.
template <class T>
constexpr double gram_range = sizeof(T) == sizeof(double) ? 1e280 : 1e34;

/// 0, 1, ..., count - 1.
std::vector<std::size_t> numbers_below(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  return numbers;
}

/// Seconds between calls of `lap`.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The finite columns, split into training and held-out ones.
struct ColumnSplit {
  std::vector<std::size_t> finite;   ///< numbers in A, ascending
  std::vector<std::size_t> learned;  ///< places in `finite`
  std::vector<std::size_t> tested;   ///< places in `finite`

  std::vector<std::size_t> numbers_of(const std::vector<std::size_t>& places) const {
    std::vector<std::size_t> numbers;
    numbers.reserve(places.size());
    for (const std::size_t place : places) numbers.push_back(finite[place]);
    return numbers;
  }
};

/// The factors of a decomposition: `A = B R` on some columns, `U = B weights`, `A ~ U coefficients^T`.
template <class T>
struct Factors {
  Factorization factorization = {};       ///< A = B R
  std::vector<std::size_t> learned = {};  ///< places of the training columns in `factorization`
  xt::xarray<T> s = {};                   ///< singular values
  Matrix weights = {};                    ///< `(width, modes)`
  Matrix coefficients = {};               ///< `(columns, rank)`: A^T U
  std::size_t rank = 0;
};

/// Whether the basis is rotated to the singular vectors of `U^T A`, which is as accurate as a decomposition of A itself
/// even if small singular values amplify the rounding error of `A V / s`.
enum class Refinement : std::uint8_t { none, singular_vectors };

/// The decomposition of one matrix by the methods. Each method returns the result, or nothing if it is inadequate.
template <class T>
class Decomposer {
 public:
  Decomposer(const RowSource<T>& source, const DecompositionRequest<T>& request, RowStore<T>& basis)
      : source_(source),
        request_(request),
        basis_(basis),
        m_(request.partition.total(source.rows())),
        n_(source.cols()) {
    const std::size_t available = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t blocks = source.rows() / source.block_rows() + 1;
    threads_ = work() < small_work ? 1 : std::min(blocks, request.threads == 0 ? available : request.threads);
    if (request.inner_product != nullptr) weighted_ = request.inner_product->times(source);
    present_ =
        m_ - request.partition.sum(static_cast<std::size_t>(std::ranges::count(request.masked_rows, std::uint8_t{1})));
  }

  Decomposition<T> run() const {
    using enum DecompositionMethod;
    // Between the passes too: threads started by BLAS stay active for a while, and slow down the next pass.
    const SingleThreadedBLAS own_threads_only;
    DecompositionMethod method = chosen_method();
    if (method == randomized) {
      if (auto found = by_randomized()) return std::move(*found);
      method = tail_is_too_small() ? sketch : gram;
    }
    if (method == transpose) {
      if (auto found = by_rows()) return std::move(*found);
    }
    if (method == gram)
      if (auto found = by_gram()) return std::move(*found);
    return by_sketch();
  }

 private:
  DecompositionMethod chosen_method() const {
    using enum DecompositionMethod;
    const DecompositionMethod method = request_.method;
    if (request_.inner_product != nullptr && (method == transpose || method == randomized))
      throw InvalidArgument(message("method: expected gram or sketch with a mass matrix, got ", name_of(method)));
    if (request_.partition.is_distributed() && method == transpose)
      throw InvalidArgument("method: expected gram, sketch or randomized for distributed rows, got transpose");
    const bool fits_randomized =
        request_.inner_product == nullptr && request_.known_rank && columns_for_randomized() <= n_;
    if (method == randomized && !fits_randomized)
      throw InvalidArgument("method: randomized requires a given rank, and more columns than that");
    if (method != automatic) return method;
    if (m_ < n_ && request_.inner_product == nullptr && !request_.partition.is_distributed()) return transpose;
    if (tail_is_too_small() || work() < small_work || present_ < n_) return sketch;
    // An operation of power iteration takes longer than one of a Gram matrix, and there are 12 per column.
    return fits_randomized && 20 * columns_for_randomized() < n_ ? randomized : gram;
  }

  bool tail_is_too_small() const { return request_.expected_tail < smallest_gram_tail<T>; }

  std::size_t columns_for_randomized() const { return subspace_width(*request_.known_rank); }

  /// The number of operations for a Gram matrix.
  double work() const { return static_cast<double>(m_) * static_cast<double>(n_) * static_cast<double>(n_); }

  Pass pass(std::string_view phase, double done, double share) const {
    Pass result{.threads = threads_, .alignment = request_.groups, .partition = request_.partition};
    if (request_.progress)
      result.progress = [this, phase, done, share](double part) { request_.progress(phase, done + share * part); };
    return result;
  }

  /// One Gram matrix for each group of rows, if they fit in memory, and few enough are sent; the errors of groups then
  /// need no extra pass.
  /// \param most_sent  the most groups whose matrices are reduced over ranks
  std::size_t gram_groups(std::size_t most_sent) const {
    const std::size_t groups = request_.groups;
    if (groups == 1 || (request_.partition.is_distributed() && groups > most_sent)) return 1;
    return request_.partition.all(n_ * n_ * groups * threads_ <= gram_numbers) ? groups : 1;
  }

  bool is_left_out(std::size_t column) const {
    return request_.leave_out_every > 0 && (column + 1) % request_.leave_out_every == 0;
  }
  auto is_training() const {
    return [this](std::size_t column) { return !is_left_out(column); };
  }

  ColumnSplit split(std::vector<std::size_t> finite) const {
    ColumnSplit result;
    for (std::size_t i = 0; i < finite.size(); ++i)
      (is_left_out(finite[i]) ? result.tested : result.learned).push_back(i);
    result.finite = std::move(finite);
    return result;
  }

  std::optional<Decomposition<T>> by_gram() const {
    Stopwatch watch;
    Factors<T> factors;
    for (std::size_t j = 0; j < n_; ++j) factors.factorization.columns.push_back(j);
    auto grams = gram_matrices(source_, weighted_.get(), factors.factorization, gram_groups(most_groups_by_gram),
                               pass("summary", 0.0, 1.0));
    const auto finite = finite_of(grams);
    if (!finite) return std::nullopt;
    const ColumnSplit columns = split(*finite);
    const Matrix total = sum_of(grams);
    double largest = 0.0;
    for (const std::size_t place : columns.learned) largest = std::max(largest, total(place, place));
    if (largest > gram_range<T> || largest < 1.0 / gram_range<T>) return std::nullopt;
    factors.factorization.columns = columns.finite;
    factors.learned = columns.learned;

    const auto eigen =
        agreed(symmetric_eigen(rows_of(columns_of(total, columns.learned), columns.learned)), request_.partition);
    if (request_.inner_product != nullptr) check_inner_product<T>(eigen.values);
    const std::size_t kept = columns.learned.size();
    auto s = Matrix::from_shape({kept});
    auto v = Matrix::from_shape({kept, kept});
    for (std::size_t mode = 0; mode < kept; ++mode) {
      s(mode) = std::sqrt(std::max(0.0, eigen.values(kept - 1 - mode)));
      for (std::size_t i = 0; i < kept; ++i) v(i, mode) = eigen.vectors(i, kept - 1 - mode);
    }
    if (kept > present_) return std::nullopt;
    const Spectrum<T> spectrum{array_cast<T>(s), scaled_columns(v, s), present_, kept};
    const RankChoice choice = request_.choose_rank(spectrum);
    const double share = static_cast<double>(spectrum.s(choice.rank - 1)) / static_cast<double>(spectrum.s(0));
    if (share < smallest_gram_share<T> || choice.resolution < smallest_gram_tail<T>) return std::nullopt;

    factors.s = spectrum.s;
    factors.weights = zeros<double>({columns.finite.size(), choice.rank});
    for (std::size_t i = 0; i < kept; ++i)
      for (std::size_t mode = 0; mode < choice.rank; ++mode)
        factors.weights(columns.learned[i], mode) = v(i, mode) / s(mode);
    factors.coefficients = product(total, factors.weights);
    DecompositionReport report{.method = DecompositionMethod::gram, .summary_seconds = watch.lap()};
    report.singular_value_error =
        std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(kept));
    factors = with_basis(std::move(factors), choice.rank,
                         share < safe_share ? Refinement::singular_vectors : Refinement::none);
    report.basis_seconds = watch.lap();
    const ErrorSquares squares = errors_from(grams, factors);
    report.error_seconds = watch.lap();
    return result(std::move(factors), columns, squares, report);
  }

  /// The finite columns, found on the diagonal of the Gram matrices: a column with NaN or infinity has an entry that is
  /// not finite. The rows and columns of the others are removed from the Gram matrices. \returns  nothing if squares
  /// overflow
  std::optional<std::vector<std::size_t>> finite_of(std::vector<Matrix>& grams) const {
    const Matrix total = sum_of(grams);
    std::vector<std::size_t> finite;
    for (std::size_t j = 0; j < n_; ++j)
      if (std::isfinite(total(j, j))) finite.push_back(j);
    if (finite.size() == n_) return finite;
    if (finite != finite_columns(source_, pass("summary", 1.0, 0.0))) return std::nullopt;
    for (Matrix& gram : grams) gram = rows_of(columns_of(gram, finite), finite);
    return finite;
  }

  Decomposition<T> by_sketch() const {
    Stopwatch watch;
    auto sketch = sketched_factorization(source_, pass("summary", 0.0, 0.3), is_training());
    const ColumnSplit columns = split(std::move(sketch.finite));
    DecompositionReport report{.method = DecompositionMethod::sketch, .threads = threads_};
    if (sketch.factorization.leading.empty())
      return {.kept = columns.numbers_of(columns.learned),
              .left_out = columns.numbers_of(columns.tested),
              .report = report};
    const OrthogonalFactor orthogonal =
        orthogonal_factor(source_, weighted_.get(), std::move(sketch.factorization), gram_groups(most_groups_by_sketch),
                          pass("summary", 0.3, 0.7));
    // The factorization excludes held-out columns.
    Factors<T> factors{.factorization = orthogonal.factorization, .learned = numbers_below(columns.learned.size())};
    const auto svd = agreed(thin_svd(Matrix(orthogonal.triangle)), request_.partition);
    const std::size_t found = svd.s.size();
    const std::size_t kept = columns.learned.size();
    Spectrum<T> spectrum{zeros<T>({std::min(present_, kept)}), scaled_columns(svd.v, svd.s), present_, kept};
    std::copy_n(svd.s.begin(), std::min(found, spectrum.s.size()), spectrum.s.begin());
    const std::size_t rank = request_.choose_rank(spectrum).rank;
    const std::size_t modes = std::min({rank, found, numerical_rank(spectrum.s)});
    factors.s = std::move(spectrum.s);
    const Matrix u = column_range(svd.u, 0, modes);
    factors.weights = product(orthogonal.to_basis, u);
    factors.coefficients = transposed_product(orthogonal.triangle, u);
    report.summary_seconds = watch.lap();
    report.singular_value_error = 10.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
    factors = with_basis(std::move(factors), rank, modes < rank ? Refinement::singular_vectors : Refinement::none);
    report.basis_seconds = watch.lap();
    if (!columns.tested.empty()) {
      factors.factorization = {.columns = columns.finite};
      factors.learned = columns.learned;
      factors.coefficients = projected(columns.finite, rank);
    }
    const bool summary_knows_all = columns.tested.empty() && modes == rank;
    const ErrorSquares squares = summary_knows_all ? errors_from(orthogonal.grams, factors) : errors_of(factors);
    report.error_seconds = watch.lap();
    return result(std::move(factors), columns, squares, report);
  }

  std::optional<Decomposition<T>> by_randomized() const {
    Stopwatch watch;
    Factors<T> factors;
    auto& numbers = factors.factorization.columns;
    for (std::size_t j = 0; j < n_; ++j)
      if (!is_left_out(j)) numbers.push_back(j);
    const auto iterate = [&]() -> std::optional<Subspace> {
      if (numbers.size() < columns_for_randomized()) return std::nullopt;
      return dominant_subspace(source_, factors.factorization, *request_.known_rank, pass("summary", 0.0, 1.0));
    };
    auto found = iterate();
    if (!found && numbers.size() >= columns_for_randomized()) {
      std::erase_if(numbers, [finite = finite_columns(source_, pass("summary", 1.0, 0.0))](auto column) {
        return !std::ranges::binary_search(finite, column);
      });
      found = iterate();
    }
    if (!found) return std::nullopt;
    // Held-out columns that are not finite are dropped; they affect no others.
    if (request_.leave_out_every > 0) numbers = finite_columns(source_, pass("summary", 1.0, 0.0));
    const ColumnSplit columns = split(numbers);
    const std::size_t kept = columns.learned.size();
    const std::size_t rank = request_.choose_rank({zeros<T>({std::min(present_, kept)}), {}, present_, kept}).rank;
    const double share = found->s(rank - 1) / found->s(0);
    double left = found->squares;
    for (const double value : found->s) left -= value * value;
    if (share < smallest_gram_share<T> || left < smallest_gram_tail<T> * found->squares) return std::nullopt;
    factors.learned = columns.learned;
    factors.weights = zeros<double>({numbers.size(), rank});
    factors.coefficients = factors.weights;
    for (std::size_t i = 0; i < kept; ++i)
      for (std::size_t mode = 0; mode < rank; ++mode) {
        factors.weights(columns.learned[i], mode) = found->weights(i, mode);
        factors.coefficients(columns.learned[i], mode) = found->coefficients(i, mode);
      }
    factors.s = array_cast<T>(found->s);
    DecompositionReport report{.method = DecompositionMethod::randomized, .summary_seconds = watch.lap()};
    report.singular_value_error = std::sqrt(found->missing / found->squares);
    const bool refines = share < safe_share || !columns.tested.empty();
    factors = with_basis(std::move(factors), rank, refines ? Refinement::singular_vectors : Refinement::none);
    report.basis_seconds = watch.lap();
    const ErrorSquares squares = errors_of(factors);
    report.error_seconds = watch.lap();
    const double unresolved = sum_of_error_squares(squares, columns.learned);
    auto decomposition = result(std::move(factors), columns, squares, report);
    decomposition.unresolved_squares = unresolved;
    return decomposition;
  }

  /// Modes from a summary of the rows.
  struct RowModes {
    ColumnSplit columns;
    Spectrum<T> spectrum;
    Matrix u;  ///< `(m, m)`: the modes in its columns
    std::size_t rank = 0;
    double error = 0.0;  ///< of the singular values, relative to the largest
  };

  /// Eigenvectors of A A^T; nothing if it does not resolve the modes.
  std::optional<RowModes> modes_by_gram(const RowSource<T>& source) const {
    auto [finite, gram] = row_gram<T>(source, is_training(), pass_of_rows("summary"));
    ColumnSplit columns = split(std::move(finite));
    if (columns.learned.size() < present_) return std::nullopt;
    double largest = 0.0;
    for (std::size_t i = 0; i < m_; ++i) largest = std::max(largest, gram(i, i));
    if (largest > gram_range<T> || largest < 1.0 / gram_range<T>) return std::nullopt;
    const auto eigen = symmetric_eigen(std::move(gram));
    Spectrum<T> spectrum{zeros<T>({present_}), {}, present_, columns.learned.size()};
    std::vector<std::size_t> descending;
    descending.reserve(m_);
    for (std::size_t mode = 0; mode < m_; ++mode) descending.push_back(m_ - 1 - mode);
    for (std::size_t mode = 0; mode < present_; ++mode)
      spectrum.s(mode) = static_cast<T>(std::sqrt(std::max(0.0, eigen.values(descending[mode]))));
    const RankChoice choice = request_.choose_rank(spectrum);
    const double share = static_cast<double>(spectrum.s(choice.rank - 1)) / static_cast<double>(spectrum.s(0));
    if (share < smallest_gram_share<T> || choice.resolution < smallest_gram_tail<T>) return std::nullopt;
    return RowModes{std::move(columns), std::move(spectrum), columns_of(eigen.vectors, descending), choice.rank,
                    std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(m_))};
  }

  /// Singular vectors of the triangle of the rows; nothing for only zeros, and for more modes than A has beside masked
  /// rows.
  std::optional<RowModes> modes_by_triangle(const RowSource<T>& source) const {
    auto [finite, triangle] = row_triangle<T>(source, is_training(), pass_of_rows("summary"));
    ColumnSplit columns = split(std::move(finite));
    if (columns.learned.size() < present_) return std::nullopt;
    for (const double entry : triangle)
      if (!std::isfinite(entry)) throw NumericalError("the snapshots are too large: their norms overflow");
    auto svd = thin_svd(std::move(triangle));
    Spectrum<T> spectrum{zeros<T>({present_}), {}, present_, columns.learned.size()};
    for (std::size_t mode = 0; mode < present_; ++mode) spectrum.s(mode) = static_cast<T>(svd.s(mode));
    check_magnitude<T>(svd.s(0));
    if (!(spectrum.s(0) > T{0})) return std::nullopt;
    if (needs_all_coefficients())
      spectrum.coefficients =
          rows_of(array_cast<double>(
                      column_projections<T>(source, array_cast<T>(svd.v), columns.finite, 1, pass("summary", 1.0, 0.0))
                          .coefficients),
                  columns.learned);
    const std::size_t rank = request_.choose_rank(spectrum).rank;
    if (present_ < m_ && rank > numerical_rank(spectrum.s)) return std::nullopt;
    return RowModes{std::move(columns), std::move(spectrum), std::move(svd.v), rank,
                    10.0 * static_cast<double>(std::numeric_limits<T>::epsilon())};
  }

  /// Whether the rank depends on the coefficients in all modes.
  bool needs_all_coefficients() const { return request_.needs_coefficients && !request_.known_rank; }

  /// As many threads as have memory for a summary each.
  Pass pass_of_rows(std::string_view phase) const {
    Pass result = pass(phase, 0.0, 1.0);
    result.threads = std::clamp<std::size_t>(gram_numbers / (m_ * m_), 1, threads_);
    return result;
  }

  /// For more columns than rows: a summary of the rows gives the basis, and blocks of columns are projected on it.
  /// Nothing if it does not resolve the modes.
  std::optional<Decomposition<T>> by_rows() const {
    Stopwatch watch;
    std::vector<T> memory;
    std::optional<MatrixRows<T>> all;
    if (!source_.reads_columns()) all.emplace(source_.read(0, m_, memory));
    const RowSource<T>& source = all ? static_cast<const RowSource<T>&>(*all) : source_;
    // Small matrices are decomposed to rounding.
    const double operations = static_cast<double>(m_) * static_cast<double>(m_) * static_cast<double>(n_);
    std::optional<RowModes> found;
    if (!needs_all_coefficients() && !tail_is_too_small() && operations >= small_work) found = modes_by_gram(source);
    if (!found) found = modes_by_triangle(source);
    if (!found) return std::nullopt;
    auto& [columns, spectrum, modes, rank, error] = *found;

    DecompositionReport report{.method = DecompositionMethod::transpose, .threads = threads_};
    report.singular_value_error = error;
    report.summary_seconds = watch.lap();
    auto u = xt::xarray<T>::from_shape({m_, rank});
    for (std::size_t i = 0; i < m_; ++i)
      for (std::size_t mode = 0; mode < rank; ++mode) u(i, mode) = is_masked(i) ? T{0} : static_cast<T>(modes(i, mode));
    ColumnSigns<T> signs(rank);
    signs.add(as_matrix(std::as_const(u)));
    scale_columns(as_matrix(u), signs.signs());
    basis_.reserve(m_, rank);
    basis_.write(0, as_matrix(std::as_const(u)));
    report.basis_seconds = watch.lap();
    auto projections = column_projections<T>(source, u, columns.finite, request_.groups, pass("errors", 0.0, 1.0));
    report.error_seconds = watch.lap();
    auto coefficients = std::move(projections.coefficients);
    if (!columns.tested.empty()) {
      auto learned = xt::xarray<T>::from_shape({columns.learned.size(), rank});
      for (std::size_t k = 0; k < columns.learned.size(); ++k)
        std::ranges::copy(as_matrix(coefficients).row(columns.learned[k]), as_matrix(learned).row(k).begin());
      coefficients = std::move(learned);
    }
    return Decomposition<T>{.rank = rank,
                            .s = std::move(spectrum.s),
                            .coefficients = std::move(coefficients),
                            .kept = columns.numbers_of(columns.learned),
                            .left_out = columns.numbers_of(columns.tested),
                            .errors = relative_errors(projections.squares, columns.learned),
                            .left_out_errors = columns.tested.empty()
                                                   ? RelativeErrors{}
                                                   : relative_errors(projections.squares, columns.tested),
                            .report = report};
  }

  bool is_masked(std::size_t row) const { return !request_.masked_rows.empty() && request_.masked_rows[row] != 0; }

  Decomposition<T> result(Factors<T> factors, const ColumnSplit& columns, const ErrorSquares& squares,
                          DecompositionReport report) const {
    report.threads = threads_;
    return {.rank = factors.rank,
            .s = std::move(factors.s),
            .coefficients = array_cast<T>(rows_of(factors.coefficients, columns.learned)),
            .kept = columns.numbers_of(columns.learned),
            .left_out = columns.numbers_of(columns.tested),
            .errors = relative_errors(squares, columns.learned),
            .left_out_errors = columns.tested.empty() ? RelativeErrors{} : relative_errors(squares, columns.tested),
            .report = report};
  }

  /// Computes the basis `U = B weights` of a rank, with random columns in place of missing modes. The raw basis is
  /// orthonormal only as far as the summary is accurate; Cholesky factorizations of its own Gram matrix make it
  /// orthonormal (CholeskyQR; Yamamoto et al. 2015, doi:10.1553/etna_vol44s306). \returns  the factors for this basis
  Factors<T> with_basis(Factors<T> factors, std::size_t rank, Refinement refinement) const {
    factors.rank = rank;
    const bool rotates_weights = factors.weights.shape(1) == rank;
    const bool refines = refinement == Refinement::singular_vectors;
    const BasisWriter<T> writer({source_, weighted_.get(), request_.inner_product, request_.masked_rows}, basis_);
    Matrix projection;
    BasisPass<T> basis = writer.write(factors.factorization, factors.weights, rank, refines ? &projection : nullptr,
                                      pass("basis", 0.0, 0.8));
    const auto rotate = [&](const Matrix& rotation) {
      if (rotates_weights) factors.weights = product(factors.weights, rotation);
      basis = writer.rotate(rotation, pass("basis", 0.8, 0.1));
    };
    if (refines) {
      const Matrix inverse = inverse_cholesky(Matrix(basis.gram));
      if (!factors.factorization.is_identity) projection = product(projection, factors.factorization.triangle);
      const Matrix coefficients = transposed(transposed_product(inverse, projection));  // (columns, rank)
      const auto small = agreed(thin_svd(transposed(rows_of(coefficients, factors.learned))), request_.partition);
      std::copy(small.s.begin(), small.s.end(), factors.s.begin());
      // The other singular values are only as accurate as the summary.
      for (std::size_t mode = rank; mode < factors.s.size(); ++mode)
        factors.s(mode) = std::min(factors.s(mode), factors.s(rank - 1));
      factors.coefficients = product(coefficients, small.u);
      rotate(product(inverse, small.u));
    }
    for (int repeat = 0; repeat < 3 && !is_orthonormal<T>(basis.gram); ++repeat) {
      const Matrix rotation = inverse_cholesky(std::move(basis.gram));
      factors.coefficients = product(factors.coefficients, rotation);
      rotate(rotation);
    }
    if (std::ranges::find(basis.signs, T{-1}) != basis.signs.end()) {
      writer.scale(basis.signs, pass("basis", 0.9, 0.1));
      const std::vector<double> signs(basis.signs.begin(), basis.signs.end());
      if (rotates_weights) scale_columns(as_matrix(factors.weights), signs);
      scale_columns(as_matrix(factors.coefficients), signs);
    }
    return factors;
  }

  /// The coefficients of selected columns of A, from the stored basis.
  Matrix projected(const std::vector<std::size_t>& numbers, std::size_t rank) const {
    return projected_columns<T>({source_, basis_, rank, weighted_.get()}, numbers, pass("errors", 0.0, 0.5));
  }

  /// The errors from the summary. Columns that suffer cancellation are projected anew, and their errors are those of
  /// the residuals.
  ErrorSquares errors_from(const std::vector<Matrix>& grams, Factors<T>& factors) const {
    const auto& numbers = factors.factorization.columns;
    ErrorSquares squares(request_.groups, numbers.size());
    std::vector<std::size_t> doubtful = numbers_below(numbers.size());
    if (grams.size() == request_.groups)
      doubtful = errors_of_summary<T>({factors.factorization, grams, factors.weights, factors.coefficients},
                                      static_cast<double>(factors.s(0)), squares);
    doubtful = of_any_rank(doubtful, numbers.size());
    if (doubtful.empty()) return squares;
    std::vector<std::size_t> doubtful_numbers;
    doubtful_numbers.reserve(doubtful.size());
    for (const std::size_t place : doubtful) doubtful_numbers.push_back(numbers[place]);
    const Matrix found = projected(doubtful_numbers, factors.rank);
    for (std::size_t i = 0; i < doubtful.size(); ++i)
      for (std::size_t mode = 0; mode < factors.rank; ++mode) factors.coefficients(doubtful[i], mode) = found(i, mode);
    add_residual_errors(factors, doubtful, squares);
    return squares;
  }

  /// The union over the ranks of places below a number.
  std::vector<std::size_t> of_any_rank(const std::vector<std::size_t>& places, std::size_t number) const {
    std::vector<double> marks(number, 0.0);
    for (const std::size_t place : places) marks[place] = 1.0;
    request_.partition.maximum(marks);
    std::vector<std::size_t> all;
    for (std::size_t place = 0; place < number; ++place)
      if (marks[place] > 0.0) all.push_back(place);
    return all;
  }

  /// The errors from the residuals of all columns.
  ErrorSquares errors_of(const Factors<T>& factors) const {
    const std::size_t columns = factors.factorization.columns.size();
    ErrorSquares squares(request_.groups, columns);
    add_residual_errors(factors, numbers_below(columns), squares);
    return squares;
  }

  void add_residual_errors(const Factors<T>& factors, const std::vector<std::size_t>& places,
                           ErrorSquares& squares) const {
    ColumnSubset subset{{}, places, rows_of(factors.coefficients, places)};
    for (const std::size_t place : places) subset.columns.push_back(factors.factorization.columns[place]);
    ColumnsAndBasis<T> projection{source_, basis_, factors.rank, weighted_.get()};
    const StoredRows<T> stored(basis_, source_.rows(), factors.rank);
    std::unique_ptr<ProductRows<T>> weighted_basis;
    if (request_.inner_product != nullptr) weighted_basis = request_.inner_product->times(stored);
    projection.weighted_basis = weighted_basis.get();
    errors_of_residual(projection, subset, static_cast<double>(factors.s(0)), pass("errors", 0.5, 0.5), squares);
  }

  const RowSource<T>& source_;
  const DecompositionRequest<T>& request_;
  RowStore<T>& basis_;
  std::unique_ptr<ProductRows<T>> weighted_;  ///< the rows of M A, if there is an M
  std::size_t m_;                             ///< rows of all ranks
  std::size_t n_;
  std::size_t present_ = 0;  ///< rows that are not masked
  std::size_t threads_ = 1;
};

}  // namespace

std::vector<std::string_view> decomposition_methods() {
  return {"automatic", "gram", "sketch", "transpose", "randomized"};
}

std::string_view name_of(DecompositionMethod method) {
  return decomposition_methods()[static_cast<std::size_t>(method)];
}

DecompositionMethod decomposition_method_named(std::string_view name) {
  return choice_named<DecompositionMethod>(name, decomposition_methods(), "decomposition");
}

template <class T>
Decomposition<T> decompose(const RowSource<T>& source, const DecompositionRequest<T>& request, RowStore<T>& basis) {
  return Decomposer<T>(source, request, basis).run();
}

template Decomposition<double> decompose(const RowSource<double>&, const DecompositionRequest<double>&,
                                         RowStore<double>&);
template Decomposition<float> decompose(const RowSource<float>&, const DecompositionRequest<float>&, RowStore<float>&);

}  // namespace fieldfold
