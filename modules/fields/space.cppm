/// The space in which fields are compared and compressed: units, mean, and inner product.
export module fieldfold.fields.space;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.fields.layout;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;

export namespace fieldfold {

/// The parts of a field space.
struct FieldSpaceParts {
  std::vector<std::string> fields;         ///< names
  std::vector<FieldTransform> transforms;  ///< one per field
  bool is_centered = false;
  xt::xarray<double> mean = zeros<double>({0});           ///< `(dof,)`, of g(x); empty: not centred
  xt::xarray<double> deviation = zeros<double>({0});      ///< `(dof,)`, of g(x); 0 or empty: not divided
  xt::xarray<double> point_weights = zeros<double>({0});  ///< `(num_pts,)`; empty: 1
  std::vector<double> field_weights;                      ///< one per field
  std::optional<MassMatrix> mass;
  std::vector<std::uint8_t> masked;  ///< `(dof,)`, 1 for masked numbers; empty: none
};

/// The space in which states x, `(dof,)`, are compressed. Their coordinates are
///
///     y_i = (g(x_i) - shift_i) factor_i
///
/// with g the logarithm or the identity, shift the mean or that of the normalization, and factor the reciprocal
/// standard deviation or that of the normalization; 0 for masked numbers. The inner product is `y^T W y`. W is
/// diagonal, `field weight * point weight`, or the field weight times the mass matrix.
class FieldSpace {
 public:
  /// \param num_pts  number of points
  /// \throws InvalidArgument  inconsistent parts
  FieldSpace(FieldSpaceParts parts, std::size_t num_pts);

  const FieldSpaceParts& parts() const { return parts_; }
  std::size_t dof() const { return shift_.size(); }
  std::size_t num_qoi() const { return parts_.fields.size(); }
  FieldLayout layout() const { return {num_qoi()}; }
  bool is_masked(std::size_t i) const { return !parts_.masked.empty() && parts_.masked[i] != 0; }
  std::size_t num_masked() const;
  /// Whether a field is transformed by the logarithm, which makes the inverse transform nonlinear.
  bool is_logarithmic() const;

  /// The coordinates y of states x, rounded to T after they are computed in double precision.
  /// \param states  `(k, count)`: numbers `first` to `first + count` of each  \param result  y, `(k, count)`; NaN where
  ///                x is NaN
  /// \throws InvalidArgument  the logarithm of a number that is not positive
  template <class S, class T>
  void transform(MatrixView<const S> states, std::size_t first, MatrixView<T> result) const;

  /// States x from coordinates y, in place. \param states  `(k, dof)`; masked numbers become NaN
  template <class T>
  void inverse_transform(MatrixView<T> states) const;

  /// The linear part of the inverse transform, for spaces that are not logarithmic.
  /// \param changes  `(k, dof)`, in place
  template <class T>
  void inverse_transform_linear(MatrixView<T> changes) const;

  /// The diagonal of W, without the mass matrix.
  double weight(std::size_t i) const {
    const std::size_t point = layout().point(i);
    return parts_.field_weights[layout().field(i)] *
           (parts_.point_weights.size() > 0 ? parts_.point_weights(point) : 1.0);
  }
  /// Whether W is the identity.
  bool is_unweighted() const;

  /// `W y`. \param y  `(dof, k)`  \param result  `(dof, k)`  \param threads  0: as many as the machine has
  /// \throws NotReady  the mass matrix was a function, which files do not hold
  void apply_weights(MatrixView<const double> y, MatrixView<double> result, std::size_t threads = 1) const;

  double shift(std::size_t i) const { return shift_[i]; }
  double factor(std::size_t i) const { return factor_[i]; }
  /// g(x).
  double transformed(std::size_t i, double x) const;

  /// Replaces the mean of a number.
  void set_mean(std::size_t i, double mean);

 private:
  FieldSpaceParts parts_;
  std::vector<double> shift_;
  std::vector<double> factor_;
};

}  // namespace fieldfold
