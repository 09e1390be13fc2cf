/// Partition of unity interpolation, for many points.
export module fieldfold.rbf.partition;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.boxes;
import fieldfold.rbf.stencils;

export namespace fieldfold {

/// The points are split into cells, boxes with about equal numbers of points. A patch is a widened cell, with an
/// interpolant on its points: at least as many as a cluster has, 1.3 times as many at the boundary of the domain, and
/// never more than three times as many. The interpolants are blended with weights that add up to one: products over the
/// axes of Wendland's function of the distance from the centre, twice continuously differentiable and 0 outside the
/// patch (Wendland 2002, "Fast evaluation of radial basis functions: methods based on partition of unity"; Larsson,
/// Shcherbakov and Heryudono 2017, doi:10.1137/17M1118087). A query outside all cells has the weights of the nearest
/// point in a cell.
class PartitionOfUnity {
 public:
  /// \param cloud         it is copied
  /// \param cluster_size  approximate number of points in a patch, at least the number of monomials
  /// \param overlap       margin by which a cell is widened on each side, as a share of its width, above 0
  PartitionOfUnity(const PointCloud& cloud, std::size_t cluster_size, double overlap, std::size_t threads);

  /// The number of cells for which patches have about `cluster_size` points.
  static std::size_t cells_for(std::size_t num_points, std::size_t dim, std::size_t cluster_size, double overlap);

  /// A cell, and the points in it.
  struct Cell {
    Box box;
    Box box_of_points;
    std::size_t count;
    std::size_t region = 0;  ///< of the part of a partition
  };

  /// Cells of a partition, relative to the lower corner of its domain.
  struct Part {
    Box domain;
    std::size_t num_points = 0;  ///< of the whole
    std::size_t num_cells = 0;
    std::vector<Cell> cells = {};
    std::vector<Box> known = {};  ///< for each region, a box of which the cloud has all points
  };

  /// The patches of some cells. \param cloud  points near them, relative to the lower corner; it is copied
  PartitionOfUnity(const PointCloud& cloud, Part part, std::size_t cluster_size, double overlap, std::size_t threads);
  PartitionOfUnity(const PartitionOfUnity&) = delete;
  PartitionOfUnity& operator=(const PartitionOfUnity&) = delete;

  /// Interpolants of values on all patches.
  struct Solution {
    std::vector<StencilBatch::Coefficients> patches;
    std::vector<double> largest_values;            ///< `(k,)`
    xt::xarray<double> largest_coefficients = {};  ///< `(patches, k)`: of the kernels
    double relative_error = 0.0;                   ///< estimate of the rounding error, over the largest value
  };

  /// \param values  `(n, k)`
  /// \throws NumericalError  a patch has no interpolant, as `StencilBatch`
  Solution solve(MatrixView<const double> values, std::size_t threads) const;

  /// The blend of the interpolants, or its derivative along an axis.
  /// \param queries  `(q, dim)`  \param results  `(q, k)`
  /// \returns        the defects at the queries; the rounding error is that outside the domain, over the largest value
  ///                 or the result, whichever is larger
  /// \throws NumericalError  the kernel overflows at a query
  StencilDefects evaluate(MatrixView<const double> queries, const Solution& solution,
                          std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                          std::size_t threads) const;

  /// For each region, a box around the points that its patches need: while it is larger than the known one, they are
  /// incomplete.
  const std::vector<Box>& needed() const { return needed_; }

  /// The number of patches; the box of one where its weight is not 0, and its region.
  std::size_t size() const { return patches_.size(); }
  Box support(std::size_t patch) const;
  std::size_t region(std::size_t patch) const { return part_.cells[patch].region; }

  /// The contribution of these patches to the blend, before it is normalized.
  /// \param queries  `(q, dim)`, relative to the lower corner
  struct Contribution {
    BlendedRows blended;  ///< `(q, n)`
    StencilDefects defects;
  };
  Contribution contribution(MatrixView<const double> queries, std::span<const double> probe, std::size_t threads) const;

  /// The blend as a matrix, and its defects.
  struct Weights {
    SparseRows rows;  ///< `(q, n)`
    StencilDefects defects;
  };

  /// The blend as a matrix that maps values at the points to values at queries.
  /// \param queries  `(q, dim)`  \param probe  values at all points, for the estimate of the rounding error; or empty
  Weights weights(MatrixView<const double> queries, std::span<const double> probe, std::size_t threads) const;

 private:
  /// A widened cell, with its points.
  struct Patch {
    std::vector<std::size_t> members;  ///< points in the order of the cells, ascending
    std::vector<double> centre;        ///< of the support of its weight
    std::vector<double> half_width;
    std::optional<Box> lacking = std::nullopt;  ///< a box with points that are not known
  };
  /// The weight of a patch at a query before normalization, and its derivative.
  struct Blend {
    double weight;
    double slope;
  };
  /// Queries sorted by the cells that contain them.
  struct Sorted {
    std::vector<std::size_t> order;
    std::vector<std::size_t> offsets;  ///< `(cells + 1,)`
    std::span<const std::size_t> of(std::size_t cell) const {
      return std::span(order).subspan(offsets[cell], offsets[cell + 1] - offsets[cell]);
    }
  };
  /// The weights of the patches at the queries of one cell; scratch space of one thread.
  class CellBlend;
  /// Scratch space of one thread to evaluate the queries of one cell.
  struct Evaluation;
  /// The shares of the patches in queries, and the rows of weights to be computed.
  struct Shares;

  /// Points relative to the origin.
  xt::xarray<double> shifted(MatrixView<const double> points) const;
  /// The geometric mean over the axes of the width of a cell, or of the part occupied by its points if narrower.
  double mean_width(const Cell& cell) const;
  /// Keeps the points nearest to a cell, and returns their largest distance along any axis.
  double keep_nearest(const Box& cell, std::size_t most, std::vector<std::size_t>& found) const;
  Patch patch_of(const Cell& cell, std::size_t cluster_size, std::vector<std::size_t>& found) const;
  void make_patches(const PointCloud& cloud, std::size_t cluster_size, std::size_t threads);
  /// Evaluates the blend at the queries of a cell.
  void evaluate_cell(const CellBlend& blend, const Solution& solution, MatrixView<double> results,
                     Evaluation& evaluation) const;
  /// The rounding error of the kernel at a query outside the domain, over the largest value or the result.
  double error_outside(std::size_t patch, const Solution& solution, std::span<const double> query,
                       std::span<const double> result) const;
  void clamp(std::span<const double> query, std::span<double> clamped) const;
  static Blend blend_of(const Patch& patch, std::span<const double> clamped, std::span<const double> query,
                        std::optional<std::size_t> derivative_axis);
  Sorted sorted(MatrixView<const double> queries, std::size_t threads) const;
  /// The shares of the patches at queries, and the sparsity pattern of the rows.
  Shares shares_of(MatrixView<const double> queries, std::size_t threads) const;
  /// Computes all weights of shares. \returns  the defects
  StencilDefects fill(Shares& shares, std::span<const double> probe, std::size_t threads) const;
  /// Computes the weights of patches `first` to `first + count` in order of size.
  void fill_weights(StencilBatch& batch, std::size_t first, std::size_t count, std::span<const double> probe,
                    Shares& shares) const;

  double overlap_;
  std::vector<double> origin_;  ///< the lower corner of the domain; differences from it are accurate
  Cells cells_;                 ///< of the points relative to the origin; of a part, to find points only
  Part part_;
  std::vector<Box> needed_;
  std::vector<double> smoothing_;
  PointCloud cloud_;  ///< of the points in the order of cells
  std::vector<Patch> patches_;
  std::vector<std::size_t> by_size_;                ///< the patches, ordered by the number of members
  std::vector<std::vector<std::size_t>> reaching_;  ///< for each cell, the patches whose weights reach into it
};

}  // namespace fieldfold
