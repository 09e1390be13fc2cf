module fieldfold.fields.layout;

import fieldfold.base.arrays;

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

}  // namespace fieldfold
