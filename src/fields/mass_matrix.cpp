module fieldfold.fields.mass_matrix;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.inner_product;
import fieldfold.linalg.halo;
import fieldfold.linalg.sparse;
import fieldfold.linalg.sparse_cholesky;

namespace fieldfold {
namespace {

/// Tolerance of symmetry, relative to the diagonal.
constexpr double symmetry_tolerance = 1e-10;

/// The largest number of points for which a Cholesky factorization checks positive definiteness.
constexpr std::size_t most_factorized = 20'000;

std::uint32_t checked_index(double index, std::size_t num_pts, const char* name) {
  if (!(index >= 0.0 && index < static_cast<double>(num_pts) && index == std::floor(index)))
    throw InvalidArgument(message(name, ": expected whole numbers below num_pts = ", num_pts, ", got ", index));
  return static_cast<std::uint32_t>(index);
}

std::size_t points_of(const ArrayRef<double>& rows) {
  double largest = -1.0;
  for (const double row : rows.values()) {
    if (!(row >= 0.0 && row < 4294967295.0))
      throw InvalidArgument(message("rows: expected whole numbers from 0 to 4294967294, got ", row));
    largest = std::max(largest, std::floor(row));
  }
  if (largest < 0.0) throw InvalidArgument("triplets: expected at least one, got none");
  return static_cast<std::size_t>(largest) + 1;
}

/// Sorts the entries of a row by column and sums duplicates.
void sort_row(std::vector<std::pair<std::uint32_t, double>>& row) {
  std::ranges::sort(row);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (kept > 0 && row[kept - 1].first == row[i].first)
      row[kept - 1].second += row[i].second;
    else
      row[kept++] = row[i];
  }
  row.resize(kept);
}

/// Appends a row, whose entries are sorted and summed.
void append_row(SparseRows& rows, std::vector<std::pair<std::uint32_t, double>>& row) {
  sort_row(row);
  for (const auto& [column, value] : row) {
    rows.columns.push_back(column);
    rows.weights.push_back(value);
  }
  rows.offsets.push_back(rows.columns.size());
}

/// Compressed rows of triplets of row, column and value.
SparseRows compressed(std::size_t num_rows, std::size_t num_cols, const std::vector<std::array<double, 3>>& triplets) {
  std::vector<std::vector<std::pair<std::uint32_t, double>>> sorted(num_rows);
  for (const auto& [row, column, value] : triplets)
    sorted[static_cast<std::size_t>(row)].emplace_back(static_cast<std::uint32_t>(column), value);
  SparseRows rows{.cols = num_cols};
  for (auto& row : sorted) append_row(rows, row);
  return rows;
}

/// An entry, 0 if it is not stored.
double entry(const SparseRows& rows, std::size_t i, std::size_t j) {
  const auto begin = rows.columns.begin() + static_cast<std::ptrdiff_t>(rows.offsets[i]);
  const auto end = rows.columns.begin() + static_cast<std::ptrdiff_t>(rows.offsets[i + 1]);
  const auto found = std::lower_bound(begin, end, static_cast<std::uint32_t>(j));
  return found != end && *found == j ? rows.weights[static_cast<std::size_t>(found - rows.columns.begin())] : 0.0;
}

}  // namespace

MassMatrix::MassMatrix(std::size_t num_pts, const ArrayRef<double>& rows, const ArrayRef<double>& columns,
                       const ArrayRef<double>& values, Definiteness definiteness)
    : num_pts_(num_pts) {
  if (num_pts == 0 || num_pts > std::numeric_limits<std::uint32_t>::max())
    throw InvalidArgument(
        message("num_pts: expected 1 to ", std::numeric_limits<std::uint32_t>::max(), ", got ", num_pts));
  if (rows.size() != values.size() || columns.size() != values.size())
    throw InvalidArgument(message("triplets: expected rows, columns and values of one length, got ", rows.size(), ", ",
                                  columns.size(), " and ", values.size()));
  if (num_pts > values.size())
    throw InvalidArgument(message("triplets: expected one on the diagonal for each of the ", num_pts, " points, got ",
                                  values.size(), " in all"));
  // A counting sort by rows.
  std::vector<std::uint64_t> offsets(num_pts + 1, 0);
  for (const double row : rows.values()) ++offsets[checked_index(row, num_pts, "rows") + std::size_t{1}];
  for (std::size_t i = 0; i < num_pts; ++i) offsets[i + 1] += offsets[i];
  std::vector<std::pair<std::uint32_t, double>> entries(values.size());
  auto next = offsets;
  for (std::size_t e = 0; e < values.size(); ++e)
    entries[next[static_cast<std::size_t>(rows.data()[e])]++] = {checked_index(columns.data()[e], num_pts, "columns"),
                                                                 values.data()[e]};
  SparseRows sorted{.cols = num_pts};
  std::vector<std::pair<std::uint32_t, double>> row;
  for (std::size_t i = 0; i < num_pts; ++i) {
    row.assign(entries.begin() + static_cast<std::ptrdiff_t>(offsets[i]),
               entries.begin() + static_cast<std::ptrdiff_t>(offsets[i + 1]));
    append_row(sorted, row);
  }
  rows_ = make_shared<const SparseRows>(std::move(sorted));
  validate(definiteness);
}

MassMatrix::MassMatrix(std::shared_ptr<const Communicator> communicator, std::size_t num_pts,
                       const ArrayRef<double>& rows, const ArrayRef<double>& columns, const ArrayRef<double>& values)
    : num_pts_(num_pts) {
  communicator->together([&] {
    if (rows.size() != values.size() || columns.size() != values.size())
      throw InvalidArgument(message("triplets: expected rows, columns and values of one length, got ", rows.size(),
                                    ", ", columns.size(), " and ", values.size()));
    const RowPartition points(*communicator, num_pts);
    const std::size_t total = points.total(num_pts);
    if (total == 0 || total > std::numeric_limits<std::uint32_t>::max())
      throw InvalidArgument(
          message("num_pts: expected 1 to ", std::numeric_limits<std::uint32_t>::max(), " in all, got ", total));
    std::vector<std::array<double, 3>> triplets(values.size());
    for (std::size_t e = 0; e < values.size(); ++e)
      triplets[e] = {static_cast<double>(checked_index(rows.data()[e], total, "rows")),
                     static_cast<double>(checked_index(columns.data()[e], total, "columns")), values.data()[e]};
    std::ranges::sort(triplets, {}, [](const auto& triplet) { return triplet[0]; });
    // The rank of a row gets its triplets.
    std::vector<std::uint64_t> numbers;
    numbers.reserve(triplets.size());
    for (const auto& triplet : triplets) numbers.push_back(static_cast<std::uint64_t>(triplet[0]));
    const std::vector<std::size_t> owners = ranks_of(points, numbers);
    std::vector<Message> sent;
    for (std::size_t e = 0; e < triplets.size(); ++e) {
      if (sent.empty() || sent.back().rank != owners[e]) sent.push_back({owners[e]});
      sent.back().numbers.insert(sent.back().numbers.end(), triplets[e].begin(), triplets[e].end());
    }
    std::vector<std::array<double, 3>> own;
    for (const Message& part : deliver(*communicator, sent))
      for (std::size_t k = 0; k < part.numbers.size(); k += 3)
        own.push_back(
            {part.numbers[k] - static_cast<double>(points.number(0)), part.numbers[k + 1], part.numbers[k + 2]});
    shared_ = std::make_shared<Shared>();
    shared_->communicator = communicator;
    shared_->points = points;
    share(own);
    validate_shared();
  });
}

/// \param triplets  rows of this rank, columns of all
void MassMatrix::share(const std::vector<std::array<double, 3>>& triplets) {
  const auto first = static_cast<double>(shared_->points.number(0));
  const auto is_own = [&](const auto& triplet) {
    return triplet[1] >= first && triplet[1] < first + static_cast<double>(num_pts_);
  };
  auto& numbers = shared_->numbers;
  for (const auto& triplet : triplets)
    if (!is_own(triplet)) numbers.push_back(static_cast<std::uint64_t>(triplet[1]));
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  std::vector<std::array<double, 3>> own;
  std::vector<std::array<double, 3>> others;
  for (const auto& triplet : triplets) {
    if (is_own(triplet)) {
      own.push_back({triplet[0], triplet[1] - first, triplet[2]});
      continue;
    }
    const auto place = std::ranges::lower_bound(numbers, static_cast<std::uint64_t>(triplet[1])) - numbers.begin();
    others.push_back({triplet[0], static_cast<double>(place), triplet[2]});
  }
  rows_ = make_shared<const SparseRows>(compressed(num_pts_, num_pts_, own));
  shared_->beyond = compressed(num_pts_, numbers.size(), others);
  shared_->halo = std::make_shared<const Halo>(shared_->points, numbers);
}

std::vector<double> MassMatrix::halo_values(std::span<const double> own) const {
  return shared_->halo->values(1, [&](std::size_t point, std::span<double> value) { value[0] = own[point]; });
}

void MassMatrix::validate_shared() const {
  if (num_pts_ > 0) validate(Definiteness::known);
  const std::vector<double> own = scales();
  const std::vector<double> others = halo_values(own);
  const auto point = [&](std::size_t i) { return shared_->points.number(i); };
  const SparseRows& beyond = shared_->beyond;
  // Entries whose column is of another rank are compared by it with its own.
  const std::vector<std::size_t> owners = ranks_of(shared_->points, shared_->numbers);
  std::map<std::size_t, std::vector<double>> mirrored;
  for (std::size_t i = 0; i < num_pts_; ++i)
    for (std::uint64_t e = beyond.offsets[i]; e < beyond.offsets[i + 1]; ++e) {
      const std::size_t column = beyond.columns[e];
      if (!(std::abs(beyond.weights[e]) < own[i] * others[column]))
        throw InvalidArgument(message("mass: expected a positive definite matrix, got ", beyond.weights[e], " at (",
                                      point(i), ", ", shared_->numbers[column],
                                      "), not below the geometric mean of the diagonal entries, ",
                                      own[i] * others[column]));
      auto& numbers = mirrored[owners[column]];
      numbers.insert(numbers.end(),
                     {static_cast<double>(shared_->numbers[column]), static_cast<double>(point(i)), beyond.weights[e]});
    }
  std::vector<Message> sent;
  sent.reserve(mirrored.size());
  for (auto& [rank, numbers] : mirrored) sent.push_back({rank, std::move(numbers)});
  for (const Message& part : deliver(*shared_->communicator, sent))
    for (std::size_t k = 0; k < part.numbers.size(); k += 3) {
      const std::size_t i = static_cast<std::size_t>(part.numbers[k]) - point(0);
      const auto other = static_cast<std::uint64_t>(part.numbers[k + 1]);
      const auto found = std::ranges::lower_bound(shared_->numbers, other);
      const auto place = static_cast<std::size_t>(found - shared_->numbers.begin());
      const bool is_stored = found != shared_->numbers.end() && *found == other;
      const double here = is_stored ? entry(beyond, i, place) : 0.0;
      const double scale = is_stored ? own[i] * others[place] : 0.0;
      if (!(std::abs(here - part.numbers[k + 2]) <= symmetry_tolerance * scale))
        throw InvalidArgument(message("mass: expected a symmetric matrix, got ", here, " at (", point(i), ", ", other,
                                      ") and ", part.numbers[k + 2], " at (", other, ", ", point(i), ")"));
    }
}

SparseRows MassMatrix::rows_of_all() const {
  if (!rows_) throw NotReady("mass: the matrix is a function, and has no entries");
  if (!shared_) return *rows_;
  SparseRows all{.cols = num_pts_of_all()};
  std::vector<std::pair<std::uint32_t, double>> row;
  for (std::size_t i = 0; i < num_pts_; ++i) {
    row.clear();
    for (std::uint64_t e = rows_->offsets[i]; e < rows_->offsets[i + 1]; ++e)
      row.emplace_back(static_cast<std::uint32_t>(shared_->points.number(rows_->columns[e])), rows_->weights[e]);
    for (std::uint64_t e = shared_->beyond.offsets[i]; e < shared_->beyond.offsets[i + 1]; ++e)
      row.emplace_back(static_cast<std::uint32_t>(shared_->numbers[shared_->beyond.columns[e]]),
                       shared_->beyond.weights[e]);
    append_row(all, row);
  }
  return all;
}

MassMatrix::MassMatrix(const ArrayRef<double>& rows, const ArrayRef<double>& columns, const ArrayRef<double>& values)
    : MassMatrix(points_of(rows), rows, columns, values) {}

MassMatrix::MassMatrix(SparseRows rows) : num_pts_(rows.rows()), rows_(make_shared<const SparseRows>(std::move(rows))) {
  const auto& offsets = rows_->offsets;
  bool holds = num_pts_ > 0 && rows_->cols == num_pts_ && rows_->order.empty() && offsets.front() == 0 &&
               offsets.back() == rows_->columns.size() && rows_->columns.size() == rows_->weights.size() &&
               std::ranges::is_sorted(offsets);
  for (std::size_t i = 0; holds && i < num_pts_; ++i)
    for (std::uint64_t e = offsets[i]; e < offsets[i + 1]; ++e)
      holds = holds && rows_->columns[e] < num_pts_ && (e == offsets[i] || rows_->columns[e - 1] < rows_->columns[e]);
  if (!holds) throw InvalidArgument("mass: expected a square matrix of compressed rows, with ascending columns");
  validate(Definiteness::unknown);
}

MassMatrix::MassMatrix(std::size_t num_pts, Apply apply) : num_pts_(num_pts), apply_(std::move(apply)) {
  if (num_pts == 0 || !apply_) throw InvalidArgument("mass: expected points and a function, got none");
}

void MassMatrix::validate(Definiteness definiteness) const {
  for (std::size_t i = 0; i < num_pts_; ++i) {
    const double diagonal = entry(*rows_, i, i);
    if (!(diagonal > 0.0))
      throw InvalidArgument(
          message("mass: expected a positive definite matrix, got ", diagonal, " on its diagonal, at point ", i));
  }
  for (std::size_t i = 0; i < num_pts_; ++i)
    for (std::uint64_t e = rows_->offsets[i]; e < rows_->offsets[i + 1]; ++e) {
      const std::size_t j = rows_->columns[e];
      const double here = rows_->weights[e];
      const double there = entry(*rows_, j, i);
      if (!std::isfinite(here))
        throw InvalidArgument(message("mass: expected finite entries, got ", here, " at (", i, ", ", j, ")"));
      const double scale = std::sqrt(entry(*rows_, i, i)) * std::sqrt(entry(*rows_, j, j));
      if (!(std::abs(here - there) <= symmetry_tolerance * scale))
        throw InvalidArgument(message("mass: expected a symmetric matrix, got ", here, " at (", i, ", ", j, ") and ",
                                      there, " at (", j, ", ", i, ")"));
      if (i != j && !(std::abs(here) < scale))
        throw InvalidArgument(message("mass: expected a positive definite matrix, got ", here, " at (", i, ", ", j,
                                      "), not below the geometric mean of the diagonal entries, ", scale));
    }
  if (definiteness == Definiteness::known || num_pts_ > most_factorized || !sparse_cholesky_is_built()) return;
  SparseRows lower{.cols = num_pts_};
  for (std::size_t i = 0; i < num_pts_; ++i) {
    for (std::uint64_t e = rows_->offsets[i]; e < rows_->offsets[i + 1]; ++e) {
      if (rows_->columns[e] > i) break;
      lower.columns.push_back(rows_->columns[e]);
      lower.weights.push_back(rows_->weights[e]);
    }
    lower.offsets.push_back(lower.columns.size());
  }
  if (!SparseCholesky(lower).is_positive_definite())
    throw InvalidArgument("mass: expected a positive definite matrix, got one without a Cholesky factor");
}

void MassMatrix::multiply(MatrixView<const double> values, MatrixView<double> results, std::size_t threads) const {
  if (!apply_) {
    const double operations = 2.0 * static_cast<double>(rows_->columns.size()) * static_cast<double>(values.cols);
    rows_->multiply(values, results, threads_for(threads, operations));
    if (shared_) shared_->communicator->together([&] { add_beyond(values, results); });
    return;
  }
  apply_to_columns(apply_, values, results);
}

/// Adds the products with points of other ranks.
void MassMatrix::add_beyond(MatrixView<const double> values, MatrixView<double> results) const {
  const SparseRows& beyond = shared_->beyond;
  const std::vector<double> halo = shared_->halo->values(values.cols, [&](std::size_t point, std::span<double> row) {
    std::ranges::copy(values.row(point), row.begin());
  });
  for (std::size_t i = 0; i < num_pts_; ++i)
    for (std::uint64_t e = beyond.offsets[i]; e < beyond.offsets[i + 1]; ++e)
      for (std::size_t k = 0; k < values.cols; ++k)
        results(i, k) += beyond.weights[e] * halo[beyond.columns[e] * values.cols + k];
}

xt::xarray<double> MassMatrix::row_sums() const {
  const xt::xarray<double> ones = xt::ones<double>({num_pts_});
  auto sums = xt::xarray<double>::from_shape({num_pts_});
  multiply(as_matrix(ones, num_pts_, 1), as_matrix(sums, num_pts_, 1));
  return sums;
}

std::vector<double> MassMatrix::scales() const {
  std::vector<double> result(num_pts_, 1.0);
  for (std::size_t i = 0; i < num_pts_ && !apply_; ++i) result[i] = std::sqrt(entry(*rows_, i, i));
  return result;
}

template <class T>
std::unique_ptr<InnerProduct<T>> MassMatrix::scaled_inner_product(std::size_t groups) const {
  if (apply_) return std::make_unique<OperatorInnerProduct<T>>(apply_, groups);
  SparseRows scaled = *rows_;
  const std::vector<double> by = scales();
  for (std::size_t i = 0; i < num_pts_; ++i)
    for (std::uint64_t e = scaled.offsets[i]; e < scaled.offsets[i + 1]; ++e)
      scaled.weights[e] /= by[i] * by[scaled.columns[e]];
  if (!shared_) return std::make_unique<SparseInnerProduct<T>>(std::move(scaled), groups);
  SparseRows beyond = shared_->beyond;
  const std::vector<double> others = halo_values(by);
  for (std::size_t i = 0; i < num_pts_; ++i)
    for (std::uint64_t e = beyond.offsets[i]; e < beyond.offsets[i + 1]; ++e)
      beyond.weights[e] /= by[i] * others[beyond.columns[e]];
  return std::make_unique<SparseInnerProduct<T>>(std::move(scaled), groups, std::move(beyond), shared_->halo);
}

template std::unique_ptr<InnerProduct<double>> MassMatrix::scaled_inner_product(std::size_t) const;
template std::unique_ptr<InnerProduct<float>> MassMatrix::scaled_inner_product(std::size_t) const;

}  // namespace fieldfold
