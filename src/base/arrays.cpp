module fieldfold.base.arrays;

import fieldfold.base.diagnostics;

namespace fieldfold {

std::size_t size_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>{});
}

std::string shape_text(const Shape& shape) { return "(" + listing(shape) + (shape.size() == 1 ? ",)" : ")"); }

Shape joined(Shape leading, const Shape& trailing) {
  leading.insert(leading.end(), trailing.begin(), trailing.end());
  return leading;
}

template <class T>
xt::xarray<T> zeros(const Shape& shape) {
  auto array = xt::xarray<T>::from_shape(shape);
  std::fill_n(array.data(), array.size(), T{0});
  return array;
}

template <class To, class From>
xt::xarray<To> array_cast(const xt::xarray<From>& array) {
  auto result = xt::xarray<To>::from_shape(array.shape());
  std::transform(array.data(), array.data() + array.size(), result.data(),
                 [](From value) { return static_cast<To>(value); });
  return result;
}

template <class T>
xt::xarray<T> transposed(const xt::xarray<T>& matrix) {
  const auto from = as_matrix(matrix);
  auto result = xt::xarray<T>::from_shape({from.cols, from.rows});
  for (std::size_t j = 0; j < from.cols; ++j)
    for (std::size_t i = 0; i < from.rows; ++i) result(j, i) = from(i, j);
  return result;
}

template <class T>
xt::xarray<T> leading_block(const xt::xarray<T>& matrix, std::size_t rows, std::size_t cols) {
  auto result = xt::xarray<T>::from_shape({rows, cols});
  for (std::size_t i = 0; i < rows; ++i) std::copy_n(as_matrix(matrix).row(i).data(), cols, result.data() + i * cols);
  return result;
}

template <class T>
xt::xarray<T> leading_entries(const xt::xarray<T>& vector, std::size_t count) {
  auto result = xt::xarray<T>::from_shape({count});
  std::copy_n(vector.data(), count, result.data());
  return result;
}

template xt::xarray<double> zeros(const Shape&);
template xt::xarray<float> zeros(const Shape&);
template xt::xarray<double> array_cast(const xt::xarray<double>&);
template xt::xarray<double> array_cast(const xt::xarray<float>&);
template xt::xarray<float> array_cast(const xt::xarray<double>&);
template xt::xarray<float> array_cast(const xt::xarray<float>&);
template xt::xarray<double> transposed(const xt::xarray<double>&);
template xt::xarray<float> transposed(const xt::xarray<float>&);
template xt::xarray<double> leading_block(const xt::xarray<double>&, std::size_t, std::size_t);
template xt::xarray<float> leading_block(const xt::xarray<float>&, std::size_t, std::size_t);
template xt::xarray<double> leading_entries(const xt::xarray<double>&, std::size_t);
template xt::xarray<float> leading_entries(const xt::xarray<float>&, std::size_t);

}  // namespace fieldfold
