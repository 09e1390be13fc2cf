/// Gappy POD: coefficients of states with missing numbers, and gap filling in snapshots.
export module fieldfold.pod.gappy;

import fieldfold.base.arrays;
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

/// Least-squares coefficients and their sensitivity.
struct GappySolution {
  std::vector<double> coefficients;  ///< `(rank,)`
  /// Bound of the amplification of errors in the known entries: the reciprocal root of the smallest eigenvalue of
  /// `U^T W U` over the known entries; at least 1, its value where all entries are known.
  double condition = 1.0;
};

/// Least-squares coefficients from the known entries of a state, in the restricted inner product (Everson and Sirovich
/// 1995, doi:10.1364/JOSAA.12.001657): by normal equations where they keep half of the digits, and otherwise by a
/// singular value decomposition of the rows of the basis.
/// \param basis  `(dof, rank)`  \param y  `(dof,)`; entries that are not finite are missing
/// \throws NumericalError  the known entries do not determine the coefficients
template <class T>
GappySolution gappy_coefficients(MatrixView<const T> basis, std::span<const T> y,
                                 const GappyInnerProduct& inner_product);

/// Fills gaps in snapshots iteratively from the modes until convergence. The number of modes grows by one whenever the
/// estimates have settled, up to the chosen rank. The means of the space become those of the filled snapshots. The
/// basis and the snapshots with gaps are held in memory.
/// \param snapshots   `(dof, num_samples)`
/// \param scaling     its means are updated
/// \param statistics  its gaps are filled
/// \param request     how to compute the modes
/// \throws  as `decompose` and `gappy_coefficients`; a warning if it has not converged after 200 iterations
template <class T>
void fill_gaps(const RowSource<T>& snapshots, SpaceScaling<T>& scaling, SnapshotStatistics& statistics,
               const DecompositionRequest<T>& request);

}  // namespace fieldfold
