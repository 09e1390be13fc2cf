module fieldfold.fields.layout;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

namespace fieldfold {

template <class T>
void extract_field(MatrixView<const T> states, FieldLayout layout, std::size_t field, MatrixView<T> values) {
  for (std::size_t k = 0; k < values.rows; ++k)
    for (std::size_t p = 0; p < values.cols; ++p) values(k, p) = states(k, layout.index(p, field));
}

template <class T>
void insert_field(MatrixView<const T> values, FieldLayout layout, std::size_t field, MatrixView<T> states) {
  for (std::size_t k = 0; k < values.rows; ++k)
    for (std::size_t p = 0; p < values.cols; ++p) states(k, layout.index(p, field)) = values(k, p);
}

template <class T>
void columns_of_states(MatrixView<const T> states, FieldLayout layout, MatrixView<double> columns) {
  for (std::size_t k = 0; k < states.rows; ++k)
    for (std::size_t p = 0; p < columns.rows; ++p)
      for (std::size_t field = 0; field < layout.num_qoi; ++field)
        columns(p, layout.index(k, field)) = static_cast<double>(states(k, layout.index(p, field)));
}

template <class T>
void states_of_columns(MatrixView<const double> columns, FieldLayout layout, MatrixView<T> states) {
  for (std::size_t k = 0; k < states.rows; ++k)
    for (std::size_t p = 0; p < columns.rows; ++p)
      for (std::size_t field = 0; field < layout.num_qoi; ++field)
        states(k, layout.index(p, field)) = static_cast<T>(columns(p, layout.index(k, field)));
}

template <class T>
void columns_of_field(MatrixView<const T> values, FieldLayout layout, std::size_t field, MatrixView<double> columns) {
  for (std::size_t k = 0; k < values.rows; ++k)
    for (std::size_t p = 0; p < values.cols; ++p)
      columns(p, layout.index(k, field)) = static_cast<double>(values(k, p));
}

template <class T>
void field_of_columns(MatrixView<const double> columns, FieldLayout layout, std::size_t field, MatrixView<T> values) {
  for (std::size_t k = 0; k < values.rows; ++k)
    for (std::size_t p = 0; p < values.cols; ++p) values(k, p) = static_cast<T>(columns(p, layout.index(k, field)));
}

std::string component_name(std::string_view field, std::size_t component, std::size_t components) {
  constexpr std::array axes{"_x", "_y", "_z"};
  return components <= axes.size() ? message(field, axes[component]) : message(field, "_", component);
}

template <class T>
BasicFields<T> component_fields(std::string_view field, const ArrayRef<T>& values) {
  Shape shape = values.shape();
  if (shape.size() < 2 || shape.back() == 0)
    throw InvalidArgument(message("field ", field, ": expected the shape (*loop_shape, num_pts, components), got ",
                                  shape_text(values.shape())));
  const std::size_t components = shape.back();
  shape.pop_back();
  const std::size_t count = size_of(shape);
  BasicFields<T> fields;
  for (std::size_t component = 0; component < components; ++component) {
    auto own = xt::xarray<T>::from_shape(shape);
    for (std::size_t i = 0; i < count; ++i) own.data()[i] = values.data()[i * components + component];
    fields.emplace(component_name(field, component, components), std::move(own));
  }
  return fields;
}

template void extract_field(MatrixView<const double>, FieldLayout, std::size_t, MatrixView<double>);
template void extract_field(MatrixView<const float>, FieldLayout, std::size_t, MatrixView<float>);
template void insert_field(MatrixView<const double>, FieldLayout, std::size_t, MatrixView<double>);
template void insert_field(MatrixView<const float>, FieldLayout, std::size_t, MatrixView<float>);
template void columns_of_states(MatrixView<const double>, FieldLayout, MatrixView<double>);
template void columns_of_states(MatrixView<const float>, FieldLayout, MatrixView<double>);
template void states_of_columns(MatrixView<const double>, FieldLayout, MatrixView<double>);
template void states_of_columns(MatrixView<const double>, FieldLayout, MatrixView<float>);
template void columns_of_field(MatrixView<const double>, FieldLayout, std::size_t, MatrixView<double>);
template void columns_of_field(MatrixView<const float>, FieldLayout, std::size_t, MatrixView<double>);
template void field_of_columns(MatrixView<const double>, FieldLayout, std::size_t, MatrixView<double>);
template void field_of_columns(MatrixView<const double>, FieldLayout, std::size_t, MatrixView<float>);

template BasicFields<double> component_fields(std::string_view, const ArrayRef<double>&);
template BasicFields<float> component_fields(std::string_view, const ArrayRef<float>&);

}  // namespace fieldfold
