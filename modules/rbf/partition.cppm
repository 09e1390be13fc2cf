/// Partition of unity interpolation, for many points.
export module fieldfold.rbf.partition;

import fieldfold.base.arrays;
import fieldfold.base.standard;
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
  double mean_width(std::size_t cell) const;
  /// Keeps the points nearest to a cell, and returns their largest distance along any axis.
  double keep_nearest(const Box& cell, std::size_t most, std::vector<std::size_t>& found) const;
  Patch patch_of(std::size_t cell, std::size_t cluster_size, std::vector<std::size_t>& found) const;
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
  /// Computes the weights of patches `first` to `first + count` in order of size.
  void fill_weights(StencilBatch& batch, std::size_t first, std::size_t count, std::span<const double> probe,
                    Shares& shares) const;

  double overlap_;
  std::vector<double> origin_;  ///< the lower corner of the domain; differences from it are accurate
  Cells cells_;                 ///< of the points relative to the origin
  std::vector<double> smoothing_;
  PointCloud cloud_;  ///< of the points in the order of cells
  std::vector<Patch> patches_;
  std::vector<std::size_t> by_size_;                ///< the patches, ordered by the number of members
  std::vector<std::vector<std::size_t>> reaching_;  ///< for each cell, the patches whose weights reach into it
};

}  // namespace fieldfold
