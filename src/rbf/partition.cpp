module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

module fieldfold.rbf.partition;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.linalg.sparse;
import fieldfold.points.boxes;
import fieldfold.rbf.lanes;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

namespace fieldfold {
namespace {

/// Interpolants are at their worst at the edge of their points, and have no weight there: it reaches over this share of
/// the overlap.
constexpr double support_share = 0.3;

/// No patch has more points than so many clusters, however crowded the points are beside its cell.
constexpr std::size_t most_clusters = 3;

/// At the edge of the domain, interpolants have points on one side only; there patches are made wider until they have
/// so many times as many points as a cluster.
constexpr double edge_share = 1.3;

/// So many that patches have `cluster_size` points, about.
std::size_t cells_for(MatrixView<const double> points, std::size_t cluster_size, double overlap) {
  if (points.rows <= cluster_size) return 1;
  const double growth = std::pow(1.0 + 2.0 * overlap, static_cast<double>(points.cols));
  const double cells = std::ceil(static_cast<double>(points.rows) * growth / static_cast<double>(cluster_size));
  return std::min(points.rows, static_cast<std::size_t>(cells));
}

}  // namespace

PartitionOfUnity::PartitionOfUnity(const PointCloud& cloud, std::size_t cluster_size, double overlap,
                                   std::size_t threads)
    : overlap_(overlap),
      origin_(box_around(cloud.points).low),
      cells_(moved(cloud.points), cells_for(cloud.points, cluster_size, overlap)),
      smoothing_(cloud.points.rows),
      cloud_(cloud),
      patches_(cells_.size()),
      reaching_(cells_.size()) {
  const std::size_t n = cloud.points.rows;
  for (std::size_t i = 0; i < n; ++i) smoothing_[i] = cloud.smoothing[cells_.order()[i]];
  cloud_.points = cells_.points();
  cloud_.smoothing = smoothing_;
  const std::size_t wanted =
      std::max(Monomials(cloud.points.cols, cloud.model.degree, cloud.model.redundant_squares).size(), cluster_size);
  std::vector<std::vector<std::size_t>> reached(patches_.size());
  for_each_block(patches_.size(), 16, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    std::vector<std::size_t> found;
    for (std::size_t i = first; i < first + count; ++i) {
      const Patch& patch = patches_[i] = patch_of(i, wanted, found);
      Box support{patch.centre, patch.centre};
      for (std::size_t axis = 0; axis < patch.centre.size(); ++axis) {
        support.low[axis] -= patch.half_width[axis];
        support.high[axis] += patch.half_width[axis];
      }
      cells_.meeting(support, reached[i]);
    }
  });
  for (std::size_t i = 0; i < patches_.size(); ++i)
    for (const std::size_t cell : reached[i]) reaching_[cell].push_back(i);
  by_size_.resize(patches_.size());
  std::iota(by_size_.begin(), by_size_.end(), std::size_t{0});
  std::ranges::sort(by_size_, {}, [&](std::size_t patch) { return std::pair(patches_[patch].members.size(), patch); });
}

xt::xarray<double> PartitionOfUnity::moved(MatrixView<const double> points) const {
  auto result = xt::xarray<double>::from_shape({points.rows, points.cols});
  for (std::size_t i = 0; i < points.rows; ++i)
    for (std::size_t axis = 0; axis < points.cols; ++axis) result(i, axis) = points(i, axis) - origin_[axis];
  return result;
}

double PartitionOfUnity::mean_width(std::size_t index) const {
  const Box& cell = cells_.box(index);
  const Box own = cells_.box_of_points(index);
  // Points on a slanted line fill nothing of their cell along the other axes. As many at random reach over this share
  // of what they fill.
  const auto count = static_cast<double>(cells_.count(index));
  const double reached = count > 1.0 ? (count - 1.0) / (count + 1.0) : 1.0;
  std::vector<double> widths(origin_.size());
  for (std::size_t axis = 0; axis < widths.size(); ++axis) {
    widths[axis] = cell.high[axis] - cell.low[axis];
    if (count > 1.0) widths[axis] = std::min(widths[axis], (own.high[axis] - own.low[axis]) / reached);
  }
  // Splitting along the widest keeps cells from being long, but where points lie in a plane.
  const double widest = std::ranges::max(widths);
  if (!(widest > 0.0)) return 0.0;
  double logarithms = 0.0;
  for (const double width : widths) logarithms += std::log(std::max(width, widest / 4.0));
  return std::exp(logarithms / static_cast<double>(widths.size()));
}

double PartitionOfUnity::keep_nearest(const Box& cell, std::size_t most, std::vector<std::size_t>& found) const {
  std::vector<std::pair<double, std::size_t>> by_distance;
  by_distance.reserve(found.size());
  for (const std::size_t i : found) {
    double distance = 0.0;
    for (std::size_t axis = 0; axis < cell.low.size(); ++axis)
      distance =
          std::max({distance, cell.low[axis] - cells_.points()(i, axis), cells_.points()(i, axis) - cell.high[axis]});
    by_distance.emplace_back(distance, i);
  }
  const auto last = by_distance.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::ranges::nth_element(by_distance, last);
  found.resize(most);
  for (std::size_t k = 0; k < most; ++k) found[k] = by_distance[k].second;
  std::ranges::sort(found);
  return last->first;
}

PartitionOfUnity::Patch PartitionOfUnity::patch_of(std::size_t index, std::size_t cluster_size,
                                                   std::vector<std::size_t>& found) const {
  const std::size_t dim = origin_.size();
  const Box& cell = cells_.box(index);
  const Box& domain = cells_.domain();
  // A cell of points that coincide begins with its share of the domain; and all have some margin, which can grow.
  const double extent = std::ranges::max(domain.high);
  const double share = extent > 0.0 ? extent / static_cast<double>(cells_.size()) : 1.0;
  const double mean = mean_width(index);
  const double least_margin = 1e-9 * extent;
  double margin = std::max(overlap_ * (mean > 0.0 ? mean : share), least_margin);
  Box reach = cell;
  bool is_inside = true;
  for (std::size_t axis = 0; axis < dim; ++axis) {
    reach.low[axis] -= margin;
    reach.high[axis] += margin;
    is_inside = is_inside && reach.low[axis] >= domain.low[axis] && reach.high[axis] <= domain.high[axis];
  }
  const double wanted_share = is_inside ? 1.0 : edge_share;
  const std::size_t wanted =
      std::min(smoothing_.size(), static_cast<std::size_t>(wanted_share * static_cast<double>(cluster_size)));
  for (cells_.inside(reach, found); found.size() < wanted; cells_.inside(reach, found)) {
    const double lacking = static_cast<double>(wanted) / static_cast<double>(std::max<std::size_t>(found.size(), 1));
    const double growth = std::clamp(std::pow(lacking, 1.0 / static_cast<double>(dim)) - 1.0, 0.02, 1.0);
    bool grows = false;
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const double more = growth / 2 * (reach.high[axis] - reach.low[axis]);
      grows = grows || reach.high[axis] + more > reach.high[axis];
      reach.low[axis] -= more;
      reach.high[axis] += more;
    }
    if (!grows) reach = domain;
  }
  const std::size_t most = most_clusters * cluster_size;
  if (found.size() > most) margin = std::max(std::min(margin, keep_nearest(cell, most, found)), least_margin);
  Patch patch{found, std::vector<double>(dim), std::vector<double>(dim)};
  for (std::size_t axis = 0; axis < dim; ++axis) {
    patch.centre[axis] = cell.high[axis] / 2 + cell.low[axis] / 2;
    patch.half_width[axis] = cell.high[axis] / 2 - cell.low[axis] / 2 + support_share * margin;
  }
  return patch;
}

void PartitionOfUnity::clamp(std::span<const double> query, std::span<double> clamped) const {
  for (std::size_t axis = 0; axis < query.size(); ++axis)
    clamped[axis] = std::clamp(query[axis], cells_.domain().low[axis], cells_.domain().high[axis]);
}

PartitionOfUnity::Blend PartitionOfUnity::blend(const Patch& patch, std::span<const double> clamped,
                                                std::span<const double> query,
                                                std::optional<std::size_t> derivative_axis) {
  Blend product{1.0, 1.0};
  for (std::size_t axis = 0; axis < clamped.size(); ++axis) {
    const double half = patch.half_width[axis];
    const double offset = clamped[axis] - patch.centre[axis];
    if (std::abs(offset) >= half) return {0.0, 0.0};
    const double r = std::abs(offset) / half;
    const double t = 1.0 - r;
    const double value = t * t * t * t * (4.0 * r + 1.0);
    product.weight *= value;
    if (derivative_axis != axis) {
      product.slope *= value;
    } else {
      // Outside of the domain the weights do not change.
      const bool moves = query[axis] == clamped[axis];
      product.slope *= moves ? -20.0 * r * t * t * t * (offset < 0.0 ? -1.0 : 1.0) / half : 0.0;
    }
  }
  return product;
}

PartitionOfUnity::Sorted PartitionOfUnity::sorted(MatrixView<const double> queries, std::size_t threads) const {
  std::vector<std::size_t> cells(queries.rows);
  for_each_block(queries.rows, 4096, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    std::vector<double> clamped(count * queries.cols);
    const MatrixView<double> rows{clamped.data(), count, queries.cols};
    for (std::size_t i = 0; i < count; ++i) clamp(queries.row(first + i), rows.row(i));
    cells_.find(readable(rows), std::span(cells).subspan(first, count));
  });
  Sorted result{std::vector<std::size_t>(queries.rows), std::vector<std::size_t>(patches_.size() + 1, 0)};
  for (const std::size_t cell : cells) ++result.offsets[cell + 1];
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  auto next = result.offsets;
  for (std::size_t q = 0; q < queries.rows; ++q) result.order[next[cells[q]]++] = q;
  return result;
}

PartitionOfUnity::Solution PartitionOfUnity::solve(MatrixView<const double> values, std::size_t threads) const {
  Solution solution;
  solution.patches.resize(patches_.size());
  solution.largest_values.assign(values.cols, 0.0);
  solution.largest_coefficients = xt::zeros<double>({patches_.size(), values.cols});
  for (std::size_t i = 0; i < values.rows; ++i)
    for (std::size_t c = 0; c < values.cols; ++c)
      solution.largest_values[c] = std::max(solution.largest_values[c], std::abs(values(i, c)));
  // In the order of cells, as the points.
  auto ordered = xt::xarray<double>::from_shape({values.rows, values.cols});
  for (std::size_t i = 0; i < values.rows; ++i)
    std::ranges::copy(values.row(cells_.order()[i]), as_matrix(ordered).row(i).begin());
  std::vector<StencilBatch> batches(threads, StencilBatch(cloud_));
  const std::size_t lanes = batches.front().lanes();
  const Pass pass{.threads = threads, .alignment = lanes};
  for_each_block(patches_.size(), lanes, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    std::vector<std::span<const std::size_t>> stencils;
    stencils.reserve(count);
    for (std::size_t l = 0; l < count; ++l) stencils.emplace_back(patches_[by_size_[first + l]].members);
    std::vector<StencilBatch::Coefficients> coefficients(count);
    batches[part].factorize(stencils);
    batches[part].solve(as_matrix(std::as_const(ordered)), coefficients);
    for (std::size_t l = 0; l < count; ++l) {
      const std::size_t patch = by_size_[first + l];
      for (std::size_t c = 0; c < values.cols; ++c) {
        double& largest = solution.largest_coefficients(patch, c);
        for (const double x : as_matrix(coefficients[l].coefficients).row(c).first(coefficients[l].axes.shape(1)))
          largest = std::max(largest, std::abs(x));
      }
      solution.patches[patch] = std::move(coefficients[l]);
    }
  });
  for (const auto& batch : batches) solution.relative_error = std::max(solution.relative_error, batch.relative_error());
  return solution;
}

double PartitionOfUnity::error_outside(std::size_t index, const Solution& solution, std::span<const double> query,
                                       std::span<const double> result) const {
  double kernel = 0.0;
  for (std::size_t axis = 0; axis < query.size(); ++axis)
    kernel += std::pow(cloud_.model.epsilon * (query[axis] - patches_[index].centre[axis]), 2);
  kernel_loops().kernel_values(cloud_.model.kernel, &kernel, 1);
  double error = 0.0;
  for (std::size_t c = 0; c < result.size(); ++c) {
    const double lost = solution.largest_coefficients(index, c) * std::abs(kernel) /
                        std::max(std::abs(result[c]), solution.largest_values[c]);
    if (std::isfinite(lost)) error = std::max(error, lost * std::numeric_limits<double>::epsilon());
  }
  return error;
}

struct PartitionOfUnity::Workspace {
  // Of the queries in a cell: sums of w, w f, and with a derivative of w' and w f' + w' f.
  std::vector<double> clamped;
  std::vector<Blend> sums;
  std::vector<double> products;
  std::vector<double> slopes;
  // Of those of them that are in one patch.
  std::vector<std::size_t> within;
  std::vector<Blend> blends;
  std::vector<double> points;
  std::vector<double> values;
  double relative_error = 0.0;  ///< the largest so far
};

void PartitionOfUnity::evaluate_cell(std::size_t cell, std::span<const std::size_t> own,
                                     MatrixView<const double> queries, const Solution& solution,
                                     std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                                     Workspace& space) const {
  const std::size_t dim = queries.cols;
  const std::size_t k = results.cols;
  auto& [clamped, sums, products, slopes, within, blends, points, values, relative_error] = space;
  clamped.resize(own.size() * dim);
  const MatrixView<double> clamped_rows{clamped.data(), own.size(), dim};
  for (std::size_t i = 0; i < own.size(); ++i) clamp(queries.row(own[i]), clamped_rows.row(i));
  sums.assign(own.size(), {0.0, 0.0});
  products.assign(own.size() * k, 0.0);
  slopes.assign(derivative_axis ? own.size() * k : 0, 0.0);
  values.resize(own.size() * k);
  for (const std::size_t index : reaching_[cell]) {
    within.clear();
    blends.clear();
    points.clear();
    for (std::size_t i = 0; i < own.size(); ++i) {
      const auto query = queries.row(own[i]);
      const Blend found = blend(patches_[index], clamped_rows.row(i), query, derivative_axis);
      if (found.weight == 0.0) continue;
      within.push_back(i);
      blends.push_back(found);
      points.insert(points.end(), query.begin(), query.end());
      sums[i].weight += found.weight;
      sums[i].slope += found.slope;
    }
    if (within.empty()) continue;
    const auto& patch = solution.patches[index];
    const RBFBasis basis{cloud_.model, as_matrix(patch.axes), patch.monomials};
    const MatrixView<const double> rows{points.data(), within.size(), dim};
    const MatrixView<double> found{values.data(), within.size(), k};
    basis.sum(rows, as_matrix(patch.coefficients), std::nullopt, found);
    for (std::size_t i = 0; i < within.size(); ++i) {
      if (!std::ranges::equal(rows.row(i), clamped_rows.row(within[i])))
        relative_error = std::max(relative_error, error_outside(index, solution, rows.row(i), found.row(i)));
      for (std::size_t c = 0; c < k; ++c) {
        products[within[i] * k + c] += blends[i].weight * found(i, c);
        if (derivative_axis) slopes[within[i] * k + c] += blends[i].slope * found(i, c);
      }
    }
    if (!derivative_axis) continue;
    basis.sum(rows, as_matrix(patch.coefficients), derivative_axis, found);
    for (std::size_t i = 0; i < within.size(); ++i)
      for (std::size_t c = 0; c < k; ++c) slopes[within[i] * k + c] += blends[i].weight * found(i, c);
  }
  for (std::size_t i = 0; i < own.size(); ++i)
    for (std::size_t c = 0; c < k; ++c) {
      const double mean = products[i * k + c] / sums[i].weight;
      results(own[i], c) = derivative_axis ? (slopes[i * k + c] - mean * sums[i].slope) / sums[i].weight : mean;
    }
}

double PartitionOfUnity::evaluate(MatrixView<const double> given, const Solution& solution,
                                  std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                                  std::size_t threads) const {
  const auto from_origin = moved(given);
  const auto queries = as_matrix(from_origin);
  const Sorted by_cell = sorted(queries, threads);
  std::vector<Workspace> spaces(threads);
  for_each_block(patches_.size(), 1, {.threads = threads}, [&](std::size_t part, std::size_t cell, std::size_t) {
    const auto own = by_cell.of(cell);
    if (!own.empty()) evaluate_cell(cell, own, queries, solution, derivative_axis, results, spaces[part]);
  });
  return std::ranges::max(spaces, {}, &Workspace::relative_error).relative_error;
}

SparseRows PartitionOfUnity::weights(MatrixView<const double> given, std::span<const double> probe, std::size_t threads,
                                     double& relative_error) const {
  const auto from_origin = moved(given);
  const auto queries = as_matrix(from_origin);
  const std::size_t dim = queries.cols;
  const Sorted sorted_queries = sorted(queries, threads);
  /// A query in a patch: its share, and where its weights go.
  struct Share {
    std::size_t query;
    std::size_t place;
    double weight;
    std::uint64_t offset;
  };
  std::vector<std::vector<Share>> shares(patches_.size());
  SparseRows rows{.cols = cloud_.points.rows, .offsets = std::vector<std::uint64_t>(queries.rows + 1, 0)};
  rows.order.resize(queries.rows);
  std::vector<double> clamped(dim);
  for (std::size_t cell = 0; cell < patches_.size(); ++cell) {
    const auto& candidates = reaching_[cell];
    for (std::size_t i = sorted_queries.offsets[cell]; i < sorted_queries.offsets[cell + 1]; ++i) {
      const std::size_t q = sorted_queries.order[i];
      rows.order[i] = static_cast<std::uint32_t>(q);
      clamp(queries.row(q), clamped);
      double sum = 0.0;
      for (const std::size_t patch : candidates) {
        const double weight = blend(patches_[patch], clamped, clamped, std::nullopt).weight;
        if (weight == 0.0) continue;
        sum += weight;
        shares[patch].push_back({q, i, weight, rows.offsets[i + 1]});
        rows.offsets[i + 1] += patches_[patch].members.size();
      }
      for (const std::size_t patch : candidates)
        if (!shares[patch].empty() && shares[patch].back().query == q) shares[patch].back().weight /= sum;
    }
  }
  std::partial_sum(rows.offsets.begin(), rows.offsets.end(), rows.offsets.begin());
  std::vector<double> ordered_probe(probe.size());
  for (std::size_t i = 0; i < probe.size(); ++i) ordered_probe[i] = probe[cells_.order()[i]];
  rows.columns.resize(rows.offsets.back());
  rows.weights.resize(rows.offsets.back());
  std::vector<StencilBatch> batches(threads, StencilBatch(cloud_));
  const std::size_t lanes = batches.front().lanes();
  const Pass pass{.threads = threads, .alignment = lanes};
  for_each_block(patches_.size(), lanes, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    std::vector<std::size_t> group;
    std::size_t most = 0;
    for (std::size_t l = 0; l < count; ++l) {
      const std::size_t patch = by_size_[first + l];
      if (shares[patch].empty()) continue;
      // What is farthest from a patch tells most of what rounding does.
      const auto distance = [&](const Share& share) {
        double largest = 0.0;
        for (std::size_t axis = 0; axis < dim; ++axis)
          largest = std::max(largest, std::abs(queries(share.query, axis) - patches_[patch].centre[axis]));
        return largest;
      };
      std::swap(shares[patch].front(), *std::ranges::max_element(shares[patch], {}, distance));
      group.push_back(patch);
      most = std::max(most, shares[patch].size());
    }
    if (group.empty()) return;
    std::vector<std::span<const std::size_t>> stencils;
    stencils.reserve(group.size());
    for (const std::size_t patch : group) stencils.emplace_back(patches_[patch].members);
    batches[part].factorize(stencils);
    std::vector<double> points(group.size() * dim);
    const MatrixView<double> points_view{points.data(), group.size(), dim};
    std::vector<std::span<double>> weights(group.size());
    for (std::size_t turn = 0; turn < most; ++turn) {
      // A patch that has had all its queries repeats the last one.
      for (std::size_t l = 0; l < group.size(); ++l) {
        const auto& own = shares[group[l]];
        const Share& share = own[std::min(turn, own.size() - 1)];
        std::ranges::copy(queries.row(share.query), points_view.row(l).begin());
        weights[l] = std::span(rows.weights).subspan(rows.offsets[share.place] + share.offset, stencils[l].size());
      }
      batches[part].weights(readable(points_view), std::nullopt, weights,
                            turn == 0 ? std::span<const double>(ordered_probe) : std::span<const double>());
      for (std::size_t l = 0; l < group.size(); ++l) {
        const auto& own = shares[group[l]];
        const Share& share = own[std::min(turn, own.size() - 1)];
        for (double& weight : weights[l]) weight *= share.weight;
        const std::uint64_t offset = rows.offsets[share.place] + share.offset;
        for (std::size_t i = 0; i < stencils[l].size(); ++i)
          rows.columns[offset + i] = static_cast<std::uint32_t>(cells_.order()[stencils[l][i]]);
      }
    }
  });
  for (const auto& batch : batches) relative_error = std::max(relative_error, batch.relative_error());
  return rows;
}

}  // namespace fieldfold
