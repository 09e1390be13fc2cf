/// The layout of states: how fields are interleaved.
export module fieldfold.fields.layout;

import fieldfold.base.arrays;
import fieldfold.base.standard;

export namespace fieldfold {

/// The layout of a state of `num_pts * num_qoi` numbers: the fields of a point are contiguous, in their order. Columns
/// of samples interpolated together have the same layout, with samples in place of points.
struct FieldLayout {
  std::size_t num_qoi = 1;

  /// The index in a state of a field at a point.
  constexpr std::size_t index(std::size_t point, std::size_t field) const { return point * num_qoi + field; }
  /// The point and the field of an index in a state.
  constexpr std::size_t point(std::size_t index) const { return index / num_qoi; }
  constexpr std::size_t field(std::size_t index) const { return index % num_qoi; }
};

/// Copies one field out of states. \param states  `(k, num_pts * num_qoi)`  \param values  `(k, num_pts)`
template <class T>
void extract_field(MatrixView<const T> states, FieldLayout layout, std::size_t field, MatrixView<T> values);

/// Copies one field into states. \param values  `(k, num_pts)`  \param states  `(k, num_pts * num_qoi)`
template <class T>
void insert_field(MatrixView<const T> values, FieldLayout layout, std::size_t field, MatrixView<T> states);

/// States as columns over the points, in double: `columns(point, layout.index(sample, field))` is a field of a sample.
/// \param states  `(samples, num_pts * num_qoi)`  \param columns  `(num_pts, samples * num_qoi)`
template <class T>
void columns_of_states(MatrixView<const T> states, FieldLayout layout, MatrixView<double> columns);

/// The inverse of `columns_of_states`.
template <class T>
void states_of_columns(MatrixView<const double> columns, FieldLayout layout, MatrixView<T> states);

/// One field as columns over the points, as in `columns_of_states`.
/// \param values  `(samples, num_pts)`  \param columns  `(num_pts, samples * num_qoi)`
template <class T>
void columns_of_field(MatrixView<const T> values, FieldLayout layout, std::size_t field, MatrixView<double> columns);

/// The inverse of `columns_of_field`.
template <class T>
void field_of_columns(MatrixView<const double> columns, FieldLayout layout, std::size_t field, MatrixView<T> values);

/// A name with its control characters and the bytes that are not UTF-8 escaped as `\xNN`, and backslashes doubled; the
/// name itself if it is a valid field name.
std::string escaped_name(std::string_view name);

/// Checks field names. \throws InvalidArgument  one that is empty, given twice, not UTF-8, or has control characters
void expect_field_names(const std::vector<std::string>& names);

/// The name of one of several components of a vector field: `U_x`, `U_y`, `U_z`; `U_0` and so on for more than three.
std::string component_name(std::string_view field, std::size_t component, std::size_t components);

/// The components of a vector field as fields, named by `component_name`.
/// \param values  `(*loop_shape, num_pts, components)`  \returns  each `(*loop_shape, num_pts)`
/// \throws InvalidArgument  no axis of points, or no component
template <class T>
BasicFields<T> component_fields(std::string_view field, const ArrayRef<T>& values);

}  // namespace fieldfold
