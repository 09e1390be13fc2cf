/// Gappy POD: coefficients of states with missing numbers, and gap filling in snapshots.
export module fieldfold.pod.gappy;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.scaling;
import fieldfold.fields.statistics;
import fieldfold.rows.source;

export namespace fieldfold {

/// The inner product W, to be restricted to the known entries.
struct GappyInnerProduct {
  std::span<const double> weights = {};  ///< `(dof,)`: the diagonal of W; empty: 1
  /// `W y` for columns y `(dof, k)`, where W is not diagonal.
  std::function<void(MatrixView<const double> y, MatrixView<double> result)> apply = {};
};

/// Least-squares coefficients of states from the same known entries, in the restricted inner product (Everson and
/// Sirovich 1995, doi:10.1364/JOSAA.12.001657): by normal equations where they keep half of the digits, and otherwise
/// by a singular value decomposition of the rows of the basis. Factorized once for all states.
template <class T>
class GappyLeastSquares {
 public:
  /// \param basis  `(dof, rank)`  \param known  the indices of the known entries, ascending
  /// \throws NumericalError  they do not determine the coefficients
  GappyLeastSquares(MatrixView<const T> basis, std::vector<std::size_t> known, const GappyInnerProduct& inner_product);

  /// Bound of the amplification of errors in the known entries: the reciprocal root of the smallest eigenvalue of
  /// `U^T W U` over the known entries; at least 1, its value where all entries are known.
  double condition() const { return condition_; }

  /// The coefficients `(rank,)` of a state `(dof,)`.
  std::vector<double> solve(std::span<const T> y) const;

 private:
  void decompose_rows(MatrixView<const T> basis, std::span<const double> weights);

  std::vector<std::size_t> known_;
  xt::xarray<double> rows_ = zeros<double>({0, 0});  ///< `(known, rank)`: the coefficients are those of `rows_^T y`
  xt::xarray<double> to_coefficients_ = zeros<double>({0, 0});  ///< `(rank, rank)`, applied to it
  double condition_ = 1.0;
};

/// The coefficients of one state; entries that are not finite are missing. \throws NumericalError  as the class above
template <class T>
std::vector<double> gappy_coefficients(MatrixView<const T> basis, std::span<const T> y,
                                       const GappyInnerProduct& inner_product);

/// The normal equations of the same coefficients for states whose numbers are distributed among ranks. They lose half
/// of the digits where the known entries hardly determine the coefficients.
template <class T>
class NormalEquations {
 public:
  /// \param basis  `(dof, rank)`: the rows of this rank; it must outlive this object
  NormalEquations(MatrixView<const T> basis, GappyInnerProduct inner_product)
      : basis_(basis), inner_product_(std::move(inner_product)) {}

  /// Adds a state, `(dof,)`: its numbers on this rank; entries that are not finite are missing. Collective if the inner
  /// product is not diagonal.
  void add(std::span<const T> y);

  /// Sums the equations of all states over the ranks.
  void reduce(const RowPartition& partition);

  /// After `reduce`: the number of known entries of a state.
  std::size_t known(std::size_t state) const { return static_cast<std::size_t>(equations_[state * stride()]); }

  /// After `reduce`: the coefficients of a state, and the amplification of errors, as in `GappyLeastSquares`.
  /// \throws NumericalError  the known entries do not determine the coefficients
  std::pair<std::vector<double>, double> solve(std::size_t state) const;

 private:
  std::size_t stride() const { return 1 + basis_.cols + basis_.cols * basis_.cols; }

  MatrixView<const T> basis_;
  GappyInnerProduct inner_product_;
  std::vector<double> equations_;  ///< for each state: known entries, right-hand side, matrix
};

/// Fills gaps in snapshots iteratively from the modes until convergence. The number of modes grows by one whenever the
/// estimates have settled, up to the chosen rank. The means of the space become those of the filled snapshots. The
/// basis and the snapshots with gaps are held in memory.
/// \tparam S          scalar of the snapshots: T, or double
/// \param snapshots   `(dof, num_samples)`
/// \param scaling     its means are updated
/// \param statistics  its gaps are filled
/// \param request     how to compute the modes
/// \throws  as `decompose` and `gappy_coefficients`; a warning if it has not converged after 200 iterations
template <class T, class S>
void fill_gaps(const RowSource<S>& snapshots, SpaceScaling<T>& scaling, SnapshotStatistics& statistics,
               const DecompositionRequest<T>& request);

}  // namespace fieldfold
