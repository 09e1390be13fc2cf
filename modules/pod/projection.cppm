module;

#include <cstddef>
#include <span>
#include <vector>

/// Projection on a basis in a field space.
export module fieldfold.pod.projection;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.options;
import fieldfold.fields.space;

export namespace fieldfold {

/// How well the span of a basis represents states.
template <class T>
struct BasicAssessment {
  xt::xarray<T> latent;                  ///< `(*loop_shape, rank)`: as of `compress`, holes filled
  xt::xarray<double> distance;           ///< `(*loop_shape)`: the norm of the residual of the projection
  xt::xarray<double> relative_distance;  ///< `(*loop_shape)`: over the norm of the state; 0 where both are 0
  /// `(*loop_shape)`: bound of the amplification of errors from the known numbers to the coefficients; 1 where all are
  /// known, infinite where they do not determine the coefficients, which are NaN then, as the distances.
  xt::xarray<double> condition;
};

/// A basis U `(dof, rank)` in a field space, orthonormal in its inner product W. It refers to memory of the caller.
template <class T>
class SpaceProjection {
 public:
  /// \param space           null: states as they are, and the plain inner product
  /// \param weighted_basis  `(dof, rank)`: W U, where W is not diagonal; no rows otherwise
  SpaceProjection(MatrixView<const T> basis, const FieldSpace* space, MatrixView<const T> weighted_basis)
      : basis_(basis), space_(space), weighted_(weighted_basis) {}

  /// `U^T W y` of states. NaN in a state spoils its own coefficients only, unless the policy fills them.
  /// \param states  `(k, dof)`  \param latent  `(k, rank)`
  /// \throws InvalidArgument  a number is missing, by the policy; the logarithm of a number that is not positive
  /// \throws NumericalError   the known numbers do not determine the coefficients
  void compress(MatrixView<const T> states, GappyStates policy, MatrixView<T> latent) const;

  /// States of coefficients. \param latent  `(k, rank)`  \param states  `(k, dof)`
  void reconstruct(MatrixView<const T> latent, MatrixView<T> states) const;

  /// The results of `assess` for k states: memory of the caller.
  struct Assessment {
    MatrixView<T> latent;          ///< `(k, rank)`
    std::span<double> distances;   ///< `(k,)`: norms of the residuals
    std::span<double> norms;       ///< `(k,)`
    std::span<double> conditions;  ///< `(k,)`
  };

  /// Coefficients and residuals, in the norm of the space over the known numbers. Holes are filled whatever the policy;
  /// where the known numbers do not determine the coefficients, all is NaN and the condition infinite.
  void assess(MatrixView<const T> states, const Assessment& result) const;

  /// The largest magnitude in `U^T W U - I`.
  double orthonormality_defect() const;

 private:
  bool has_diagonal_weights() const { return space_ != nullptr && weighted_.rows == 0 && !space_->is_unweighted(); }
  void transform(MatrixView<const T> states, std::size_t first, MatrixView<T> result) const;
  double fill(std::size_t state, MatrixView<const T> states, MatrixView<T> latent) const;
  [[noreturn]] void throw_missing(std::size_t state, MatrixView<const T> states) const;
  double squared_norm(const std::vector<double>& y) const;
  double norm(std::span<const T> y) const;

  MatrixView<const T> basis_;
  const FieldSpace* space_;
  MatrixView<const T> weighted_;
};

/// `W U` for a space with a mass matrix. \param basis  `(dof, rank)`
template <class T>
xt::xarray<T> weighted_basis(const FieldSpace& space, const xt::xarray<T>& basis, std::size_t threads);

}  // namespace fieldfold
