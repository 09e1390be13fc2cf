module fieldfold.points.duplicates;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.linalg.sparse;

namespace fieldfold {
namespace {

/// Indices of points, with coincident ones together.
std::vector<std::size_t> order_of_coincidence(MatrixView<const double> points) {
  std::vector<std::size_t> order(points.rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    if (std::ranges::equal(points.row(a), points.row(b))) return a < b;
    return std::ranges::lexicographical_compare(points.row(a), points.row(b));
  });
  return order;
}

}  // namespace

MergedPoints::MergedPoints(MatrixView<const double> points) : groups_(points.rows) {
  const auto order = order_of_coincidence(points);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || !std::ranges::equal(points.row(order[i]), points.row(order[i - 1]))) counts_.push_back(0);
    groups_[order[i]] = counts_.size() - 1;
    ++counts_.back();
  }
}

xt::xarray<double> MergedPoints::means(MatrixView<const double> rows) const {
  auto result = zeros<double>({counts_.size(), rows.cols});
  for (std::size_t i = 0; i < rows.rows; ++i)
    for (std::size_t c = 0; c < rows.cols; ++c)
      result(groups_[i], c) += rows(i, c) / static_cast<double>(counts_[groups_[i]]);
  return result;
}

xt::xarray<double> MergedPoints::spread(const xt::xarray<double>& weights) const {
  auto result = xt::xarray<double>::from_shape({weights.shape(0), groups_.size()});
  for (std::size_t q = 0; q < weights.shape(0); ++q)
    for (std::size_t i = 0; i < groups_.size(); ++i)
      result(q, i) = weights(q, groups_[i]) / static_cast<double>(counts_[groups_[i]]);
  return result;
}

SparseRows MergedPoints::spread(const SparseRows& weights) const {
  std::vector<std::vector<std::size_t>> members(counts_.size());
  for (std::size_t i = 0; i < groups_.size(); ++i) members[groups_[i]].push_back(i);
  SparseRows result{.cols = groups_.size(), .order = weights.order};
  for (std::size_t row = 0; row < weights.rows(); ++row) {
    for (std::uint64_t e = weights.offsets[row]; e < weights.offsets[row + 1]; ++e) {
      const auto& own = members[weights.columns[e]];
      for (const std::size_t i : own) {
        result.columns.push_back(static_cast<std::uint32_t>(i));
        result.weights.push_back(weights.weights[e] / static_cast<double>(own.size()));
      }
    }
    result.offsets.push_back(result.columns.size());
  }
  return result;
}

std::string explanation(const CoincidentPairs& pairs) {
  return message("Two data points coincide: ", pairs.first.first, " and ", pairs.first.second,
                 pairs.count > 1 ? message(", one of ", pairs.count, " such pairs") : "",
                 "; smoothing, or merge_duplicates for the mean of their values, helps");
}

CoincidentPairs coincident_pairs(MatrixView<const double> points, const std::function<bool(std::size_t)>& counts) {
  const auto order = order_of_coincidence(points);
  CoincidentPairs pairs;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (!std::ranges::equal(points.row(order[i]), points.row(order[i - 1])) || !counts(order[i])) continue;
    if (pairs.count++ == 0) pairs.first = {order[i - 1], order[i]};
  }
  return pairs;
}

}  // namespace fieldfold
