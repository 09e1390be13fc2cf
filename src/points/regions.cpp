module fieldfold.points.regions;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.points.boxes;
import fieldfold.points.neighbors;

namespace fieldfold {
namespace {

/// Regions per rank: more of them balance better, and have more surface.
constexpr std::size_t regions_per_rank = 4;

/// A number whose order is that of a coordinate; 0 and -0 have the same.
std::uint64_t order_key(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  return (bits & sign) != 0 ? ~bits : bits | sign;
}

double coordinate_of(std::uint64_t key) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  return std::bit_cast<double>((key & sign) != 0 ? key ^ sign : ~key);
}

/// Order statistics of several sets of keys that are distributed among ranks, by their digits from the highest to the
/// lowest.
class DistributedSelection {
 public:
  /// \param ranks  of the keys to be found, in ascending order from 0
  explicit DistributedSelection(std::vector<std::size_t> ranks) : ranks_(std::move(ranks)), prefixes_(ranks_.size()) {}

  /// Collective. \param sets, keys  `(n,)`: the keys of this rank, and the set of each; one that is too large: none
  void run(const RowPartition& partition, std::span<const std::size_t> sets, std::span<const std::uint64_t> keys) {
    for (std::size_t shift = 64; shift > 0;) {
      shift -= bits;
      std::vector<double> counts(ranks_.size() * digits, 0.0);
      for (std::size_t i = 0; i < keys.size(); ++i)
        if (sets[i] < ranks_.size() && has_prefix(keys[i], sets[i], shift))
          counts[sets[i] * digits + (keys[i] >> shift) % digits] += 1.0;
      partition.sum(counts);
      for (std::size_t set = 0; set < ranks_.size(); ++set) {
        std::uint64_t digit = 0;
        for (auto count = static_cast<std::size_t>(counts[set * digits]); ranks_[set] >= count;
             count = static_cast<std::size_t>(counts[set * digits + digit])) {
          ranks_[set] -= count;
          ++digit;
        }
        prefixes_[set] = prefixes_[set] << bits | digit;
      }
    }
  }

  std::uint64_t key(std::size_t set) const { return prefixes_[set]; }
  /// The number of equal keys of lower rank.
  std::size_t equal_before(std::size_t set) const { return ranks_[set]; }

 private:
  static constexpr std::size_t bits = 8;
  static constexpr std::size_t digits = std::size_t{1} << bits;

  bool has_prefix(std::uint64_t key, std::size_t set, std::size_t shift) const {
    return shift + bits == 64 || key >> (shift + bits) == prefixes_[set];
  }

  std::vector<std::size_t> ranks_;
  std::vector<std::uint64_t> prefixes_;
};

}  // namespace

/// A node of the tree while it grows.
struct Regions::Node {
  Box box;
  std::size_t points;
  std::size_t cells;
  BisectionTree::Node split;
};

Regions::Regions(const RowPartition& partition, MatrixView<const double> rows, std::size_t dim, std::size_t count)
    : partition_(&partition),
      given_(rows),
      dim_(dim),
      num_points_(partition.total(rows.rows)),
      num_cells_(count),
      domain_(box_around({rows.data, rows.rows, dim, rows.stride}, partition)) {
  const Communicator& communicator = *partition.communicator();
  region_of_ = split_all(count);
  std::size_t before = 0;
  for (std::size_t index = 0; index < regions_.size(); ++index) {
    Region& region = regions_[index];
    region.rank = (before + region.num_cells / 2) * communicator.size() / num_cells_;
    before += region.num_cells;
    if (region.rank == communicator.rank()) own_.push_back(index);
  }
  if (rows.rows > 0) {
    auto points = xt::xarray<double>::from_shape({rows.rows, dim});
    for (std::size_t i = 0; i < rows.rows; ++i) std::ranges::copy(rows.row(i).first(dim), &points(i, 0));
    search_.emplace(std::move(points), (rows.rows + 63) / 64);
  }
  covered_of_all_.resize(regions_.size());
  rows_ = zeros<double>({0, rows.cols});
  std::vector<Box> boxes;
  for (const std::size_t region : own_) boxes.push_back(regions_[region].box);
  cover(boxes);
}

/// \returns  the region of each point of this rank
std::vector<std::size_t> Regions::split_all(std::size_t count) {
  const std::size_t wanted = regions_per_rank * partition_->communicator()->size();
  std::vector<Node> nodes{{domain_, num_points_, count, {0.0, 0, {0, 0}, 0}}};
  std::vector<std::size_t> node_of(given_.rows, 0);
  std::size_t first_of_level = 0;
  for (std::size_t level = 0; std::size_t{1} << level < wanted; ++level) {
    std::vector<std::size_t> active;
    for (std::size_t node = first_of_level; node < nodes.size(); ++node)
      if (nodes[node].cells > 1) active.push_back(node);
    if (active.empty()) break;
    first_of_level = nodes.size();
    split_level(nodes, active, node_of);
    tree_.depth = level + 1;
  }
  // In the order of the cells, as a tree that is built depth first.
  std::vector<std::size_t> path{0};
  while (!path.empty()) {
    const std::size_t index = path.back();
    path.pop_back();
    Node& node = nodes[index];
    if (node.split.next[0] == index) {
      node.split.cell = regions_.size();
      regions_.push_back({node.box, node.cells, 0});
      continue;
    }
    path.push_back(node.split.next[1]);
    path.push_back(node.split.next[0]);
  }
  for (const Node& node : nodes) tree_.nodes.push_back(node.split);
  for (std::size_t& node : node_of) node = tree_.nodes[node].cell;
  return node_of;
}

/// The axis along which each node is split.
std::vector<std::size_t> Regions::axes_of(const std::vector<Node>& nodes, std::span<const std::size_t> active,
                                          const std::vector<std::size_t>& node_of) const {
  BoxesOnRanks extents(nodes.size(), dim_);
  for (std::size_t i = 0; i < node_of.size(); ++i)
    if (nodes[node_of[i]].points < points_for_box)
      extents.include(node_of[i], given_.row(i).first(dim_), given_.row(i).first(dim_));
  extents.share(*partition_);
  std::vector<std::size_t> axes;
  for (const std::size_t node : active)
    axes.push_back(widest_axis(nodes[node].points < points_for_box ? extents.box(node) : nodes[node].box));
  return axes;
}

/// Splits nodes of the same level as `Cells` does: at the order statistic along the widest axis, with ties by number.
void Regions::split_level(std::vector<Node>& nodes, std::span<const std::size_t> active,
                          std::vector<std::size_t>& node_of) {
  const std::vector<std::size_t> axes = axes_of(nodes, active, node_of);
  constexpr auto none = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> set_of(nodes.size(), none);
  std::vector<std::size_t> below;
  for (std::size_t set = 0; set < active.size(); ++set) {
    const Node& node = nodes[active[set]];
    set_of[active[set]] = set;
    below.push_back(node.points * (node.cells / 2) / node.cells);
  }
  std::vector<std::size_t> sets(node_of.size());
  std::vector<std::uint64_t> keys(node_of.size());
  for (std::size_t i = 0; i < node_of.size(); ++i) {
    sets[i] = set_of[node_of[i]];
    if (sets[i] != none) keys[i] = order_key(given_(i, axes[sets[i]]));
  }
  DistributedSelection selection(below);
  selection.run(*partition_, sets, keys);

  // Points on the plane are below it in the order of their numbers.
  const Communicator& communicator = *partition_->communicator();
  std::vector<double> ties(active.size(), 0.0);
  for (std::size_t i = 0; i < sets.size(); ++i)
    if (sets[i] != none && keys[i] == selection.key(sets[i])) ties[sets[i]] += 1.0;
  const std::vector<double> ties_of_ranks = communicator.gather(ties);
  std::vector<std::size_t> ties_below;
  for (std::size_t set = 0; set < active.size(); ++set) {
    double before = 0.0;
    for (std::size_t rank = 0; rank < communicator.rank(); ++rank) before += ties_of_ranks[rank * active.size() + set];
    ties_below.push_back(selection.equal_before(set) -
                         std::min(selection.equal_before(set), static_cast<std::size_t>(before)));
  }
  for (std::size_t set = 0; set < active.size(); ++set) {
    const std::size_t index = active[set];
    const double plane = coordinate_of(selection.key(set));
    const std::size_t next = nodes.size();
    const Node node = nodes[index];
    nodes[index].split = {plane, axes[set], {next, next + 1}, 0};
    Node lower{node.box, below[set], node.cells / 2, {0.0, 0, {next, next}, 0}};
    Node upper{node.box, node.points - below[set], node.cells - node.cells / 2, {0.0, 0, {next + 1, next + 1}, 0}};
    lower.box.high[axes[set]] = upper.box.low[axes[set]] = plane;
    nodes.push_back(std::move(lower));
    nodes.push_back(std::move(upper));
  }
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (sets[i] == none) continue;
    const std::uint64_t plane = selection.key(sets[i]);
    bool is_below = keys[i] < plane;
    if (keys[i] == plane && ties_below[sets[i]] > 0) {
      --ties_below[sets[i]];
      is_below = true;
    }
    node_of[i] = nodes[node_of[i]].split.next[is_below ? 0 : 1];
  }
}

bool Regions::cover(const std::vector<Box>& boxes) {
  BoxesOnRanks wanted(regions_.size(), dim_);
  for (std::size_t k = 0; k < own_.size(); ++k) {
    const auto& before = covered_of_all_[own_[k]];
    if (before && is_inside(boxes[k], *before)) continue;
    const Box box = before ? united(*before, boxes[k]) : boxes[k];
    wanted.include(own_[k], box.low, box.high);
  }
  wanted.share(*partition_);
  const Communicator& communicator = *partition_->communicator();
  std::vector<Message> sent(communicator.size());
  for (std::size_t rank = 0; rank < sent.size(); ++rank) sent[rank].rank = rank;
  bool has_grown = false;
  std::vector<std::size_t> found;
  for (std::size_t index = 0; index < regions_.size(); ++index) {
    if (wanted.is_empty(index)) continue;
    has_grown = true;
    const Box box = wanted.box(index);
    if (search_) search_->inside(box, found);
    auto& numbers = sent[regions_[index].rank].numbers;
    for (const std::size_t place : found) {
      const auto point = search_->points().row(place);
      const auto& before = covered_of_all_[index];
      if (before && is_inside({{point.begin(), point.end()}, {point.begin(), point.end()}}, *before)) continue;
      const std::size_t i = search_->order()[place];
      numbers.push_back(static_cast<double>(partition_->number(i)));
      numbers.push_back(static_cast<double>(region_of_[i]));
      numbers.insert(numbers.end(), given_.row(i).begin(), given_.row(i).end());
    }
    covered_of_all_[index] = box;
  }
  if (!has_grown) return false;
  add(deliver(communicator, sent));
  covered_.clear();
  for (const std::size_t region : own_) covered_.push_back(*covered_of_all_[region]);
  return true;
}

/// Adds points to those known; one that arrives for several regions counts once.
void Regions::add(std::vector<Message> received) {
  struct Row {
    std::uint64_t number;
    std::size_t region;
    const double* row;
  };
  const std::size_t width = given_.cols;
  std::vector<Row> rows;
  for (std::size_t k = 0; k < numbers_.size(); ++k) rows.push_back({numbers_[k], regions_of_known_[k], &rows_(k, 0)});
  for (const Message& message : received)
    for (std::size_t first = 0; first < message.numbers.size(); first += width + 2)
      rows.push_back({static_cast<std::uint64_t>(message.numbers[first]),
                      static_cast<std::size_t>(message.numbers[first + 1]), &message.numbers[first + 2]});
  std::ranges::sort(rows, {}, &Row::number);
  const auto repeated = std::ranges::unique(rows, {}, &Row::number);
  rows.erase(repeated.begin(), repeated.end());
  auto all = xt::xarray<double>::from_shape({rows.size(), width});
  numbers_.clear();
  regions_of_known_.clear();
  for (std::size_t k = 0; k < rows.size(); ++k) {
    numbers_.push_back(rows[k].number);
    regions_of_known_.push_back(rows[k].region);
    std::copy_n(rows[k].row, width, &all(k, 0));
  }
  rows_ = std::move(all);
}

double least_distance(MatrixView<const double> points, const RowPartition& partition) {
  const std::size_t total = partition.total(points.rows);
  constexpr std::size_t points_per_cell = 256;
  Regions regions(partition, points, points.cols, (total + points_per_cell - 1) / points_per_cell);
  std::array least{-std::numeric_limits<double>::infinity()};
  const auto include_known = [&] {
    const auto known = regions.known().rows;
    if (known.rows > 1) least[0] = std::max(least[0], -least_distance(known));
    partition.maximum(least);
  };
  include_known();
  // Two points that are closer lie in a region, or in the margins of two.
  std::vector<Box> boxes;
  for (const Box& box : regions.covered())
    boxes.push_back(std::isfinite(least[0]) ? widened(box, -least[0]) : regions.domain());
  if (regions.cover(boxes)) include_known();
  return -least[0];
}

}  // namespace fieldfold
