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

namespace {

/// The length of the UTF-8 sequence of a printable character at the start of a text; 0: there is none.
std::size_t printable_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) < 0x20 || byte(0) == 0x7f ? 0 : 1;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  unsigned code = byte(0) & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_control = code < 0xa0;
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  return code < least[length] || code > 0x10ffff || is_surrogate || is_control ? 0 : length;
}

}  // namespace

std::string escaped_name(std::string_view name) {
  constexpr std::string_view digits_of_bytes = "0123456789abcdef";
  std::string text;
  bool is_valid = true;
  for (std::size_t i = 0; i < name.size();) {
    const std::size_t length = printable_length(name.substr(i));
    if (length > 0) {
      text += name[i] == '\\' ? "\\\\" : name.substr(i, length);
      i += length;
      continue;
    }
    is_valid = false;
    const auto byte = static_cast<unsigned char>(name[i++]);
    text += "\\x";
    text += digits_of_bytes[byte >> 4];
    text += digits_of_bytes[byte & 0xf];
  }
  return is_valid ? std::string(name) : text;
}

void expect_field_names(const std::vector<std::string>& names) {
  std::set<std::string> distinct;
  for (const std::string& name : names) {
    if (name.empty()) throw InvalidArgument("fields: expected names, got an empty one");
    if (const std::string shown = escaped_name(name); shown != name)
      throw InvalidArgument(message("fields: expected names in UTF-8 without control characters, got ", shown));
    if (!distinct.insert(name).second)
      throw InvalidArgument(message("fields: expected distinct names, got ", listing(names)));
  }
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
