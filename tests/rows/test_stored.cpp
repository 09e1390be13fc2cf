#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.rows.source;
import fieldfold.rows.stored;

#include "support/data/waves.hpp"

namespace {

using fieldfold::Shape;

/// An array in memory that is read by boxes, as a file of another library.
class Boxes final : public fieldfold::BoxedArray {
 public:
  explicit Boxes(xt::xarray<double> array)
      : BoxedArray(Shape(array.shape().begin(), array.shape().end())), array_(std::move(array)) {}
  void read_box(const Shape& first, const Shape& count, double* numbers) const override {
    for (std::size_t i = 0; i < fieldfold::size_of(count); ++i) {
      std::size_t rest = i;
      std::size_t place = 0;
      std::size_t stride = 1;
      for (std::size_t axis = count.size(); axis-- > 0;) {
        place += (first[axis] + rest % count[axis]) * stride;
        rest /= count[axis];
        stride *= shape()[axis];
      }
      numbers[i] = array_.data()[place];
    }
  }

 private:
  xt::xarray<double> array_;
};

/// Entry i of an array is i.
xt::xarray<double> counted(const Shape& shape) {
  auto array = xt::xarray<double>::from_shape(shape);
  for (std::size_t i = 0; i < array.size(); ++i) array.data()[i] = static_cast<double>(i);
  return array;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_part_of_an_array_is_read_by_boxes_and_in_sequence) {
  const Shape shape{2, 3, 4, 2};
  const auto array = counted(shape);
  const Boxes boxes(array);
  const fieldfold::MemoryArray memory(array);
  for (std::size_t loop_axes = 0; loop_axes <= 4; ++loop_axes) {
    std::size_t rows = 1;
    for (std::size_t axis = 0; axis < loop_axes; ++axis) rows *= shape[axis];
    const std::size_t cols = array.size() / rows;
    for (std::size_t first_row = 0; first_row < rows; ++first_row)
      for (std::size_t first_col = 0; first_col < cols; ++first_col)
        for (std::size_t num_rows = 1; first_row + num_rows <= rows; ++num_rows)
          for (std::size_t num_cols = 1; first_col + num_cols <= cols; ++num_cols) {
            const fieldfold::ArrayPart part{loop_axes, first_row, num_rows, first_col, num_cols};
            std::vector<double> by_boxes(num_rows * num_cols);
            std::vector<double> in_sequence = by_boxes;
            std::vector<double> transposed = by_boxes;
            boxes.read(part, by_boxes.data());
            memory.read(part, in_sequence.data());
            boxes.read_transposed(part, {transposed.data(), num_cols, num_rows});
            bool is_right = true;
            for (std::size_t i = 0; i < num_rows; ++i)
              for (std::size_t j = 0; j < num_cols; ++j) {
                const auto expected = static_cast<double>((first_row + i) * cols + first_col + j);
                is_right = is_right && by_boxes[i * num_cols + j] == expected &&
                           in_sequence[i * num_cols + j] == expected && transposed[j * num_rows + i] == expected;
              }
            BOOST_REQUIRE(is_right);
          }
  }
}

BOOST_AUTO_TEST_CASE(shapes_whose_numbers_cannot_be_counted_are_refused) {
  fieldfold::expect_countable({1000, 1000, 1000}, "a");
  // The second product is 2^64 + 1.
  for (const Shape& shape :
       {Shape{std::size_t{1} << 32, std::size_t{1} << 32}, Shape{274177, 67280421310721}, Shape{0, ~std::size_t{0}}})
    BOOST_TEST(error_of([&] {
                 fieldfold::expect_countable(shape, "a.h5:/u");
               }).starts_with("a.h5:/u: expected fewer numbers, got the shape ("));
}

BOOST_AUTO_TEST_CASE(scratch_arrays_give_back_what_was_appended_in_memory_and_on_disk) {
  // The second array exceeds the 2^23 numbers that stay in memory.
  for (const std::size_t length : {std::size_t{1000}, (std::size_t{1} << 23) + 7}) {
    fieldfold::ScratchArray array({length});
    std::vector<double> part(length / 2);
    for (std::size_t i = 0; i < part.size(); ++i) part[i] = static_cast<double>(i);
    array.append(part);
    part.assign(length - length / 2, -1.0);
    array.append(part);
    std::vector<double> read(4);
    array.read_numbers(length / 2 - 2, 4, read.data());
    const auto half = static_cast<double>(length / 2);
    BOOST_TEST(read == (std::vector<double>{half - 2.0, half - 1.0, -1.0, -1.0}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(matrices_and_fields_are_rows_of_snapshots) {
  const auto matrix = waves(7, 5);
  const fieldfold::StoredMatrixRows rows(std::make_shared<Boxes>(matrix), "a.h5");
  std::vector<double> buffer;
  const auto block = rows.read(2, 3, buffer);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 5; ++j) BOOST_TEST(block(i, j) == matrix(2 + i, j));
  const auto columns = rows.read_columns(1, 2, buffer);
  for (std::size_t j = 0; j < 2; ++j)
    for (std::size_t i = 0; i < 7; ++i) BOOST_TEST(columns(j, i) == matrix(i, 1 + j));

  // Samples (2, 3) of a vector field and a scalar on a grid (2, 2); entry k of an array is k, and -k for the scalar.
  const auto vectors = std::make_shared<fieldfold::MemoryArray>(counted({2, 3, 2, 2, 2}));
  const auto scalars = std::make_shared<fieldfold::MemoryArray>(xt::xarray<double>(-1.0 * counted({2, 3, 2, 2})));
  const fieldfold::StoredFieldRows fields({{"U", vectors, 2}, {"p", scalars}}, 2);
  BOOST_TEST((fields.loop_shape() == Shape{2, 3} && fields.grid_shape() == Shape{2, 2}));
  BOOST_TEST_REQUIRE((fields.rows() == 12 && fields.cols() == 6));
  const auto all = fields.read(0, 12, buffer);
  std::vector<double> other;
  const auto states = fields.read_columns(0, 6, other);
  for (std::size_t sample = 0; sample < 6; ++sample)
    for (std::size_t p = 0; p < 4; ++p)
      for (std::size_t k = 0; k < 3; ++k) {
        const std::size_t number = sample * 4 + p;
        const double expected = k < 2 ? static_cast<double>(2 * number + k) : -static_cast<double>(number);
        BOOST_TEST(all(3 * p + k, sample) == expected);
        BOOST_TEST(states(sample, 3 * p + k) == expected);
      }
  BOOST_TEST(error_of([&] { fieldfold::StoredMatrixRows(scalars, "s.h5"); }) ==
             "s.h5: expected snapshots of the shape (dof, num_samples), got (2, 3, 2, 2)");
  BOOST_TEST(error_of([&] { fieldfold::StoredFieldRows({{"p", scalars}, {"U", vectors}}, 2); }) ==
             "field U: expected the shape (2, 3, 2, 2) of the field p, got (2, 3, 2, 2, 2); a vector field needs the "
             "number of components on its last axis");
}
