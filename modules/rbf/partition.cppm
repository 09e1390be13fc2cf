module;

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

/// Interpolation by a partition of unity, for many points.
export module fieldfold.rbf.partition;

import fieldfold.base.arrays;
import fieldfold.linalg.sparse;
import fieldfold.points.boxes;
import fieldfold.rbf.stencils;

export namespace fieldfold {

/// The points are split into cells, each a box with about as many points as any other; a patch is a cell made wider on
/// all sides, with an interpolant on the points in it. It is made wider still until it has as many points as a cluster,
/// 1.3 times as many at the edge of the domain; and less wide where it would have more than three times as many. These
/// are blended with weights that add up to one: products over the axes of Wendland's function of the distance from the
/// centre, twice continuously differentiable and 0 from the edge of the patch on (Wendland 2002, "Fast evaluation of
/// radial basis functions: methods based on partition of unity"; Larsson, Shcherbakov and Heryudono 2017,
/// doi:10.1137/17M1118087). A query outside of all cells has the weights of the nearest point that is not.
class PartitionOfUnity {
 public:
  /// \param cloud         it is copied
  /// \param cluster_size  points in a patch, about; at least the number of monomials
  /// \param overlap       by which share of its width a cell is made wider on each side, above 0
  PartitionOfUnity(const PointCloud& cloud, std::size_t cluster_size, double overlap, std::size_t threads);
  PartitionOfUnity(const PartitionOfUnity&) = delete;
  PartitionOfUnity& operator=(const PartitionOfUnity&) = delete;

  std::size_t patches() const { return patches_.size(); }

  /// Interpolants of values on all patches.
  struct Solution {
    std::vector<StencilBatch::Coefficients> patches;
    std::vector<double> largest_values;            ///< `(k,)`
    xt::xarray<double> largest_coefficients = {};  ///< `(patches, k)`: of the kernels
    double relative_error = 0.0;  ///< estimate of the error that rounding makes, over the largest value
  };

  /// \param values  `(n, k)`
  /// \throws NumericalError  a patch has no interpolant, as `StencilBatch`
  Solution solve(MatrixView<const double> values, std::size_t threads) const;

  /// The blend of the interpolants, or its derivative along an axis.
  /// \param queries  `(q, dim)`  \param results  `(q, k)`
  /// \returns        an estimate of the error that rounding makes outside of the domain, over the largest value or the
  ///                 result, whichever is larger
  /// \throws NumericalError  the kernel overflows at a query
  double evaluate(MatrixView<const double> queries, const Solution& solution,
                  std::optional<std::size_t> derivative_axis, MatrixView<double> results, std::size_t threads) const;

  /// The weights with which values at the points add up to the blend at queries.
  /// \param queries         `(q, dim)`
  /// \param probe           values at all points, by which the error that rounding makes is estimated; or empty
  /// \param relative_error  the largest estimate
  SparseRows weights(MatrixView<const double> queries, std::span<const double> probe, std::size_t threads,
                     double& relative_error) const;

 private:
  /// A cell made wider.
  struct Patch {
    std::vector<std::size_t> members;  ///< places of points in the order of cells, ascending
    std::vector<double> centre;        ///< of where its weight is not 0
    std::vector<double> half_width;
  };
  /// The weight of a patch at a query, before all are made to add up to one, and its derivative.
  struct Blend {
    double weight;
    double slope;
  };
  /// Queries in the order of the cells that they are in.
  struct Sorted {
    std::vector<std::size_t> order;
    std::vector<std::size_t> offsets;  ///< of each cell, one more at the end
    std::span<const std::size_t> of(std::size_t cell) const {
      return std::span(order).subspan(offsets[cell], offsets[cell + 1] - offsets[cell]);
    }
  };

  /// What one thread evaluates with; its memory is used again.
  struct Workspace;

  /// Points from the origin.
  xt::xarray<double> moved(MatrixView<const double> points) const;
  /// How wide a cell is, or what its points fill of it: the geometric mean over the axes.
  double mean_width(std::size_t cell) const;
  /// Keeps of points as many as are nearest to a cell, and returns how far away they are along any axis.
  double keep_nearest(const Box& cell, std::size_t most, std::vector<std::size_t>& found) const;
  Patch patch_of(std::size_t cell, std::size_t cluster_size, std::vector<std::size_t>& found) const;
  /// The blend at some of the queries, which are all in a cell.
  void evaluate_cell(std::size_t cell, std::span<const std::size_t> own, MatrixView<const double> queries,
                     const Solution& solution, std::optional<std::size_t> derivative_axis, MatrixView<double> results,
                     Workspace& space) const;
  /// What rounding of the kernel at a query does to a result, over the largest value or the result.
  double error_outside(std::size_t patch, const Solution& solution, std::span<const double> query,
                       std::span<const double> result) const;
  void clamp(std::span<const double> query, std::span<double> clamped) const;
  static Blend blend(const Patch& patch, std::span<const double> clamped, std::span<const double> query,
                     std::optional<std::size_t> derivative_axis);
  Sorted sorted(MatrixView<const double> queries, std::size_t threads) const;

  double overlap_;
  std::vector<double> origin_;  ///< the lower corner of the domain, so that offsets cost no digits
  Cells cells_;                 ///< of the points from the origin
  std::vector<double> smoothing_;
  PointCloud cloud_;  ///< of the points in the order of cells
  std::vector<Patch> patches_;
  std::vector<std::size_t> by_size_;                ///< the patches, ordered by the number of members
  std::vector<std::vector<std::size_t>> reaching_;  ///< of each cell the patches that have a weight somewhere in it
};

}  // namespace fieldfold
