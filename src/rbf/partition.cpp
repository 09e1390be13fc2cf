module fieldfold.rbf.partition;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.affine;
import fieldfold.points.boxes;
import fieldfold.rbf.lanes;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.stencils;
import fieldfold.rbf.system;

namespace fieldfold {
namespace {

/// The share of the overlap that the support of a weight covers. Interpolants are least accurate at the edge of their
/// points, and have no weight there.
constexpr double support_share = 0.3;

/// The maximum number of points in a patch, in clusters, however dense the points next to its cell are.
constexpr std::size_t most_clusters = 3;

/// The minimum number of points in a patch at the boundary of the domain, in clusters: interpolants there have points
/// on one side only.
constexpr double edge_share = 1.3;

/// More than a patch has grown to, so that ranks that ask for its points seldom ask twice.
constexpr double share_of_asked_margin = 0.25;

/// The least number of queries in a leaf of the tree that finds them.
constexpr std::size_t queries_per_leaf = 16;

}  // namespace

std::size_t PartitionOfUnity::cells_for(std::size_t num_points, std::size_t dim, std::size_t cluster_size,
                                        double overlap) {
  if (num_points <= cluster_size) return 1;
  const double growth = std::pow(1.0 + 2.0 * overlap, static_cast<double>(dim));
  const double cells = std::ceil(static_cast<double>(num_points) * growth / static_cast<double>(cluster_size));
  return std::min(num_points, static_cast<std::size_t>(cells));
}

PartitionOfUnity::PartitionOfUnity(const PointCloud& cloud, std::size_t cluster_size, double overlap,
                                   std::size_t threads)
    : overlap_(overlap),
      origin_(box_around(cloud.points).low),
      cells_(shifted(cloud.points), cells_for(cloud.points.rows, cloud.points.cols, cluster_size, overlap)),
      part_{cells_.domain(), cloud.points.rows, cells_.size(), {}, {cells_.domain()}},
      smoothing_(cloud.points.rows),
      cloud_(cloud),
      reaching_(cells_.size()) {
  for (std::size_t i = 0; i < cells_.size(); ++i)
    part_.cells.push_back({cells_.box(i), cells_.box_of_points(i), cells_.count(i)});
  make_patches(cloud, cluster_size, threads);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < patches_.size(); ++i) {
    cells_.meeting(support(i), found);
    for (const std::size_t cell : found) reaching_[cell].push_back(i);
  }
}

PartitionOfUnity::PartitionOfUnity(const PointCloud& cloud, Part part, std::size_t cluster_size, double overlap,
                                   std::size_t threads)
    : overlap_(overlap),
      origin_(cloud.points.cols, 0.0),
      cells_(shifted(cloud.points), cells_for(cloud.points.rows, cloud.points.cols, cluster_size, overlap)),
      part_(std::move(part)),
      smoothing_(cloud.points.rows),
      cloud_(cloud) {
  make_patches(cloud, cluster_size, threads);
}

void PartitionOfUnity::make_patches(const PointCloud& cloud, std::size_t cluster_size, std::size_t threads) {
  const std::size_t n = cloud.points.rows;
  for (std::size_t i = 0; i < n; ++i) smoothing_[i] = cloud.smoothing[cells_.order()[i]];
  cloud_.points = cells_.points();
  cloud_.smoothing = smoothing_;
  const std::size_t wanted =
      std::max(Monomials(cloud.points.cols, cloud.model.degree, cloud.model.redundant_squares).size(), cluster_size);
  patches_.resize(part_.cells.size());
  for_each_block(patches_.size(), 16, {.threads = threads}, [&](std::size_t, std::size_t first, std::size_t count) {
    std::vector<std::size_t> found;
    for (std::size_t i = first; i < first + count; ++i) patches_[i] = patch_of(part_.cells[i], wanted, found);
  });
  needed_ = part_.known;
  for (std::size_t i = 0; i < patches_.size(); ++i)
    if (patches_[i].lacking) needed_[region(i)] = united(needed_[region(i)], *patches_[i].lacking);
  by_size_.resize(patches_.size());
  std::iota(by_size_.begin(), by_size_.end(), std::size_t{0});
  std::ranges::sort(by_size_, {}, [&](std::size_t patch) { return std::pair(patches_[patch].members.size(), patch); });
}

Box PartitionOfUnity::support(std::size_t index) const {
  const Patch& patch = patches_[index];
  Box box{patch.centre, patch.centre};
  for (std::size_t axis = 0; axis < patch.centre.size(); ++axis) {
    box.low[axis] -= patch.half_width[axis];
    box.high[axis] += patch.half_width[axis];
  }
  return box;
}

xt::xarray<double> PartitionOfUnity::shifted(MatrixView<const double> points) const {
  auto result = xt::xarray<double>::from_shape({points.rows, points.cols});
  for (std::size_t i = 0; i < points.rows; ++i)
    for (std::size_t axis = 0; axis < points.cols; ++axis) result(i, axis) = points(i, axis) - origin_[axis];
  return result;
}

double PartitionOfUnity::mean_width(const Cell& given) const {
  const Box& cell = given.box;
  const Box& own = given.box_of_points;
  // Points may occupy a small part of their cell, as on a slanted line. `count` random points span this share of the
  // part they occupy, on average.
  const auto count = static_cast<double>(given.count);
  const double reached = count > 1.0 ? (count - 1.0) / (count + 1.0) : 1.0;
  std::vector<double> widths(origin_.size());
  for (std::size_t axis = 0; axis < widths.size(); ++axis) {
    widths[axis] = cell.high[axis] - cell.low[axis];
    if (count > 1.0) widths[axis] = std::min(widths[axis], (own.high[axis] - own.low[axis]) / reached);
  }
  // Splitting the widest axis avoids elongated cells, except where points lie in a plane.
  const double widest = std::ranges::max(widths);
  if (!(widest > 0.0)) return 0.0;
  double logarithms = 0.0;
  for (const double width : widths) logarithms += std::log(std::max(width, widest / 4.0));
  return std::exp(logarithms / static_cast<double>(widths.size()));
}

double PartitionOfUnity::keep_nearest(const Box& cell, std::size_t most, std::vector<std::size_t>& found) const {
  // Ties by number, whatever the cells.
  std::vector<std::tuple<double, std::size_t, std::size_t>> by_distance;
  by_distance.reserve(found.size());
  for (const std::size_t i : found) {
    double distance = 0.0;
    for (std::size_t axis = 0; axis < cell.low.size(); ++axis)
      distance =
          std::max({distance, cell.low[axis] - cells_.points()(i, axis), cells_.points()(i, axis) - cell.high[axis]});
    by_distance.emplace_back(distance, cells_.order()[i], i);
  }
  const auto last = by_distance.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::ranges::nth_element(by_distance, last);
  found.resize(most);
  for (std::size_t k = 0; k < most; ++k) found[k] = std::get<2>(by_distance[k]);
  std::ranges::sort(found);
  return std::get<0>(*last);
}

PartitionOfUnity::Patch PartitionOfUnity::patch_of(const Cell& given, std::size_t cluster_size,
                                                   std::vector<std::size_t>& found) const {
  const std::size_t dim = origin_.size();
  const Box& cell = given.box;
  const Box& domain = part_.domain;
  // A cell of coincident points starts with its share of the domain. Every margin is above 0, so that it can grow.
  const double extent = std::ranges::max(domain.high);
  const double share = extent > 0.0 ? extent / static_cast<double>(part_.num_cells) : 1.0;
  const double mean = mean_width(given);
  const double least_margin = 1e-9 * extent;
  double margin = std::max(overlap_ * (mean > 0.0 ? mean : share), least_margin);
  Box reach = widened(cell, margin);
  const double wanted_share = is_inside(reach, domain) ? 1.0 : edge_share;
  const std::size_t wanted =
      std::min(part_.num_points, static_cast<std::size_t>(wanted_share * static_cast<double>(cluster_size)));
  std::optional<Box> lacking;
  for (cells_.inside(reach, found);; cells_.inside(reach, found)) {
    if (!is_inside(clamped(reach, domain), part_.known[given.region])) {
      lacking = clamped(widened(reach, share_of_asked_margin * margin), domain);
      break;
    }
    if (found.size() >= wanted) break;
    const double missing = static_cast<double>(wanted) / static_cast<double>(std::max<std::size_t>(found.size(), 1));
    const double growth = std::clamp(std::pow(missing, 1.0 / static_cast<double>(dim)) - 1.0, 0.02, 1.0);
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
  if (!lacking && found.size() > most)
    margin = std::max(std::min(margin, keep_nearest(cell, most, found)), least_margin);
  Patch patch{found, std::vector<double>(dim), std::vector<double>(dim), std::move(lacking)};
  for (std::size_t axis = 0; axis < dim; ++axis) {
    patch.centre[axis] = cell.high[axis] / 2 + cell.low[axis] / 2;
    patch.half_width[axis] = cell.high[axis] / 2 - cell.low[axis] / 2 + support_share * margin;
  }
  return patch;
}

void PartitionOfUnity::clamp(std::span<const double> query, std::span<double> clamped) const {
  for (std::size_t axis = 0; axis < query.size(); ++axis)
    clamped[axis] = std::clamp(query[axis], part_.domain.low[axis], part_.domain.high[axis]);
}

PartitionOfUnity::Blend PartitionOfUnity::blend_of(const Patch& patch, std::span<const double> clamped,
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
      // Outside the domain the weights are constant.
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
  solution.largest_coefficients = zeros<double>({patches_.size(), values.cols});
  for (std::size_t i = 0; i < values.rows; ++i)
    for (std::size_t c = 0; c < values.cols; ++c)
      solution.largest_values[c] = std::max(solution.largest_values[c], std::abs(values(i, c)));
  // In the order of the cells, as the points are.
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
    batches[part].factorize(stencils).solve(as_matrix(std::as_const(ordered)), coefficients);
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
  for (const auto& batch : batches)
    solution.relative_error = std::max(solution.relative_error, batch.defects().relative_error);
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

class PartitionOfUnity::CellBlend {
 public:
  CellBlend(const PartitionOfUnity& partition, MatrixView<const double> queries,
            std::optional<std::size_t> derivative_axis)
      : partition_(&partition), queries_(queries), derivative_axis_(derivative_axis) {}

  /// A patch, and the queries of the cell at which its weight is not 0.
  struct Group {
    std::size_t patch;
    std::vector<std::size_t> within;  ///< indices into `own`
    std::vector<Blend> blends;
  };

  /// Computes the weights of all patches at the queries `own` of a cell.
  void find(std::size_t cell, std::span<const std::size_t> own) {
    own_ = own;
    clamped_.resize(own.size() * queries_.cols);
    const MatrixView<double> rows{clamped_.data(), own.size(), queries_.cols};
    for (std::size_t i = 0; i < own.size(); ++i) partition_->clamp(queries_.row(own[i]), rows.row(i));
    sums_.assign(own.size(), {0.0, 0.0});
    num_groups_ = 0;
    for (const std::size_t patch : partition_->reaching_[cell]) {
      if (num_groups_ == groups_.size()) groups_.emplace_back();
      Group& group = groups_[num_groups_];
      group.patch = patch;
      group.within.clear();
      group.blends.clear();
      for (std::size_t i = 0; i < own.size(); ++i) {
        const Blend blend = blend_of(partition_->patches_[patch], rows.row(i), queries_.row(own[i]), derivative_axis_);
        if (blend.weight == 0.0) continue;
        group.within.push_back(i);
        group.blends.push_back(blend);
        sums_[i].weight += blend.weight;
        sums_[i].slope += blend.slope;
      }
      if (!group.within.empty()) ++num_groups_;
    }
  }

  std::span<const Group> groups() const { return std::span(groups_).first(num_groups_); }
  std::span<const std::size_t> own() const { return own_; }
  std::span<const double> query(std::size_t i) const { return queries_.row(own_[i]); }
  std::span<const double> clamped(std::size_t i) const {
    return std::span(clamped_).subspan(i * queries_.cols, queries_.cols);
  }
  std::optional<std::size_t> derivative_axis() const { return derivative_axis_; }
  /// The sum over the patches, which normalizes their weights.
  const Blend& sum(std::size_t i) const { return sums_[i]; }

 private:
  const PartitionOfUnity* partition_;
  MatrixView<const double> queries_;
  std::optional<std::size_t> derivative_axis_;
  std::span<const std::size_t> own_;
  std::vector<double> clamped_;
  std::vector<Blend> sums_;
  std::vector<Group> groups_;
  std::size_t num_groups_ = 0;
};

struct PartitionOfUnity::Evaluation {
  std::vector<double> products;  ///< sums of w f at the queries of a cell
  std::vector<double> slopes;    ///< sums of w f' + w' f
  std::vector<double> points;    ///< queries in one patch
  std::vector<double> values;    ///< its interpolant at these
  StencilDefects defects;        ///< the largest so far
};

void PartitionOfUnity::evaluate_cell(const CellBlend& blend, const Solution& solution, MatrixView<double> results,
                                     Evaluation& evaluation) const {
  const std::size_t dim = origin_.size();
  const std::size_t k = results.cols;
  const std::size_t count = blend.own().size();
  const auto axis = blend.derivative_axis();
  auto& [products, slopes, points, values, defects] = evaluation;
  products.assign(count * k, 0.0);
  slopes.assign(axis ? count * k : 0, 0.0);
  values.resize(count * k);
  for (const auto& [index, within, blends] : blend.groups()) {
    points.clear();
    for (const std::size_t i : within) points.insert(points.end(), blend.query(i).begin(), blend.query(i).end());
    const auto& patch = solution.patches[index];
    const AffineSpan* const span = patch.span ? &*patch.span : nullptr;
    const RBFBasis basis{cloud_.model, as_matrix(patch.axes), patch.monomials, span};
    const MatrixView<const double> rows{points.data(), within.size(), dim};
    if (span != nullptr) defects.off_span = std::max(defects.off_span, span->distance(rows));
    const MatrixView<double> found{values.data(), within.size(), k};
    basis.sum(rows, as_matrix(patch.coefficients), std::nullopt, found);
    for (std::size_t i = 0; i < within.size(); ++i) {
      if (!std::ranges::equal(rows.row(i), blend.clamped(within[i])))
        defects.include({.relative_error = error_outside(index, solution, rows.row(i), found.row(i))});
      for (std::size_t c = 0; c < k; ++c) {
        products[within[i] * k + c] += blends[i].weight * found(i, c);
        if (axis) slopes[within[i] * k + c] += blends[i].slope * found(i, c);
      }
    }
    if (!axis) continue;
    basis.sum(rows, as_matrix(patch.coefficients), axis, found);
    for (std::size_t i = 0; i < within.size(); ++i)
      for (std::size_t c = 0; c < k; ++c) slopes[within[i] * k + c] += blends[i].weight * found(i, c);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto [weight, slope] = blend.sum(i);
    for (std::size_t c = 0; c < k; ++c) {
      const double mean = products[i * k + c] / weight;
      results(blend.own()[i], c) = axis ? (slopes[i * k + c] - mean * slope) / weight : mean;
    }
  }
}

StencilDefects PartitionOfUnity::evaluate(MatrixView<const double> given, const Solution& solution,
                                          std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                                          std::size_t threads) const {
  const auto from_origin = shifted(given);
  const auto queries = as_matrix(from_origin);
  const Sorted by_cell = sorted(queries, threads);
  std::vector<CellBlend> blends(threads, CellBlend(*this, queries, derivative_axis));
  std::vector<Evaluation> evaluations(threads);
  for_each_block(patches_.size(), 1, {.threads = threads}, [&](std::size_t part, std::size_t cell, std::size_t) {
    if (by_cell.of(cell).empty()) return;
    blends[part].find(cell, by_cell.of(cell));
    evaluate_cell(blends[part], solution, results, evaluations[part]);
  });
  StencilDefects defects;
  for (const Evaluation& evaluation : evaluations) defects.include(evaluation.defects);
  return defects;
}

struct PartitionOfUnity::Shares {
  /// A query in a patch: its normalized weight, and the place of its weights in the rows.
  struct Share {
    std::size_t query;
    std::size_t place;
    double weight;
    std::uint64_t offset;
  };

  std::uint64_t begin(const Share& share) const { return rows.offsets[share.place] + share.offset; }

  MatrixView<const double> queries;
  std::vector<std::vector<Share>> of_patch;
  SparseRows rows;
};

PartitionOfUnity::Shares PartitionOfUnity::shares_of(MatrixView<const double> queries, std::size_t threads) const {
  const Sorted by_cell = sorted(queries, threads);
  Shares shares{queries, std::vector<std::vector<Shares::Share>>(patches_.size()), {.cols = cloud_.points.rows}};
  SparseRows& rows = shares.rows;
  rows.offsets.assign(queries.rows + 1, 0);
  rows.order.resize(queries.rows);
  for (std::size_t place = 0; place < queries.rows; ++place)
    rows.order[place] = static_cast<std::uint32_t>(by_cell.order[place]);
  CellBlend blend(*this, queries, std::nullopt);
  for (std::size_t cell = 0; cell < patches_.size(); ++cell) {
    if (by_cell.of(cell).empty()) continue;
    blend.find(cell, by_cell.of(cell));
    for (const auto& [patch, within, blends] : blend.groups())
      for (std::size_t i = 0; i < within.size(); ++i) {
        const std::size_t place = by_cell.offsets[cell] + within[i];
        shares.of_patch[patch].push_back(
            {blend.own()[within[i]], place, blends[i].weight / blend.sum(within[i]).weight, rows.offsets[place + 1]});
        rows.offsets[place + 1] += patches_[patch].members.size();
      }
  }
  std::partial_sum(rows.offsets.begin(), rows.offsets.end(), rows.offsets.begin());
  rows.columns.resize(rows.offsets.back());
  rows.weights.resize(rows.offsets.back());
  return shares;
}

void PartitionOfUnity::fill_weights(StencilBatch& batch, std::size_t first, std::size_t count,
                                    std::span<const double> probe, Shares& shares) const {
  const auto& queries = shares.queries;
  std::vector<std::size_t> group;
  std::vector<std::span<const std::size_t>> stencils;
  std::size_t most = 0;
  for (const std::size_t patch : std::span(by_size_).subspan(first, count)) {
    auto& own = shares.of_patch[patch];
    if (own.empty()) continue;
    // The query farthest from a patch has the largest rounding error.
    const auto distance = [&](const Shares::Share& share) {
      double largest = 0.0;
      for (std::size_t axis = 0; axis < queries.cols; ++axis)
        largest = std::max(largest, std::abs(queries(share.query, axis) - patches_[patch].centre[axis]));
      return largest;
    };
    std::swap(own.front(), *std::ranges::max_element(own, {}, distance));
    group.push_back(patch);
    stencils.emplace_back(patches_[patch].members);
    most = std::max(most, own.size());
  }
  if (group.empty()) return;
  const auto factors = batch.factorize(stencils);
  std::vector<double> points(group.size() * queries.cols);
  const MatrixView<double> points_view{points.data(), group.size(), queries.cols};
  std::vector<std::span<double>> weights(group.size());
  for (std::size_t turn = 0; turn < most; ++turn) {
    // A patch whose queries are exhausted repeats the last one.
    const auto share_of = [&](std::size_t l) -> const Shares::Share& {
      const auto& own = shares.of_patch[group[l]];
      return own[std::min(turn, own.size() - 1)];
    };
    for (std::size_t l = 0; l < group.size(); ++l) {
      std::ranges::copy(queries.row(share_of(l).query), points_view.row(l).begin());
      weights[l] = std::span(shares.rows.weights).subspan(shares.begin(share_of(l)), stencils[l].size());
    }
    factors.weights(readable(points_view), std::nullopt, weights, turn == 0 ? probe : std::span<const double>());
    for (std::size_t l = 0; l < group.size(); ++l) {
      for (double& weight : weights[l]) weight *= share_of(l).weight;
      for (std::size_t i = 0; i < stencils[l].size(); ++i)
        shares.rows.columns[shares.begin(share_of(l)) + i] = static_cast<std::uint32_t>(cells_.order()[stencils[l][i]]);
    }
  }
}

PartitionOfUnity::Weights PartitionOfUnity::weights(MatrixView<const double> given, std::span<const double> probe,
                                                    std::size_t threads) const {
  const auto from_origin = shifted(given);
  Shares shares = shares_of(as_matrix(from_origin), threads);
  const StencilDefects defects = fill(shares, probe, threads);
  return {std::move(shares.rows), defects};
}

PartitionOfUnity::Contribution PartitionOfUnity::contribution(MatrixView<const double> queries,
                                                              std::span<const double> probe,
                                                              std::size_t threads) const {
  Shares shares{queries, std::vector<std::vector<Shares::Share>>(patches_.size()), {.cols = cloud_.points.rows}};
  SparseRows& rows = shares.rows;
  rows.offsets.assign(queries.rows + 1, 0);
  Contribution result{{{}, std::vector<double>(queries.rows, 0.0)}, {}};
  if (queries.rows == 0) {
    result.blended.rows = std::move(rows);
    return result;
  }
  auto clamped = xt::xarray<double>::from_shape({queries.rows, queries.cols});
  for (std::size_t q = 0; q < queries.rows; ++q) clamp(queries.row(q), as_matrix(clamped).row(q));
  const Cells search(clamped, (queries.rows + queries_per_leaf - 1) / queries_per_leaf);
  for (const std::size_t q : search.order()) rows.order.push_back(static_cast<std::uint32_t>(q));
  std::vector<std::size_t> found;
  for (std::size_t patch = 0; patch < patches_.size(); ++patch) {
    search.inside(support(patch), found);
    for (const std::size_t place : found) {
      const std::size_t q = search.order()[place];
      const double weight = blend_of(patches_[patch], search.points().row(place), queries.row(q), std::nullopt).weight;
      if (weight == 0.0) continue;
      shares.of_patch[patch].push_back({q, place, weight, rows.offsets[place + 1]});
      rows.offsets[place + 1] += patches_[patch].members.size();
      result.blended.blends[q] += weight;
    }
  }
  std::partial_sum(rows.offsets.begin(), rows.offsets.end(), rows.offsets.begin());
  rows.columns.resize(rows.offsets.back());
  rows.weights.resize(rows.offsets.back());
  result.defects = fill(shares, probe, threads);
  result.blended.rows = std::move(rows);
  return result;
}

StencilDefects PartitionOfUnity::fill(Shares& shares, std::span<const double> probe, std::size_t threads) const {
  std::vector<double> ordered_probe(probe.size());
  for (std::size_t i = 0; i < probe.size(); ++i) ordered_probe[i] = probe[cells_.order()[i]];
  std::vector<StencilBatch> batches(threads, StencilBatch(cloud_));
  const std::size_t lanes = batches.front().lanes();
  const Pass pass{.threads = threads, .alignment = lanes};
  for_each_block(patches_.size(), lanes, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    fill_weights(batches[part], first, count, ordered_probe, shares);
  });
  StencilDefects defects;
  for (const auto& batch : batches) defects.include(batch.defects());
  return defects;
}

}  // namespace fieldfold
