module fieldfold.points.neighborhoods;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.boxes;
import fieldfold.points.neighbors;
import fieldfold.points.regions;

namespace fieldfold {
namespace {

constexpr std::size_t cells_per_rank = 64;

/// The box around the nearest known points of a query, widened by rounding; none if too few are known.
std::optional<Box> box_of_neighbors(const NearestNeighbors& search, MatrixView<const double> known,
                                    std::span<const double> query, std::span<std::size_t> nearest) {
  if (known.rows < nearest.size()) return std::nullopt;
  search.find(query, nearest);
  double square = 0.0;
  for (const std::size_t i : nearest) {
    double own = 0.0;
    for (std::size_t axis = 0; axis < query.size(); ++axis) own += std::pow(known(i, axis) - query[axis], 2);
    square = std::max(square, own);
  }
  const Box point{{query.begin(), query.end()}, {query.begin(), query.end()}};
  return widened(point, std::sqrt(square) * (1.0 + 1e-12));
}

/// Extends what is known around the regions of this rank until the nearest points of all queries are; collective.
void cover_neighbors(Regions& regions, MatrixView<const double> queries, std::size_t count) {
  const std::size_t dim = queries.cols;
  std::vector<std::size_t> region_of(queries.rows);
  regions.tree().find(queries, region_of);
  for (std::size_t& region : region_of)
    region = static_cast<std::size_t>(std::ranges::lower_bound(regions.own(), region) - regions.own().begin());
  std::vector<std::size_t> open(queries.rows);
  std::iota(open.begin(), open.end(), std::size_t{0});
  std::vector<std::size_t> nearest(count);
  for (bool has_grown = true; has_grown;) {
    std::vector<Box> wanted = regions.covered();
    if (!open.empty()) {
      const KnownPoints known = regions.known();
      const MatrixView<const double> points{known.rows.data, known.rows.rows, dim, known.rows.stride};
      const NearestNeighbors search(points);
      std::erase_if(open, [&](std::size_t q) {
        Box& box = wanted[region_of[q]];
        const Box& covered = regions.covered()[region_of[q]];
        auto reached = box_of_neighbors(search, points, queries.row(q), nearest);
        if (!reached) {
          // Twice as wide along each axis; a box of no width gets its share of the domain.
          reached = covered;
          for (std::size_t axis = 0; axis < dim; ++axis) {
            const double extent = regions.domain().high[axis] - regions.domain().low[axis];
            const double margin = std::max((covered.high[axis] - covered.low[axis]) / 2, extent / 64);
            reached->low[axis] -= margin;
            reached->high[axis] += margin;
          }
        }
        reached = clamped(std::move(*reached), regions.domain());
        if (is_inside(*reached, covered)) return true;
        box = united(box, *reached);
        return false;
      });
    }
    has_grown = regions.cover(wanted);
  }
}

}  // namespace

RowsOnRanks rows_from_neighbors(
    const RowPartition& partition, MatrixView<const double> rows, MatrixView<const double> queries, std::size_t count,
    const std::function<SparseRows(const KnownPoints& known, MatrixView<const double> queries)>& weights) {
  const std::size_t cells = std::min(partition.total(rows.rows), cells_per_rank * partition.communicator()->size());
  Regions regions(partition, rows, queries.cols, cells);
  std::vector<std::size_t> region_of(queries.rows);
  regions.tree().find(queries, region_of);
  std::vector<std::vector<std::size_t>> ranks;
  ranks.reserve(queries.rows);
  for (const std::size_t region : region_of) ranks.push_back({regions.all()[region].rank});
  const auto compute = [&](MatrixView<const double> here) -> BlendedRows {
    cover_neighbors(regions, here, count);
    if (here.rows == 0) return {};
    return {weights(regions.known(), here), std::vector<double>(here.rows, 1.0)};
  };
  return computed_on_ranks(partition, rows.rows, queries, ranks, compute, [&] { return regions.known().numbers; });
}

xt::xarray<double> gathered_rows(const RowPartition& partition, MatrixView<const double> rows) {
  const Communicator& communicator = *partition.communicator();
  std::vector<Message> sent;
  for (std::size_t rank = 0; rank < communicator.size(); ++rank) {
    sent.push_back({rank});
    for (std::size_t i = 0; i < rows.rows; ++i)
      sent.back().numbers.insert(sent.back().numbers.end(), rows.row(i).begin(), rows.row(i).end());
  }
  auto all = xt::xarray<double>::from_shape({partition.total(rows.rows), rows.cols});
  double* next = all.data();
  for (const Message& message : deliver(communicator, sent)) next = std::ranges::copy(message.numbers, next).out;
  return all;
}

}  // namespace fieldfold
