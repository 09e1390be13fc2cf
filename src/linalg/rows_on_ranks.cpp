module fieldfold.linalg.rows_on_ranks;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;

namespace fieldfold {
namespace {

/// Rows of which each is known by the numbers of its points, in any order.
class NumberedRows {
 public:
  struct Entry {
    std::uint64_t number;
    double weight;
  };

  explicit NumberedRows(std::size_t rows) : rows_(rows) {}

  void add(std::size_t row, std::uint64_t number, double weight) { rows_[row].push_back({number, weight}); }
  void scale(std::size_t row, double factor) {
    for (Entry& entry : rows_[row]) entry.weight *= factor;
  }

  /// \param own  points of this rank
  RowsOnRanks finished(const RowPartition& points, std::size_t own) const {
    const std::uint64_t first = points.number(0);
    const auto is_own = [&](std::uint64_t number) { return number >= first && number < first + own; };
    std::vector<std::uint64_t> needed;
    for (const auto& row : rows_)
      for (const Entry& entry : row)
        if (!is_own(entry.number)) needed.push_back(entry.number);
    std::ranges::sort(needed);
    const auto repeated = std::ranges::unique(needed);
    needed.erase(repeated.begin(), repeated.end());
    if (own + needed.size() > std::numeric_limits<std::uint32_t>::max())
      throw InvalidArgument(
          message("points: expected fewer than 2^32 on a rank and around it, got ", own + needed.size()));
    SparseRows rows{.cols = own + needed.size()};
    for (const auto& row : rows_) {
      for (const Entry& entry : row) {
        const std::uint64_t column =
            is_own(entry.number)
                ? entry.number - first
                : own + static_cast<std::uint64_t>(std::ranges::lower_bound(needed, entry.number) - needed.begin());
        rows.columns.push_back(static_cast<std::uint32_t>(column));
        rows.weights.push_back(entry.weight);
      }
      rows.offsets.push_back(rows.columns.size());
    }
    return {std::move(rows), std::move(needed)};
  }

 private:
  std::vector<std::vector<Entry>> rows_;
};

/// For each row its blend, its number of entries, and these: numbers and weights.
std::vector<double> packed(const BlendedRows& blended, std::span<const std::uint64_t> numbers, std::size_t first,
                           std::size_t count) {
  std::vector<double> all;
  const SparseRows& rows = blended.rows;
  std::vector<std::size_t> place(count);
  for (std::size_t p = 0; p < rows.rows(); ++p)
    if (const std::size_t row = rows.row(p); row >= first && row < first + count) place[row - first] = p;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t begin = rows.offsets[place[i]];
    const std::uint64_t end = rows.offsets[place[i] + 1];
    all.push_back(blended.blends[first + i]);
    all.push_back(static_cast<double>(end - begin));
    for (std::uint64_t e = begin; e < end; ++e) {
      all.push_back(static_cast<double>(numbers[rows.columns[e]]));
      all.push_back(rows.weights[e]);
    }
  }
  return all;
}

}  // namespace

RowsOnRanks computed_on_ranks(const RowPartition& points, std::size_t own, MatrixView<const double> queries,
                              const std::vector<std::vector<std::size_t>>& ranks,
                              const std::function<BlendedRows(MatrixView<const double> queries)>& compute,
                              const std::function<std::span<const std::uint64_t>()>& numbers) {
  const Communicator& communicator = *points.communicator();
  std::vector<Message> sent(communicator.size());
  std::vector<std::vector<std::size_t>> queries_of(communicator.size());
  for (std::size_t rank = 0; rank < sent.size(); ++rank) sent[rank].rank = rank;
  for (std::size_t q = 0; q < queries.rows; ++q)
    for (const std::size_t rank : ranks[q]) {
      queries_of[rank].push_back(q);
      sent[rank].numbers.insert(sent[rank].numbers.end(), queries.row(q).begin(), queries.row(q).end());
    }
  std::vector<double> here;
  std::vector<std::pair<std::size_t, std::size_t>> from;
  for (const Message& message : deliver(communicator, sent)) {
    from.emplace_back(message.rank, message.numbers.size() / queries.cols);
    here.insert(here.end(), message.numbers.begin(), message.numbers.end());
  }
  const BlendedRows rows = compute({here.data(), here.size() / queries.cols, queries.cols});
  std::vector<Message> answers;
  std::size_t first = 0;
  for (const auto& [rank, count] : from) {
    answers.push_back({rank, packed(rows, numbers(), first, count)});
    first += count;
  }
  NumberedRows results(queries.rows);
  std::vector<double> blends(queries.rows, 0.0);
  for (const Message& message : deliver(communicator, answers)) {
    const double* next = message.numbers.data();
    for (const std::size_t q : queries_of[message.rank]) {
      blends[q] += *next++;
      for (auto count = static_cast<std::size_t>(*next++); count > 0; --count, next += 2)
        results.add(q, static_cast<std::uint64_t>(next[0]), next[1]);
    }
  }
  for (std::size_t q = 0; q < queries.rows; ++q) results.scale(q, 1.0 / blends[q]);
  return results.finished(points, own);
}

RowsOnRanks with_own_columns(const RowPartition& points, std::size_t own,
                             const std::variant<SparseRows, xt::xarray<double>>& weights) {
  if (const auto* const sparse = std::get_if<SparseRows>(&weights)) {
    NumberedRows rows(sparse->rows());
    for (std::size_t place = 0; place < sparse->rows(); ++place)
      for (std::uint64_t e = sparse->offsets[place]; e < sparse->offsets[place + 1]; ++e)
        rows.add(sparse->row(place), sparse->columns[e], sparse->weights[e]);
    return rows.finished(points, own);
  }
  // A dense matrix needs all points; those of this rank come first.
  const auto& dense = std::get<xt::xarray<double>>(weights);
  const std::size_t first = points.number(0);
  std::vector<std::uint64_t> needed;
  for (std::uint64_t number = 0; number < dense.shape(1); ++number)
    if (number < first || number >= first + own) needed.push_back(number);
  auto ordered = xt::xarray<double>::from_shape({dense.shape(0), dense.shape(1)});
  for (std::size_t q = 0; q < dense.shape(0); ++q) {
    const double* const row = dense.data() + q * dense.shape(1);
    double* const result = ordered.data() + q * dense.shape(1);
    std::copy_n(row + first, own, result);
    std::copy_n(row, first, result + own);
    std::copy_n(row + first + own, dense.shape(1) - first - own, result + own + first);
  }
  return {std::move(ordered), std::move(needed)};
}

}  // namespace fieldfold
