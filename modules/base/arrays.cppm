module;

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fieldfold/xtensor.hpp>

/// The interface to xtensor: exported names, array arguments and matrix views.
export module fieldfold.base.arrays;

import fieldfold.base.diagnostics;
import fieldfold.base.standard;

export namespace xt {
using xt::abs;
using xt::adapt;
using xt::all;
using xt::allclose;
using xt::amax;
using xt::amin;
using xt::arange;
using xt::cast;
using xt::concatenate;
using xt::cos;
using xt::empty;
using xt::exp;
using xt::eye;
using xt::is_xexpression;
using xt::isfinite;
using xt::isnan;
using xt::layout_type;
using xt::linspace;
using xt::make_lambda_xfunction;
using xt::newaxis;
using xt::no_ownership;
using xt::ones;
using xt::range;
using xt::sin;
using xt::sqrt;
using xt::sum;
using xt::transpose;
using xt::view;
using xt::xarray;
using xt::xtensor;
using xt::xtuple;
using xt::zeros;
using xt::operator+;
using xt::operator-;
using xt::operator*;
using xt::operator/;
using xt::operator==;
using xt::operator!=;
}  // namespace xt

export namespace fieldfold {

/// The lengths of the axes of an array; `{}` is a scalar.
using Shape = std::vector<std::size_t>;

/// Fields by name, each `(*loop_shape, *coord_shape)`: values at the points of a grid for every index of the loop
/// shape.
template <class T>
using BasicFields = std::map<std::string, xt::xarray<T>, std::less<>>;

/// Fields in double precision.
using Fields = BasicFields<double>;

/// The number of entries of an array of this shape.
std::size_t size_of(const Shape& shape);

/// A shape formatted for messages: `(3, 4)`, `(3,)`, `()`.
std::string shape_text(const Shape& shape);

/// `leading` followed by `trailing`.
Shape joined(Shape leading, const Shape& trailing);

/// An array of zeros. \tparam T  double or float
template <class T>
xt::xarray<T> zeros(const Shape& shape);

/// An array in another scalar. \tparam To, From  double or float
template <class To, class From>
xt::xarray<To> array_cast(const xt::xarray<From>& array);

/// The transpose of a matrix.
template <class T>
xt::xarray<T> transposed(const xt::xarray<T>& matrix);

/// The leading rows and columns of a matrix.
template <class T>
xt::xarray<T> leading_block(const xt::xarray<T>& matrix, std::size_t rows, std::size_t cols);

/// The leading entries of a vector.
template <class T>
xt::xarray<T> leading_entries(const xt::xarray<T>& vector, std::size_t count);

/// A row-major, contiguous array argument, converted implicitly from any xtensor expression. A contiguous row-major
/// array of the same scalar is referenced, not copied; any other expression is evaluated once. For function parameters
/// only: it must not outlive the expression.
template <class T>
class ArrayRef {
 public:
  template <class E>
    requires xt::is_xexpression<E>::value && std::is_arithmetic_v<typename E::value_type>
  ArrayRef(const E& expression)  // NOLINT(google-explicit-constructor): conversion is the purpose
      : shape_(expression.shape().begin(), expression.shape().end()) {
    if constexpr (xt::has_data_interface<E>::value && std::is_same_v<typename E::value_type, T>) {
      if (is_row_major(expression.strides())) {
        data_ = expression.data() + expression.data_offset();
        return;
      }
    }
    // Copied element by element, because g++ 14 omits parts of xtensor's assignment from the module.
    owned_ = xt::xarray<T>::from_shape(shape_);
    std::transform(expression.template begin<xt::layout_type::row_major>(),
                   expression.template end<xt::layout_type::row_major>(), owned_.data(),
                   [](auto value) { return static_cast<T>(value); });
    data_ = owned_.data();
  }

  /// An array in memory of the caller. \param data  `size_of(shape)` numbers, row by row
  ArrayRef(const T* data, Shape shape) : data_(data), shape_(std::move(shape)) {}

  ArrayRef(const ArrayRef&) = delete;
  ArrayRef& operator=(const ArrayRef&) = delete;

  const T* data() const { return data_; }
  std::span<const T> values() const { return {data_, size()}; }
  const Shape& shape() const { return shape_; }
  std::size_t dimension() const { return shape_.size(); }
  std::size_t size() const { return size_of(shape_); }

  /// An owning copy, optionally converted to another scalar.
  template <class U = T>
  xt::xarray<U> copy() const {
    auto result = xt::xarray<U>::from_shape(shape_);
    std::ranges::transform(values(), result.data(), [](T value) { return static_cast<U>(value); });
    return result;
  }

 private:
  template <class Strides>
  bool is_row_major(const Strides& strides) const {
    std::ptrdiff_t expected = 1;
    for (std::size_t axis = shape_.size(); axis-- > 0;) {
      if (shape_[axis] != 1 && static_cast<std::ptrdiff_t>(strides[axis]) != expected) return false;
      expected *= static_cast<std::ptrdiff_t>(shape_[axis]);
    }
    return true;
  }

  xt::xarray<T> owned_;
  const T* data_ = nullptr;
  Shape shape_;
};

/// A non-owning view of a row-major matrix with a constant stride between rows.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = cols;  ///< between rows, in entries

  T& operator()(std::size_t i, std::size_t j) const { return data[i * stride + j]; }
  std::span<T> row(std::size_t i) const { return {data + i * stride, cols}; }
};

/// Every `step`-th row of a matrix, from row `first` on.
template <class T>
MatrixView<T> every(std::size_t step, std::size_t first, MatrixView<T> matrix) {
  return {matrix.data + first * matrix.stride, first < matrix.rows ? (matrix.rows - first - 1) / step + 1 : 0,
          matrix.cols, matrix.stride * step};
}

/// A read-only view of the matrix.
template <class T>
MatrixView<const T> readable(MatrixView<T> matrix) {
  return {matrix.data, matrix.rows, matrix.cols, matrix.stride};
}

/// A view of a `(*loop_shape, n)` array as rows of length n, one for each index of the loop shape.
template <class T>
struct LoopRows {
  Shape loop_shape;
  MatrixView<const T> matrix;
};

/// Splits a `(*loop_shape, *inner_shape)` array into rows of length `size_of(inner_shape)`, without a copy.
/// \param name  of the array in messages
/// \throws InvalidArgument  the trailing axes of the array are not `inner_shape`
template <class T>
LoopRows<T> split_loop(const ArrayRef<T>& array, const Shape& inner_shape, std::string_view name) {
  const Shape& shape = array.shape();
  const bool fits = shape.size() >= inner_shape.size() &&
                    std::equal(inner_shape.begin(), inner_shape.end(), shape.end() - std::ssize(inner_shape));
  if (!fits) {
    throw InvalidArgument(
        message(name, ": expected a shape ending in ", shape_text(inner_shape), ", got ", shape_text(shape)));
  }
  Shape loop_shape(shape.begin(), shape.end() - std::ssize(inner_shape));
  const std::size_t rows = size_of(loop_shape);
  return {std::move(loop_shape), {array.data(), rows, size_of(inner_shape)}};
}

/// A view of a row-major array as a `(rows, cols)` matrix.
template <class T>
MatrixView<T> as_matrix(xt::xarray<T>& array, std::size_t rows, std::size_t cols) {
  return {array.data(), rows, cols};
}

/// The read-only version.
template <class T>
MatrixView<const T> as_matrix(const xt::xarray<T>& array, std::size_t rows, std::size_t cols) {
  return {array.data(), rows, cols};
}

/// A view of a 2-D array as a matrix.
template <class T>
MatrixView<T> as_matrix(xt::xarray<T>& array) {
  return {array.data(), array.shape(0), array.shape(1)};
}

/// The read-only version.
template <class T>
MatrixView<const T> as_matrix(const xt::xarray<T>& array) {
  return {array.data(), array.shape(0), array.shape(1)};
}

}  // namespace fieldfold
