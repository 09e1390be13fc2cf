/// Batches of small radial basis function interpolants.
export module fieldfold.rbf.stencils;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.points.affine;
import fieldfold.rbf.lanes;
import fieldfold.rbf.polynomial;
import fieldfold.rbf.system;

export namespace fieldfold {

/// A set of points, and the model of interpolants on subsets of it.
struct PointCloud {
  MatrixView<const double> points;    ///< `(n, dim)`, finite
  std::span<const double> smoothing;  ///< `(n,)`
  RBFModel model;
  /// Whether points that do not determine the polynomial, say on a line in a plane, fall back to a lower degree; it is
  /// an error otherwise.
  bool allow_lower_degree = false;
};

/// Numbers aligned to cache lines, so that no load spans two of them.
class LaneNumbers {
 public:
  /// Existing numbers are kept; new ones are 0.
  void resize(std::size_t count) { lines_.resize((count + per_line - 1) / per_line); }
  inline double* data() { return reinterpret_cast<double*>(lines_.data()); }
  inline double& operator[](std::size_t i) { return data()[i]; }

 private:
  static constexpr std::size_t per_line = 8;
  struct alignas(per_line * sizeof(double)) Line {
    double numbers[per_line];
  };
  std::vector<Line> lines_;
};

/// The largest defects of a set of stencils.
struct StencilDefects {
  double relative_error = 0.0;  ///< estimate of the rounding error, over the largest value
  double off_span = 0.0;  ///< distance of a query from the affine subspace of its stencil, to which it is projected

  void include(const StencilDefects& other) {
    relative_error = std::max(relative_error, other.relative_error);
    off_span = std::max(off_span, other.off_span);
  }
};

/// Interpolants on small sets of points, "stencils", factorized side by side, one per lane of a register;
/// ill-conditioned stencils, and those in an affine subspace, fall back to `RBFSystem`, with its errors. Memory is
/// reused. For one thread.
class StencilBatch {
 public:
  explicit StencilBatch(const PointCloud& cloud, const KernelLoops& loops = kernel_loops());

  /// The maximum number of stencils at once.
  std::size_t lanes() const { return lanes_; }

  /// The interpolant of values at the points of a stencil.
  struct Coefficients {
    xt::xarray<double> axes;  ///< `(dim, stencil)`: coordinates axis by axis, in the span
    Monomials monomials;
    std::optional<AffineSpan> span;   ///< of the stencil; none: the whole space
    xt::xarray<double> coefficients;  ///< `(k, stencil + monomials)`: of the kernels in the order of `axes`
  };

  /// Factorized stencils: a view of the batch, valid until its next factorization.
  class Factors {
   public:
    /// The cardinal weights of the interpolants at queries, or of their derivatives along an axis; one query per
    /// stencil.
    /// \param queries  `(stencils, dim)`
    /// \param weights  one row per stencil, as long as the stencil
    /// \param probe    values at all points of the cloud, for the estimate of the rounding error; or empty
    /// \throws NumericalError  the kernel overflows
    void weights(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                 const std::vector<std::span<double>>& weights, std::span<const double> probe) const {
      batch_->compute_weights(queries, derivative_axis, weights, probe);
    }

    /// Interpolates values. \param values  `(n, k)` at all points of the cloud  \param results  one per stencil
    void solve(MatrixView<const double> values, std::span<Coefficients> results) const {
      batch_->compute_coefficients(values, results);
    }

   private:
    friend class StencilBatch;
    explicit Factors(StencilBatch& batch) : batch_(&batch) {}
    StencilBatch* batch_;
  };

  /// Assembles and factorizes.
  /// \param stencils  up to `lanes()`: point indices, at least as many as there are monomials; they must outlive the
  ///                  factors
  /// \throws NumericalError  as `RBFSystem`; the message names the first point of the stencil
  Factors factorize(const std::vector<std::span<const std::size_t>>& stencils);

  /// The largest defects so far.
  const StencilDefects& defects() const { return defects_; }

 private:
  struct Lane {
    std::span<const std::size_t> stencil;
    Monomials monomials;
    PolynomialPivots pivots;
    std::vector<double> points;  ///< `(stencil, dim)`
    std::optional<RBFSystem> fallback;
  };

  inline double& at(LaneNumbers& numbers, std::size_t entry, std::size_t lane) const {
    return numbers[entry * lanes_ + lane];
  }
  void resize(std::size_t monomials);
  void pack(std::size_t lane, bool usable);
  void factorize_by_fallback(Lane& lane);

  void compute_weights(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                       const std::vector<std::span<double>>& weights, std::span<const double> probe);
  /// Packs the right-hand sides of the weights, and of the probe beside them.
  void pack_queries(MatrixView<const double> queries, std::optional<std::size_t> derivative_axis,
                    std::span<const double> probe);
  void pack_kernels(std::optional<std::size_t> derivative_axis, std::size_t columns);
  /// \returns  whether the weights of a lane are finite
  bool unpack_weights(std::size_t lane, std::size_t columns, std::span<double> weights);
  void weights_by_fallback(std::size_t lane, std::span<const double> query, std::optional<std::size_t> derivative_axis,
                           std::span<double> weights, std::span<const double> probe);

  void compute_coefficients(MatrixView<const double> values, std::span<Coefficients> results);
  void solve_by_fallback(const Lane& lane, MatrixView<const double> values, Coefficients& result);

  /// The largest magnitude of the coefficients of the kernels, for a column of values.
  double largest_coefficient(std::size_t lane, std::size_t column, std::size_t columns);
  /// An upper bound of the norm of the kernel matrix.
  double norm_bound(std::size_t lane) { return static_cast<double>(size_) * largest_[lane]; }
  /// \param error  in rounding units
  void note_error(double error);
  void note_error_of_weights(std::size_t lane, std::span<const double> weights, std::span<const double> probe);

  PointCloud cloud_;
  const KernelLoops* loops_;
  std::size_t lanes_;
  bool smooths_;
  bool all_alike_ = true;  ///< all stencils have the same size
  std::vector<Lane> lane_;
  std::size_t used_ = 0;
  std::size_t size_ = 0;
  LaneSystems systems_{};
  LaneNumbers coordinates_, diagonal_, present_, multipliers_, pivot_block_, pivot_columns_, factor_, inverse_diagonal_,
      largest_, columns_, start_, query_, kernel_;
  std::vector<double> largest_value_;  ///< of the probe or of the columns of values, for each lane
  StencilDefects defects_;
};

}  // namespace fieldfold
