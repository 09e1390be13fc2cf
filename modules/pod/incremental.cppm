module;

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

/// A singular value decomposition that grows with its snapshots, while a solver runs.
export module fieldfold.pod.incremental;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.compression.grid;
import fieldfold.fields.space;
import fieldfold.pod.svd;

export namespace fieldfold {

/// How an incremental decomposition is kept small.
struct IncrementalOptions {
  /// The most modes that are kept; none: as many as the tolerance asks for.
  std::optional<std::size_t> max_rank = std::nullopt;
  /// Modes are dropped as long as the error bound stays below this, relative to the Frobenius norm of the snapshots;
  /// not negative. 0 drops what is no more than rounding. A cap on the rank may take the bound above it.
  double tolerance = 0.0;
  /// Each snapshot weighs this times as much as the next, in (0, 1]: singular values, energy and bound are those of the
  /// weighted snapshots.
  double forgetting = 1.0;
  /// Snapshots that wait until they are taken in together: work a snapshot falls, memory rises by as many states.
  std::size_t block = 16;
};

/// An SVD of all snapshots that were added, of which it keeps the leading modes and the coefficients only.
///
/// Snapshots are projected twice on the basis and what remains is orthonormalized; the small matrix of their
/// coefficients is decomposed, and the basis turned to its singular vectors (Brand 2006,
/// doi:10.1016/j.laa.2005.07.021; in blocks, Baker, Gallivan and Van Dooren 2012, doi:10.1016/j.laa.2011.07.018). The
/// basis is orthonormalized anew whenever rounding has piled up. What is dropped is summed up to a bound of the error.
template <class T>
class BasicIncrementalSVD : public BasicCompression<T> {
 public:
  /// \param options      of the SVD it will become; `threads` holds for the updates too
  /// \throws InvalidArgument  as `BasicSVD`; field options that learn from snapshots (`fixed_space`); a rule that needs
  ///                          modes that are not kept (`sample_tol`, `optimal_threshold`) or `validate_every`; a number
  ///                          of `incremental` is out of its range
  explicit BasicIncrementalSVD(SVDOptions options = {}, IncrementalOptions incremental = {});

  /// Adds snapshots. Those with NaN or infinity are left out and counted.
  /// \param states  `(*loop_shape, dof)`, in the order of time
  /// \throws InvalidArgument  a length that is not that of the first one, or does not fit coords, fields and weights;
  ///                          the logarithm of a number that is not positive, and the states before are taken in
  /// \throws NumericalError   sums of squares overflow; the states before are taken in
  void add(const ArrayRef<T>& states);

  /// \param fields  each `(*loop_shape, num_pts)`
  void add(const BasicFields<T>& fields);

  /// Takes in what another one has learned, of other snapshots of the same fields. Its coefficients come after those
  /// that are here. \throws InvalidArgument  another length of states
  void merge(const BasicIncrementalSVD& other);

  /// Takes in the snapshots that wait. What follows below tells of those that were taken in.
  void update();

  /// The snapshots that were taken in, and those that were left out because of NaN or infinity.
  std::size_t num_samples() const { return num_samples_; }
  std::size_t num_dropped() const { return num_dropped_; }

  /// The number of modes that are kept.
  std::size_t rank() const { return s_.size(); }

  /// `(dof, rank)`, orthonormal columns, in the space of the field options times the roots of its weights; `(rank,)`,
  /// descending.
  const xt::xarray<T>& basis() const { return basis_; }
  const xt::xarray<double>& singular_values() const { return s_; }

  /// A bound of `||A - U U^T A|| / ||A||` in the Frobenius norm, of all (weighted) snapshots A taken in.
  double error_bound() const;

  /// The SVD of all snapshots that were added; more may be added later. It has the modes that the rule of its options
  /// asks for of those that are here, or all of them if there is no rule. Singular values are those that are here;
  /// errors of each snapshot are not known. \throws InvalidArgument  there is no snapshot, or only zeros; a rank above
  /// that here
  BasicSVD<T> finish();

 private:
  std::size_t thread_count(std::size_t width) const;
  xt::xarray<double> project_out(MatrixView<T> rows, const Pass& pass);
  std::size_t truncated(const xt::xarray<double>& s);
  xt::xarray<double> absorb(MatrixView<T> rows, const std::vector<double>& weights);
  void append(const xt::xarray<double>& scores);
  void change(const std::function<void()>& action);

  SVDOptions options_;
  IncrementalOptions incremental_;
  std::size_t dof_ = 0;                                      ///< 0: not known yet
  xt::xarray<T> basis_ = xt::xarray<T>::from_shape({0, 0});  ///< (dof, rank)
  xt::xarray<double> s_ = xt::xarray<double>::from_shape({0});
  xt::xarray<double> scores_ =
      xt::xarray<double>::from_shape({0, 0});  ///< (num_samples, rank): U^T x, but for what is dropped
  std::optional<FieldSpace> space_;            ///< of options that have one, from the first state on
  std::vector<double> row_scales_;
  std::vector<T> waiting_;  ///< states, one after another
  std::size_t num_samples_ = 0;
  std::size_t num_dropped_ = 0;
  double squares_ = 0.0;  ///< of all (weighted) snapshots
  double bound_ = 0.0;    ///< of the error, in the Frobenius norm
};

/// The same in double precision.
using IncrementalSVD = BasicIncrementalSVD<double>;

}  // namespace fieldfold
