#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;

using fieldfold::ArrayRef;
using fieldfold::Shape;

namespace {

const double* data_of(const ArrayRef<double>& array) { return array.data(); }

std::vector<double> values_of(const ArrayRef<double>& array) { return {array.values().begin(), array.values().end()}; }

xt::xarray<double> counting(const Shape& shape) {
  auto array = xt::xarray<double>::from_shape(shape);
  double next = 0.0;
  for (double& value : array) value = next++;
  return array;
}

}  // namespace

BOOST_AUTO_TEST_CASE(contiguous_arrays_are_referenced_not_copied) {
  const auto array = counting({4, 3});
  BOOST_TEST(data_of(array) == array.data());
  BOOST_TEST(data_of(xt::view(array, 2)) == array.data() + 6);
  BOOST_TEST(data_of(xt::view(array, xt::range(1, 3))) == array.data() + 3);
  xt::xtensor<double, 2> fixed = array;
  BOOST_TEST(data_of(fixed) == fixed.data());
  std::vector<double> plain{1.0, 2.0};
  BOOST_TEST(data_of(xt::adapt(plain)) == plain.data());
}

BOOST_AUTO_TEST_CASE(other_expressions_are_evaluated_in_row_major_order) {
  const auto array = counting({2, 3});
  BOOST_TEST(values_of(xt::view(array, xt::all(), 1)) == (std::vector{1.0, 4.0}));
  BOOST_TEST(values_of(xt::transpose(array)) == (std::vector{0.0, 3.0, 1.0, 4.0, 2.0, 5.0}));
  BOOST_TEST(values_of(array + 1.0) == (std::vector{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}));
  const xt::xarray<int> integers{1, 2};
  BOOST_TEST(values_of(integers) == (std::vector{1.0, 2.0}));
  const xt::xarray<float> singles{1.5F, 2.5F};
  BOOST_TEST(values_of(singles) == (std::vector{1.5, 2.5}));
  const xt::xarray<double, xt::layout_type::column_major> columns = array;
  BOOST_TEST(values_of(columns) == (std::vector{0.0, 1.0, 2.0, 3.0, 4.0, 5.0}));
}

BOOST_AUTO_TEST_CASE(an_expression_is_evaluated_once) {
  int evaluations = 0;
  const auto array = counting({5});
  const auto counted = xt::make_lambda_xfunction(
      [&](double x) {
        ++evaluations;
        return 2.0 * x;
      },
      array);
  const ArrayRef<double> argument(counted);
  BOOST_TEST(argument.values()[4] == 8.0);
  BOOST_TEST(argument.values()[4] == 8.0);
  BOOST_TEST(evaluations == 5);
}

BOOST_AUTO_TEST_CASE(loop_shapes_are_kept) {
  const auto loop_shape_of = [](const Shape& shape, const Shape& inner) {
    return fieldfold::split_loop(ArrayRef<double>(xt::xarray<double>::from_shape(shape)), inner, "x").loop_shape;
  };
  BOOST_TEST(loop_shape_of({3}, {3}) == Shape{});
  BOOST_TEST(loop_shape_of({1, 3}, {3}) == Shape{1});
  BOOST_TEST(loop_shape_of({0, 3}, {3}) == Shape{0});
  BOOST_TEST(loop_shape_of({5, 2, 3}, {3}) == (Shape{5, 2}));
  BOOST_TEST(loop_shape_of({5, 2, 3}, {2, 3}) == Shape{5});
  BOOST_TEST(loop_shape_of({5, 2, 3}, {}) == (Shape{5, 2, 3}));
}

BOOST_AUTO_TEST_CASE(split_loop_returns_a_view_of_rows) {
  const auto array = counting({2, 2, 3});
  const auto [loop_shape, rows] = fieldfold::split_loop(ArrayRef<double>(array), {3}, "x");
  BOOST_TEST(rows.data == array.data());
  BOOST_TEST(rows.rows == 4U);
  BOOST_TEST(rows(3, 1) == 10.0);
}

BOOST_AUTO_TEST_CASE(mismatched_trailing_shapes_are_rejected) {
  const auto array = counting({2, 4});
  try {
    fieldfold::split_loop(ArrayRef<double>(array), {3}, "states");
    BOOST_TEST(false, "no error");
  } catch (const fieldfold::InvalidArgument& error) {
    BOOST_TEST(std::string(error.what()) == "states: expected a shape ending in (3,), got (2, 4)");
  }
  BOOST_CHECK_THROW(fieldfold::split_loop(ArrayRef<double>(counting({3})), {2, 3}, "x"), fieldfold::InvalidArgument);
}

BOOST_AUTO_TEST_CASE(shapes_are_formatted_as_in_numpy) {
  BOOST_TEST(fieldfold::shape_text({}) == "()");
  BOOST_TEST(fieldfold::shape_text({3}) == "(3,)");
  BOOST_TEST(fieldfold::shape_text({3, 4}) == "(3, 4)");
  BOOST_TEST(fieldfold::size_of({}) == 1U);
  BOOST_TEST(fieldfold::size_of({3, 0}) == 0U);
}
