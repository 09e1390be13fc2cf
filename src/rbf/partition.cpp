module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

module fieldfold.rbf.partition;

import fieldfold.arrays;
import fieldfold.neighbors;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;
import fieldfold.rows;
import fieldfold.sparse_rows;

namespace fieldfold {
namespace {

/// Patches at the edge of the domain reach out of it and have fewer points; they are made wider until they have this
/// share of what others have.
constexpr double least_share = 1.0;

/// Interpolants are at their worst at the edge of their points, and have no weight there: it reaches over this share of
/// the overlap.
constexpr double support_share = 0.4;

}  // namespace

PartitionOfUnity::PartitionOfUnity(const PointCloud& cloud, std::size_t cluster_size, double overlap,
                                   std::size_t threads)
    : cloud_(cloud), overlap_(overlap), order_(spatial_order(cloud.points)) {
  const std::size_t n = cloud.points.rows;
  const std::size_t dim = cloud.points.cols;
  origin_.assign(cloud.points.row(0).begin(), cloud.points.row(0).end());
  for (std::size_t i = 1; i < n; ++i)
    for (std::size_t axis = 0; axis < dim; ++axis) origin_[axis] = std::min(origin_[axis], cloud.points(i, axis));
  const auto from_origin = moved(cloud.points);
  domain_ = {std::vector<double>(dim, 0.0), std::vector<double>(dim, 0.0)};
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t axis = 0; axis < dim; ++axis)
      domain_.high[axis] = std::max(domain_.high[axis], from_origin(i, axis));
  const double growth = std::pow(1.0 + 2.0 * overlap, static_cast<double>(dim));
  const double cells = std::ceil(static_cast<double>(n) * growth / static_cast<double>(cluster_size));
  const bool one = n <= cluster_size;
  split(as_matrix(from_origin), order_, one ? 1 : std::min(n, static_cast<std::size_t>(cells)), domain_);
  points_ = xt::xarray<double>::from_shape({n, dim});
  smoothing_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::ranges::copy(as_matrix(from_origin).row(order_[i]), as_matrix(points_).row(i).begin());
    smoothing_[i] = cloud.smoothing[order_[i]];
  }
  cloud_.points = as_matrix(std::as_const(points_));
  cloud_.smoothing = smoothing_;
  const double share = least_share * static_cast<double>(cluster_size);
  const auto wanted = std::max(Monomials(dim, cloud.model.degree, cloud.model.redundant_squares).size(),
                               static_cast<std::size_t>(share));
  for_each_block(patches_.size(), 16, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    for (std::size_t patch = first; patch < first + count; ++patch) fill(patch, std::min(n, wanted));
  });
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    node.support = node.children[0] == 0 ? patches_[node.patch].support : nodes_[node.children[0]].support;
    if (node.children[0] == 0) continue;
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const Box& other = nodes_[node.children[1]].support;
      node.support.low[axis] = std::min(node.support.low[axis], other.low[axis]);
      node.support.high[axis] = std::max(node.support.high[axis], other.high[axis]);
    }
  }
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

std::size_t PartitionOfUnity::split(MatrixView<const double> all, std::span<std::size_t> points, std::size_t cells,
                                    Box box) {
  const std::size_t index = nodes_.size();
  const auto place = static_cast<std::size_t>(points.data() - order_.data());
  nodes_.push_back({box, {}, place, place + points.size(), patches_.size(), {0, 0}, 0, 0.0});
  if (cells == 1) {
    patches_.push_back({std::move(box), {}, {}, {}});
    return index;
  }
  // The axis along which the points reach farthest; of many points the box tells that well enough.
  constexpr std::size_t many = 4096;
  std::size_t widest = 0;
  double width = -1.0;
  for (std::size_t axis = 0; axis < box.low.size(); ++axis) {
    double extent = box.high[axis] - box.low[axis];
    if (points.size() < many) {
      const auto [low, high] = std::ranges::minmax(points, {}, [&](std::size_t i) { return all(i, axis); });
      extent = all(high, axis) - all(low, axis);
    }
    if (extent <= width) continue;
    width = extent;
    widest = axis;
  }
  const std::size_t left_cells = cells / 2;
  const std::size_t count = points.size() * left_cells / cells;
  // Copies of the coordinates side by side; equal ones are split by index.
  std::vector<std::pair<double, std::size_t>> along;
  along.reserve(points.size());
  for (const std::size_t i : points) along.emplace_back(all(i, widest), i);
  const auto middle = along.begin() + static_cast<std::ptrdiff_t>(count);
  std::ranges::nth_element(along, middle);
  const double plane = std::max_element(along.begin(), middle)->first / 2 + middle->first / 2;
  std::ranges::transform(along, points.begin(), [](const auto& entry) { return entry.second; });
  along = {};
  Box left = box;
  Box right = std::move(box);
  left.high[widest] = plane;
  right.low[widest] = plane;
  const std::size_t first = split(all, points.first(count), left_cells, std::move(left));
  const std::size_t second = split(all, points.subspan(count), cells - left_cells, std::move(right));
  nodes_[index].children[0] = first;
  nodes_[index].children[1] = second;
  nodes_[index].axis = widest;
  nodes_[index].split = plane;
  return index;
}

void PartitionOfUnity::fill(std::size_t index, std::size_t wanted) {
  Patch& patch = patches_[index];
  const std::size_t dim = cloud_.points.cols;
  double widest = 0.0;
  for (std::size_t axis = 0; axis < dim; ++axis)
    widest = std::max(widest, patch.cell.high[axis] - patch.cell.low[axis]);
  // The same margin along all axes, of the mean width; splitting along the widest keeps cells from being long, but
  // where points lie in a plane.
  double logarithms = 0.0;
  for (std::size_t axis = 0; axis < dim; ++axis)
    logarithms += std::log(std::max(patch.cell.high[axis] - patch.cell.low[axis], widest / 4.0));
  // A cell of points that coincide begins with its share of the domain; and all have some inside, which can grow.
  const double extent = std::ranges::max(domain_.high);
  const double share = extent > 0.0 ? extent / static_cast<double>(patches_.size()) : 1.0;
  const double mean = widest > 0.0 ? std::exp(logarithms / static_cast<double>(dim)) : share;
  const double margin = std::max(overlap_ * mean, 1e-9 * extent);
  patch.reach = patch.cell;
  patch.support = patch.cell;
  for (std::size_t axis = 0; axis < dim; ++axis) {
    patch.reach.low[axis] -= margin;
    patch.reach.high[axis] += margin;
    patch.support.low[axis] -= support_share * margin;
    patch.support.high[axis] += support_share * margin;
  }
  for (patch.members = inside(patch.reach); patch.members.size() < wanted; patch.members = inside(patch.reach))
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const double more = 0.05 * (patch.reach.high[axis] - patch.reach.low[axis]);
      patch.reach.low[axis] -= more;
      patch.reach.high[axis] += more;
    }
}

std::vector<std::size_t> PartitionOfUnity::inside(const Box& box) const {
  std::vector<std::size_t> found;
  std::vector<std::size_t> open{0};
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    bool whole = true;
    bool none = false;
    for (std::size_t axis = 0; axis < box.low.size(); ++axis) {
      whole = whole && node.cell.low[axis] >= box.low[axis] && node.cell.high[axis] <= box.high[axis];
      none = none || node.cell.low[axis] > box.high[axis] || node.cell.high[axis] < box.low[axis];
    }
    if (none) continue;
    if (!whole && node.children[0] != 0) {
      open.insert(open.end(), {node.children[1], node.children[0]});
      continue;
    }
    for (std::size_t i = node.first; i < node.last; ++i) {
      bool within = true;
      for (std::size_t axis = 0; axis < box.low.size() && !whole; ++axis)
        within = within && points_(i, axis) >= box.low[axis] && points_(i, axis) <= box.high[axis];
      if (within) found.push_back(i);
    }
  }
  return found;
}

std::size_t PartitionOfUnity::cell_of(std::span<const double> point) const {
  std::size_t index = 0;
  while (nodes_[index].children[0] != 0)
    index = nodes_[index].children[point[nodes_[index].axis] < nodes_[index].split ? 0 : 1];
  return nodes_[index].patch;
}

std::vector<std::size_t> PartitionOfUnity::reaching(const Box& box) const {
  std::vector<std::size_t> found;
  std::vector<std::size_t> open{0};
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    bool meets = true;
    for (std::size_t axis = 0; axis < box.low.size(); ++axis)
      meets = meets && node.support.low[axis] <= box.high[axis] && node.support.high[axis] >= box.low[axis];
    if (!meets) continue;
    if (node.children[0] == 0) found.push_back(node.patch);
    if (node.children[0] != 0) open.insert(open.end(), {node.children[1], node.children[0]});
  }
  return found;
}

void PartitionOfUnity::clamp(std::span<const double> query, std::span<double> clamped) const {
  for (std::size_t axis = 0; axis < query.size(); ++axis)
    clamped[axis] = std::clamp(query[axis], domain_.low[axis], domain_.high[axis]);
}

PartitionOfUnity::Blend PartitionOfUnity::blend(const Patch& patch, std::span<const double> clamped,
                                                std::span<const double> query,
                                                std::optional<std::size_t> derivative_axis) {
  Blend product{1.0, 1.0};
  for (std::size_t axis = 0; axis < clamped.size(); ++axis) {
    const double half = patch.support.high[axis] / 2 - patch.support.low[axis] / 2;
    const double offset = clamped[axis] - (patch.support.high[axis] / 2 + patch.support.low[axis] / 2);
    const double r = std::min(1.0, std::abs(offset) / half);
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
    std::vector<double> clamped(queries.cols);
    for (std::size_t q = first; q < first + count; ++q) {
      clamp(queries.row(q), clamped);
      cells[q] = cell_of(clamped);
    }
  });
  Sorted result{std::vector<std::size_t>(queries.rows), std::vector<std::size_t>(patches_.size() + 1, 0)};
  for (const std::size_t cell : cells) ++result.offsets[cell + 1];
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  auto next = result.offsets;
  for (std::size_t q = 0; q < queries.rows; ++q) result.order[next[cells[q]]++] = q;
  return result;
}

PartitionOfUnity::Solution PartitionOfUnity::solve(MatrixView<const double> values, std::size_t threads) const {
  Solution solution{{}, values.cols, 0.0};
  const StencilBatch::Coefficients nothing{
      {}, Monomials(cloud_.points.cols, cloud_.model.degree, cloud_.model.redundant_squares), {}};
  solution.patches.resize(patches_.size(), nothing);
  // In the order of cells, as the points.
  auto ordered = xt::xarray<double>::from_shape({values.rows, values.cols});
  for (std::size_t i = 0; i < values.rows; ++i)
    std::ranges::copy(values.row(order_[i]), as_matrix(ordered).row(i).begin());
  std::vector<StencilBatch> batches(threads, StencilBatch(cloud_));
  const std::size_t lanes = batches.front().lanes();
  const Pass pass{.threads = threads, .alignment = lanes};
  for_each_block(patches_.size(), lanes, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    std::vector<std::span<const std::size_t>> stencils;
    stencils.reserve(count);
    for (std::size_t l = 0; l < count; ++l) stencils.emplace_back(patches_[by_size_[first + l]].members);
    std::vector<StencilBatch::Coefficients> coefficients(count, nothing);
    batches[part].factorize(stencils);
    batches[part].solve(as_matrix(std::as_const(ordered)), coefficients);
    for (std::size_t l = 0; l < count; ++l) solution.patches[by_size_[first + l]] = std::move(coefficients[l]);
  });
  for (const auto& batch : batches) solution.relative_error = std::max(solution.relative_error, batch.relative_error());
  return solution;
}

void PartitionOfUnity::evaluate(MatrixView<const double> given, const Solution& solution,
                                std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                                std::size_t threads) const {
  const auto from_origin = moved(given);
  const auto queries = as_matrix(from_origin);
  const std::size_t dim = queries.cols;
  const std::size_t k = solution.columns;
  const Sorted sorted_queries = sorted(queries, threads);
  for_each_block(patches_.size(), 1, {.threads = threads}, [&](std::size_t, std::size_t cell, std::size_t) {
    const auto own =
        std::span(sorted_queries.order)
            .subspan(sorted_queries.offsets[cell], sorted_queries.offsets[cell + 1] - sorted_queries.offsets[cell]);
    if (own.empty()) return;
    std::vector<double> clamped(own.size() * dim);
    const MatrixView<double> clamped_rows{clamped.data(), own.size(), dim};
    for (std::size_t i = 0; i < own.size(); ++i) clamp(queries.row(own[i]), clamped_rows.row(i));
    // Sums of w, w f, and with a derivative of w' and w f' + w' f.
    std::vector<Blend> sums(own.size(), {0.0, 0.0});
    std::vector<double> products(own.size() * k, 0.0);
    std::vector<double> slopes(derivative_axis ? own.size() * k : 0, 0.0);
    std::vector<std::size_t> within;
    std::vector<Blend> blends;
    std::vector<double> points;
    std::vector<double> values(own.size() * k);
    for (const std::size_t index : reaching(patches_[cell].cell)) {
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
      const auto& patch = solution.patches[index];
      const RBFBasis basis{cloud_.model, as_matrix(patch.axes), patch.monomials};
      const MatrixView<const double> rows{points.data(), within.size(), dim};
      const MatrixView<double> found{values.data(), within.size(), k};
      basis.sum(rows, as_matrix(patch.coefficients), std::nullopt, found);
      for (std::size_t i = 0; i < within.size(); ++i)
        for (std::size_t c = 0; c < k; ++c) {
          products[within[i] * k + c] += blends[i].weight * found(i, c);
          if (derivative_axis) slopes[within[i] * k + c] += blends[i].slope * found(i, c);
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
  });
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
    if (sorted_queries.offsets[cell] == sorted_queries.offsets[cell + 1]) continue;
    const auto candidates = reaching(patches_[cell].cell);
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
  for (std::size_t i = 0; i < probe.size(); ++i) ordered_probe[i] = probe[order_[i]];
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
          rows.columns[offset + i] = static_cast<std::uint32_t>(order_[stencils[l][i]]);
      }
    }
  });
  for (const auto& batch : batches) relative_error = std::max(relative_error, batch.relative_error());
  return rows;
}

}  // namespace fieldfold
