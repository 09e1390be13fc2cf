module;

#include <cstddef>
#include <span>
#include <vector>

/// Projection on a basis in the space of fields.
export module fieldfold.pod.projection;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.space;
import fieldfold.rows.store;

export namespace fieldfold {

/// How states lie to the space that a basis spans.
template <class T>
struct BasicAssessment {
  xt::xarray<T> latent;                  ///< `(*loop_shape, rank)`: what `compress` gives, holes filled
  xt::xarray<double> distance;           ///< `(*loop_shape)`: the norm of what the basis does not have of the state
  xt::xarray<double> relative_distance;  ///< `(*loop_shape)`: over the norm of the state; 0 where both are 0
  /// `(*loop_shape)`: by what errors of the numbers that are there are magnified at most in the coefficients; 1 where
  /// all are there, infinite where they do not determine the coefficients, which are NaN then, as the distances.
  xt::xarray<double> condition;
};

/// A basis U `(dof, rank)` in a space, orthonormal in its inner product W: a view of what others own.
template <class T>
class SpaceProjection {
 public:
  /// \param space  null: states as they are, and the plain inner product
  /// \param dual   `(dof, rank)`: W U, where W is no diagonal matrix; no rows otherwise
  SpaceProjection(MatrixView<const T> basis, const FieldSpace* space, MatrixView<const T> dual)
      : basis_(basis), space_(space), dual_(dual) {}

  /// `U^T W y` of states. NaN in one spoils its own coefficients only, which a policy may mend.
  /// \param states  `(k, dof)`  \param latent  `(k, rank)`
  /// \throws InvalidArgument  a number is missing, by the policy; the logarithm of a number that is not positive
  /// \throws NumericalError   what is there does not determine the coefficients
  void compress(MatrixView<const T> states, GappyStates policy, MatrixView<T> latent) const;

  /// Back from coefficients. \param latent  `(k, rank)`  \param states  `(k, dof)`
  void reconstruct(MatrixView<const T> latent, MatrixView<T> states) const;

  /// The coefficients, and how far the states are from what they give, in the norm of the space over the numbers that
  /// are there. Holes are filled whatever the policy; where that cannot be, all is NaN and the condition infinite.
  /// \param distances, norms, conditions  `(k,)`
  void assess(MatrixView<const T> states, MatrixView<T> latent, double* distances, double* norms,
              double* conditions) const;

  /// The largest entry of `U^T W U - I`.
  double off_orthonormal() const;

 private:
  bool has_diagonal_weights() const { return space_ != nullptr && dual_.rows == 0 && !space_->is_unweighted(); }
  void enter(MatrixView<const T> states, std::size_t first, MatrixView<T> result) const;
  double fill(std::size_t state, MatrixView<const T> states, MatrixView<T> latent) const;
  [[noreturn]] void tell_hole(std::size_t state, MatrixView<const T> states) const;
  double squared_norm(const std::vector<double>& y) const;
  double norm(std::span<const T> y) const;

  MatrixView<const T> basis_;
  const FieldSpace* space_;
  MatrixView<const T> dual_;
};

/// `W U` for a space with a mass matrix. \param basis  `(dof, rank)`
template <class T>
xt::xarray<T> dual_basis(const FieldSpace& space, const xt::xarray<T>& basis, std::size_t threads);

/// Divides the rows of a basis that was made of scaled ones by their scales, and fixes the signs of its columns.
/// \param scales  `(dof,)`, as `FieldSpace::row_scales` gives them  \returns  the signs, 1 or -1 for each column
template <class T>
std::vector<T> unscale_basis(RowStore<T>& basis, std::size_t rank, const std::vector<double>& scales,
                             std::size_t threads);

}  // namespace fieldfold
