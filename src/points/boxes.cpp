module fieldfold.points.boxes;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

/// Calls `work(dim)`, with a compile-time constant for common dimensions.
template <class Work>
void with_dimension(std::size_t dim, const Work& work) {
  if (dim == 2) return work(std::integral_constant<std::size_t, 2>());
  if (dim == 3) return work(std::integral_constant<std::size_t, 3>());
  work(dim);
}

/// The number at index `rank` in ascending order. A sample gives two bounds that most likely enclose it, and only the
/// numbers between them are partitioned (Floyd and Rivest 1975, doi:10.1145/360680.360691); all numbers if the bounds
/// fail.
double order_statistic(std::span<double> numbers, std::size_t rank, std::vector<double>& candidates) {
  const auto select = [](std::span<double> among, std::size_t place) {
    const auto chosen = among.begin() + static_cast<std::ptrdiff_t>(place);
    std::ranges::nth_element(among, chosen);
    return *chosen;
  };
  constexpr std::size_t few = 512;
  const std::size_t n = numbers.size();
  if (n < few) return select(numbers, rank);
  const auto step = static_cast<std::size_t>(std::cbrt(static_cast<double>(n)));
  const std::size_t size = n / step;
  candidates.resize(n);
  for (std::size_t i = 0; i < size; ++i) candidates[i] = numbers[i * step];
  const auto sample = std::span(candidates).first(size);
  // Three standard deviations of the rank in the sample.
  const auto margin = static_cast<std::size_t>(1.5 * std::sqrt(static_cast<double>(size)));
  const std::size_t middle = rank / step;
  const double high = select(sample, std::min(middle + margin, size - 1));
  const double low = select(sample, middle - std::min(margin, middle));
  std::size_t before = 0;
  std::size_t count = 0;
  for (const double number : numbers) {
    candidates[count] = number;
    count += static_cast<std::size_t>(int{number >= low} & int{number <= high});
    before += number < low;
  }
  const bool found = before <= rank && rank < before + count;
  return found ? select(std::span(candidates).first(count), rank - before) : select(numbers, rank);
}

}  // namespace

Box box_around(MatrixView<const double> points) {
  Box box{{points.row(0).begin(), points.row(0).end()}, {points.row(0).begin(), points.row(0).end()}};
  for (std::size_t i = 1; i < points.rows; ++i)
    for (std::size_t axis = 0; axis < points.cols; ++axis) {
      box.low[axis] = std::min(box.low[axis], points(i, axis));
      box.high[axis] = std::max(box.high[axis], points(i, axis));
    }
  return box;
}

Box box_around(MatrixView<const double> points, const RowPartition& partition) {
  BoxesOnRanks all(1, points.cols);
  for (std::size_t i = 0; i < points.rows; ++i) all.include(0, points.row(i), points.row(i));
  all.share(partition);
  if (all.is_empty(0)) throw InvalidArgument("points: expected at least one on a rank, got none");
  return all.box(0);
}

BoxesOnRanks::BoxesOnRanks(std::size_t boxes, std::size_t dim)
    : dim_(dim), corners_(2 * boxes * dim, -std::numeric_limits<double>::infinity()) {}

void BoxesOnRanks::include(std::size_t box, std::span<const double> low, std::span<const double> high) {
  for (std::size_t axis = 0; axis < dim_; ++axis) {
    double* const corner = corners_.data() + 2 * (box * dim_ + axis);
    corner[0] = std::max(corner[0], -low[axis]);
    corner[1] = std::max(corner[1], high[axis]);
  }
}

Box BoxesOnRanks::box(std::size_t index) const {
  Box box{std::vector<double>(dim_), std::vector<double>(dim_)};
  for (std::size_t axis = 0; axis < dim_; ++axis) {
    box.low[axis] = -corners_[2 * (index * dim_ + axis)];
    box.high[axis] = corners_[2 * (index * dim_ + axis) + 1];
  }
  return box;
}

bool BoxesOnRanks::is_empty(std::size_t index) const {
  return corners_[2 * index * dim_] == -std::numeric_limits<double>::infinity();
}

std::size_t widest_axis(const Box& box) {
  std::size_t widest = 0;
  for (std::size_t axis = 1; axis < box.low.size(); ++axis)
    if (box.high[axis] - box.low[axis] > box.high[widest] - box.low[widest]) widest = axis;
  return widest;
}

bool is_inside(const Box& box, const Box& other) {
  for (std::size_t axis = 0; axis < box.low.size(); ++axis)
    if (box.low[axis] < other.low[axis] || box.high[axis] > other.high[axis]) return false;
  return true;
}

Box united(const Box& a, const Box& b) {
  Box box = a;
  for (std::size_t axis = 0; axis < a.low.size(); ++axis) {
    box.low[axis] = std::min(a.low[axis], b.low[axis]);
    box.high[axis] = std::max(a.high[axis], b.high[axis]);
  }
  return box;
}

Box clamped(Box box, const Box& domain) {
  for (std::size_t axis = 0; axis < box.low.size(); ++axis) {
    box.low[axis] = std::clamp(box.low[axis], domain.low[axis], domain.high[axis]);
    box.high[axis] = std::clamp(box.high[axis], domain.low[axis], domain.high[axis]);
  }
  return box;
}

Box widened(Box box, double margin) {
  for (double& x : box.low) x -= margin;
  for (double& x : box.high) x += margin;
  return box;
}

struct Cells::Scratch {
  std::vector<double> along;
  std::vector<double> candidates;
  std::vector<double> points;
  std::vector<std::size_t> order;
};

Cells::Cells(xt::xarray<double> points, std::size_t count, std::optional<Box> domain)
    : points_(std::move(points)), order_(points_.shape(0)) {
  const std::size_t n = order_.size();
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  domain_ = domain ? std::move(*domain) : box_around(this->points());
  tree_.nodes.reserve(2 * count);
  boxes_.reserve(count);
  offsets_.reserve(count + 1);
  Scratch scratch{std::vector<double>(n), {}, std::vector<double>(points_.size()), std::vector<std::size_t>(n)};
  split(0, n, count, domain_, 0, scratch);
  offsets_.push_back(n);
}

MatrixView<const double> Cells::rows(std::size_t first, std::size_t last) const {
  return {points().row(first).data(), last - first, points().cols, points().stride};
}

Box Cells::box_of_points(std::size_t cell) const { return box_around(rows(offsets_[cell], offsets_[cell + 1])); }

void Cells::split(std::size_t first, std::size_t last, std::size_t cells, Box box, std::size_t level,
                  Scratch& scratch) {
  tree_.depth = std::max(tree_.depth, level);
  const std::size_t index = tree_.nodes.size();
  tree_.nodes.push_back({0.0, 0, {index, index}, boxes_.size()});
  if (cells == 1) {
    boxes_.push_back(std::move(box));
    offsets_.push_back(first);
    return;
  }
  // For many points the box is a good estimate of their extent.
  const std::size_t axis = widest_axis(last - first < points_for_box ? box_around(rows(first, last)) : box);
  const std::size_t cells_below = cells / 2;
  const std::size_t below = (last - first) * cells_below / cells;
  const double plane = separate(first, last, axis, below, scratch);
  Box lower = box;
  lower.high[axis] = box.low[axis] = plane;
  split(first, first + below, cells_below, std::move(lower), level + 1, scratch);
  tree_.nodes[index] = {plane, axis, {index + 1, tree_.nodes.size()}, 0};
  split(first + below, last, cells - cells_below, std::move(box), level + 1, scratch);
}

double Cells::separate(std::size_t first, std::size_t last, std::size_t axis, std::size_t below, Scratch& scratch) {
  const std::size_t count = last - first;
  double plane = 0.0;
  with_dimension(points_.shape(1), [&](auto dim) {
    double* const rows = points_.data() + first * dim;
    const auto along = std::span(scratch.along).first(count);
    for (std::size_t i = 0; i < count; ++i) along[i] = rows[i * dim + axis];
    plane = order_statistic(along, below, scratch.candidates);
    auto ties_below =
        below - static_cast<std::size_t>(std::ranges::count_if(along, [&](double x) { return x < plane; }));
    // Branch-free: each row is written to both sides, of which only one advances.
    std::size_t low = 0;
    std::size_t high = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double here = rows[i * dim + axis];
      const int is_tie_below = int{here == plane} & int{ties_below > 0};
      const int is_below = int{here < plane} | is_tie_below;
      ties_below -= static_cast<std::size_t>(is_tie_below);
      const std::size_t given = order_[first + i];
      for (std::size_t k = 0; k < dim; ++k) rows[low * dim + k] = scratch.points[high * dim + k] = rows[i * dim + k];
      order_[first + low] = scratch.order[high] = given;
      low += static_cast<std::size_t>(is_below);
      high += static_cast<std::size_t>(1 - is_below);
    }
    std::copy_n(scratch.points.begin(), high * dim, rows + low * dim);
    std::copy_n(scratch.order.begin(), high, order_.begin() + static_cast<std::ptrdiff_t>(first + low));
  });
  return plane;
}

void BisectionTree::find(MatrixView<const double> points, std::span<std::size_t> cells) const {
  // Several independent searches are interleaved to hide latency; a cell is its own next node.
  constexpr std::size_t side_by_side = 8;
  for (std::size_t first = 0; first < points.rows; first += side_by_side) {
    const std::size_t count = std::min(side_by_side, points.rows - first);
    std::size_t places[side_by_side] = {};
    for (std::size_t level = 0; level < depth; ++level)
      for (std::size_t i = 0; i < count; ++i) {
        const Node& node = nodes[places[i]];
        // An index instead of an unpredictable branch.
        const bool is_above = points(first + i, node.axis) >= node.plane;
        places[i] = node.next[static_cast<std::size_t>(is_above)];
      }
    for (std::size_t i = 0; i < count; ++i) cells[first + i] = nodes[places[i]].cell;
  }
}

void Cells::meeting(const Box& box, std::vector<std::size_t>& found) const {
  found.clear();
  tree_.for_each_meeting(box, [&](std::size_t cell) { found.push_back(cell); });
}

void Cells::inside(const Box& box, std::vector<std::size_t>& found) const {
  found.clear();
  with_dimension(points_.shape(1), [&](auto dim) {
    tree_.for_each_meeting(box, [&](std::size_t cell) {
      // Branch-free: each index is written, and only those inside are kept.
      std::size_t count = found.size();
      found.resize(count + offsets_[cell + 1] - offsets_[cell]);
      for (std::size_t i = offsets_[cell]; i < offsets_[cell + 1]; ++i) {
        const double* const point = points_.data() + i * dim;
        int within = 1;
        for (std::size_t axis = 0; axis < dim; ++axis)
          within &= int{point[axis] >= box.low[axis]} & int{point[axis] <= box.high[axis]};
        found[count] = i;
        count += static_cast<std::size_t>(within);
      }
      found.resize(count);
    });
  });
}

}  // namespace fieldfold
