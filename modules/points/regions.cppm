/// Points distributed among ranks, in regions of space.
export module fieldfold.points.regions;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.points.boxes;

export namespace fieldfold {

/// Points of all ranks that one has learnt.
struct KnownPoints {
  MatrixView<const double> rows;           ///< `(k, dim + attributes)`
  std::span<const std::uint64_t> numbers;  ///< `(k,)`, ascending: among the points of all ranks
  std::span<const std::size_t> regions;    ///< `(k,)`
};

/// Points distributed among ranks, split into regions as `Cells` splits all of them: a distributed k-d tree. Each
/// region belongs to a rank, which learns the points in it and, by exchange of boxes, those around it. The regions are
/// cells of a coarser level of the same tree, so that the cells into which they are split do not depend on the number
/// of ranks, nor on which rank a point comes from.
class Regions {
 public:
  struct Region {
    Box box;
    std::size_t num_cells = 1;  ///< into which it is to be split
    std::size_t rank = 0;       ///< it belongs to
  };

  /// Collective.
  /// \param partition  numbers the points; it outlives this object
  /// \param rows       `(n, dim + attributes)`: the points of this rank and numbers that go with them; they outlive
  ///                   this object
  /// \param count      number of cells of all points, from 1 to their number
  Regions(const RowPartition& partition, MatrixView<const double> rows, std::size_t dim, std::size_t count);

  const Box& domain() const { return domain_; }
  std::size_t num_points() const { return num_points_; }
  std::size_t num_cells() const { return num_cells_; }
  /// Ascending in the order of the cells.
  const std::vector<Region>& all() const { return regions_; }
  /// Those of this rank, numbers in `all()`, ascending.
  const std::vector<std::size_t>& own() const { return own_; }
  const BisectionTree& tree() const { return tree_; }

  /// The points that this rank has learnt; valid until it learns more.
  KnownPoints known() const { return {as_matrix(rows_), numbers_, regions_of_known_}; }
  /// For each region of this rank, a box of which it knows all points.
  const std::vector<Box>& covered() const { return covered_; }
  /// Makes all points of boxes known; collective. \param boxes  one for each region of this rank, possibly covered
  /// \returns  whether any rank has learnt of further boxes
  bool cover(const std::vector<Box>& boxes);

 private:
  struct Node;
  std::vector<std::size_t> split_all(std::size_t count);
  void split_level(std::vector<Node>& nodes, std::span<const std::size_t> active, std::vector<std::size_t>& node_of);
  std::vector<std::size_t> axes_of(const std::vector<Node>& nodes, std::span<const std::size_t> active,
                                   const std::vector<std::size_t>& node_of) const;
  void add(std::vector<Message> received);

  const RowPartition* partition_;
  MatrixView<const double> given_;
  std::size_t dim_;
  std::size_t num_points_;
  std::size_t num_cells_;
  Box domain_;
  BisectionTree tree_;
  std::vector<Region> regions_;
  std::vector<std::size_t> own_;
  std::vector<std::size_t> region_of_;  ///< `(n,)`: of the points of this rank
  std::optional<Cells> search_;         ///< among them
  std::vector<std::optional<Box>> covered_of_all_;
  std::vector<Box> covered_;
  xt::xarray<double> rows_ = zeros<double>({0, 0});  ///< of the known points
  std::vector<std::uint64_t> numbers_;
  std::vector<std::size_t> regions_of_known_;
};

/// The least distance between two distinct points of all ranks; infinite if all coincide; collective.
/// \param points  of this rank
double least_distance(MatrixView<const double> points, const RowPartition& partition);

}  // namespace fieldfold
