module;

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

/// Modes and numbers that are missing: coefficients of states with holes, snapshots that are filled, places to measure.
export module fieldfold.pod.gappy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.space;
import fieldfold.rows.source;

export namespace fieldfold {

/// The inner product of what is there.
struct GappyProduct {
  std::span<const double> weights = {};  ///< `(dof,)`, of a diagonal one; empty: 1
  /// `W y` for columns y `(dof, k)`, instead of weights.
  std::function<void(MatrixView<const double> y, MatrixView<double> result)> weigh = {};
};

/// Coefficients by least squares, and what they can be trusted.
struct GappySolution {
  std::vector<double> coefficients;  ///< `(rank,)`
  /// By what errors of the numbers are magnified at most: 1 over the root of the smallest eigenvalue of `U^T W U` over
  /// what is there, and at least 1, which it is where all is there.
  double condition = 1.0;
};

/// The coefficients of which the basis gives the numbers that are there with the least error, in the inner product
/// restricted to these (Everson and Sirovich 1995, doi:10.1364/JOSAA.12.001657). It solves normal equations where they
/// keep half of the digits, and otherwise decomposes the rows of the basis.
/// \param basis  `(dof, rank)`  \param y  `(dof,)`; what is not finite is missing
/// \throws NumericalError  what is there does not determine the coefficients
template <class T>
GappySolution gappy_coefficients(MatrixView<const T> basis, std::span<const T> y, const GappyProduct& product);

/// Fills what is missing in snapshots with what the modes say, which are learned from all, again and again until both
/// agree, with one mode more each time until there are as many as asked for. The space has the means of the filled
/// snapshots then. The basis and the snapshots in which numbers are missing are in memory meanwhile.
/// \param snapshots     `(dof, num_samples)`
/// \param learned       its gaps are filled
/// \param sample_roots  as of `SpaceRows`
/// \param request       how to learn the modes
/// \throws  as `decompose` and `gappy_coefficients`; it warns where it still changes after 200 times
template <class T>
void fill_gaps(const RowSource<T>& snapshots, LearnedSpace& learned, const std::vector<T>& sample_roots,
               const DecompositionRequest<T>& request);

/// Numbers of a state to measure, so that its coefficients are known from them and errors are magnified little: those
/// on which a QR factorization of the transposed basis with pivoting pivots (QDEIM; Drmac and Gugercin 2016,
/// doi:10.1137/15M1019271), and the same of the others again where there are to be more than coefficients.
/// \param basis    `(dof, rank)`; its rows of zeros are not taken
/// \param count    at least 1
/// \returns  `(count,)` rows, the most telling first
/// \throws InvalidArgument  more than there are rows
template <class T>
std::vector<std::size_t> sensor_rows(MatrixView<const T> basis, std::size_t count);

}  // namespace fieldfold
