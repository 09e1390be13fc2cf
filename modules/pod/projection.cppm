/// Projection on a basis in a field space.
export module fieldfold.pod.projection;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.pod.gappy;

export namespace fieldfold {

/// Coefficients of states, and their distances from the span of a basis.
template <class T>
struct BasicAssessment {
  xt::xarray<T> latent;  ///< `(*loop_shape, rank)`: as from `compress`, holes filled
  /// `(*loop_shape)`: the norm of the residual of the projection, over the known entries; NaN where there are no more
  /// of them than coefficients, which then fit them exactly, however far the state is
  xt::xarray<double> distance;
  xt::xarray<double> relative_distance;  ///< `(*loop_shape)`: relative to the norm of the state; 0 where both are 0
  /// `(*loop_shape)`: bound of the amplification of errors from the known entries to the coefficients; 1 where all are
  /// known, infinite where they do not determine the coefficients: coefficients and distances are then NaN.
  xt::xarray<double> condition;
};

/// States that have no coefficients.
struct UndeterminedStates {
  std::size_t with_missing_numbers = 0;  ///< with the policy `nan`
  std::size_t undetermined = 0;          ///< with the policy `fill`: by their known entries
  std::size_t empty = 0;                 ///< of these, without a known entry

  void add(const UndeterminedStates& other);

  /// One warning, if there are any.
  /// \param states  their number in all
  void warn_of(std::size_t states, std::size_t rank) const;
};

/// A basis U `(dof, rank)` in a field space, orthonormal in its inner product W; a view of memory of the caller.
template <class T>
class SpaceProjection {
 public:
  /// \param space           null: untransformed states, and the Euclidean inner product
  /// \param weighted_basis  `(dof, rank)`: W U, where W is not diagonal; no rows otherwise
  /// \param partition       the rows of this rank, if the points are distributed among ranks; states are those of the
  ///                        points of the rank, and all members but `reconstruct` are collective
  SpaceProjection(MatrixView<const T> basis, const FieldSpace* space, MatrixView<const T> weighted_basis,
                  const RowPartition& partition = {})
      : basis_(basis), space_(space), weighted_(weighted_basis), partition_(partition) {}

  /// `U^T W y` of states. NaN affects only the coefficients of its own state, unless the policy is to fill it.
  /// \tparam S      scalar of the states: T, or double
  /// \param states  `(k, dof)`  \param latent  `(k, rank)`
  /// \param first   number of the first state, for messages
  /// \returns       the states whose coefficients are NaN
  /// \throws InvalidArgument  a missing number, if the policy is `error`; the logarithm of a number not above 0
  template <class S>
  UndeterminedStates compress(MatrixView<const S> states, GappyStates policy, MatrixView<T> latent,
                              std::size_t first = 0) const;

  /// Reconstructs states. \param latent  `(k, rank)`  \param states  `(k, dof)`
  void reconstruct(MatrixView<const T> latent, MatrixView<T> states) const;

  /// The results of `assess` for k states, in memory of the caller.
  struct Assessment {
    MatrixView<T> latent;          ///< `(k, rank)`
    std::span<double> distances;   ///< `(k,)`: norms of the residuals
    std::span<double> norms;       ///< `(k,)`: norms of the states
    std::span<double> conditions;  ///< `(k,)`
  };

  /// Coefficients, and norms of residuals in the space over the known entries. Holes are always filled; where the known
  /// entries do not determine the coefficients, coefficients and distances are NaN and the condition is infinite.
  template <class S>
  void assess(MatrixView<const S> states, const Assessment& result) const;

  /// The largest magnitude of an entry of `U^T W U - I`.
  double orthonormality_defect() const;

 private:
  /// A norm, `scale * sqrt(squares)`, whose squares neither overflow nor underflow.
  struct Norm {
    double scale;
    double squares;
  };

  bool has_mass() const { return space_ != nullptr && space_->parts().mass.has_value(); }
  bool has_diagonal_weights() const { return space_ != nullptr && !has_mass() && !space_->is_unweighted(); }
  template <class S>
  void transform(MatrixView<const S> states, std::size_t first, MatrixView<T> result) const;
  template <class S>
  void multiply_states(MatrixView<const S> states, MatrixView<T> latent) const;
  /// Fills some states: those with the same known entries share a factorization. \returns  for each the condition, and
  /// the number of known entries
  template <class S>
  std::vector<std::pair<double, std::size_t>> fill(const std::vector<std::size_t>& gappy, MatrixView<const S> states,
                                                   MatrixView<T> latent) const;
  template <class S>
  [[noreturn]] void throw_missing(std::size_t state, std::span<const S> numbers) const;
  template <class S>
  std::vector<std::pair<double, std::size_t>> fill_over_ranks(const std::vector<std::size_t>& gappy,
                                                              MatrixView<const S> states,
                                                              const GappyInnerProduct& product,
                                                              MatrixView<T> latent) const;
  double squared_norm(const std::vector<double>& y) const;
  Norm norm(std::span<const T> y) const;
  void norms_over_ranks(const std::vector<Norm>& own, std::span<double> norms) const;

  MatrixView<const T> basis_;
  const FieldSpace* space_;
  MatrixView<const T> weighted_;
  RowPartition partition_;
};

/// `W U` for a space with a mass matrix. \param basis  `(dof, rank)`
template <class T>
xt::xarray<T> weighted_basis(const FieldSpace& space, const xt::xarray<T>& basis, std::size_t threads);

}  // namespace fieldfold
