/// Values at points of other ranks.
export module fieldfold.linalg.halo;

import fieldfold.base.communicator;
import fieldfold.base.standard;

export namespace fieldfold {

/// The points of other ranks whose values this rank needs, and those of its points whose values others need.
class Halo {
 public:
  /// Collective. \param points  of this rank, which outlives this object with its communicator
  /// \param needed  numbers of points of other ranks, ascending
  Halo(const RowPartition& points, const std::vector<std::uint64_t>& needed);

  /// The number of points of other ranks.
  std::size_t size() const { return size_; }

  /// The values at these points, in their order, `(size(), width)`; collective, by messages between neighbors.
  /// \param copy  copies the values at a point of this rank, `(width,)`
  std::vector<double> values(std::size_t width,
                             const std::function<void(std::size_t point, std::span<double> values)>& copy) const;

  /// The transpose: returns values at these points, `(size(), width)`, to their ranks; collective.
  /// \param add  is called with those for points of this rank, in the order of the ranks that they come from
  void return_values(std::size_t width, std::span<const double> values,
                     const std::function<void(std::size_t point, std::span<const double> values)>& add) const;

 private:
  struct Neighbor {
    std::size_t rank;
    std::vector<std::size_t> points;  ///< of this rank, whose values it needs
  };

  const Communicator* communicator_;
  std::size_t size_;
  std::vector<Neighbor> to_;
  std::vector<std::pair<std::size_t, std::size_t>> from_;  ///< ranks, ascending, and how many of their points
};

/// The rank of each of some rows, by number, ascending; collective.
std::vector<std::size_t> ranks_of(const RowPartition& partition, const std::vector<std::uint64_t>& numbers);

}  // namespace fieldfold
