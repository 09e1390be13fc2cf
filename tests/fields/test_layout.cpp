#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "support/error_of.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.layout;

namespace {

using fieldfold::as_matrix;
using fieldfold::FieldLayout;

constexpr FieldLayout three{3};

// Two states of three fields on two points, by hand: the digits of an entry are its sample (1 or 2), point and field.
template <class T>
xt::xarray<T> states() {
  return {{T(100), T(101), T(102), T(110), T(111), T(112)}, {T(200), T(201), T(202), T(210), T(211), T(212)}};
}

/// The same as columns over the points: all fields of a sample are adjacent.
xt::xarray<double> columns() {
  return {{100.0, 101.0, 102.0, 200.0, 201.0, 202.0}, {110.0, 111.0, 112.0, 210.0, 211.0, 212.0}};
}

/// Field 1 alone, `(samples, points)`.
template <class T>
xt::xarray<T> middle() {
  return {{T(101), T(111)}, {T(201), T(211)}};
}

template <class T>
void check_functions() {
  const auto given = states<T>();
  xt::xarray<T> values = xt::zeros<T>({2, 2});
  fieldfold::extract_field(as_matrix(given), three, 1, as_matrix(values));
  BOOST_TEST((values == middle<T>()));

  // Other fields are unchanged.
  xt::xarray<T> changed = given;
  const xt::xarray<T> fresh{{T(1), T(2)}, {T(3), T(4)}};
  fieldfold::insert_field(as_matrix(fresh), three, 2, as_matrix(changed));
  BOOST_TEST((changed == xt::xarray<T>{{T(100), T(101), T(1), T(110), T(111), T(2)},
                                       {T(200), T(201), T(3), T(210), T(211), T(4)}}));

  xt::xarray<double> of_points = xt::zeros<double>({2, 6});
  fieldfold::columns_of_states(as_matrix(given), three, as_matrix(of_points));
  BOOST_TEST((of_points == columns()));

  xt::xarray<T> restored = xt::zeros<T>({2, 6});
  fieldfold::states_of_columns(as_matrix(std::as_const(of_points)), three, as_matrix(restored));
  BOOST_TEST((restored == given));

  xt::xarray<double> of_one = xt::zeros<double>({2, 6});
  fieldfold::columns_of_field(as_matrix(std::as_const(values)), three, 1, as_matrix(of_one));
  BOOST_TEST((of_one == xt::xarray<double>{{0.0, 101.0, 0.0, 0.0, 201.0, 0.0}, {0.0, 111.0, 0.0, 0.0, 211.0, 0.0}}));

  xt::xarray<T> one = xt::zeros<T>({2, 2});
  fieldfold::field_of_columns(as_matrix(std::as_const(of_points)), three, 1, as_matrix(one));
  BOOST_TEST((one == middle<T>()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(fields_of_a_point_are_adjacent) {
  static_assert(three.index(0, 0) == 0 && three.index(0, 2) == 2 && three.index(4, 1) == 13);
  static_assert(three.point(13) == 4 && three.field(13) == 1);
  static_assert(FieldLayout{}.index(7, 0) == 7 && FieldLayout{}.point(7) == 7 && FieldLayout{}.field(7) == 0);
  for (std::size_t i = 0; i < 30; ++i) BOOST_TEST(three.index(three.point(i), three.field(i)) == i);
}

BOOST_AUTO_TEST_CASE(fields_and_columns_follow_the_layout) {
  check_functions<double>();
  check_functions<float>();
}

BOOST_AUTO_TEST_CASE(a_single_field_equals_the_states) {
  const auto given = states<double>();
  xt::xarray<double> values = xt::zeros<double>({2, 6});
  fieldfold::extract_field(as_matrix(given), FieldLayout{1}, 0, as_matrix(values));
  BOOST_TEST((values == given));
  xt::xarray<double> transposed = xt::zeros<double>({6, 2});
  fieldfold::columns_of_states(as_matrix(given), FieldLayout{1}, as_matrix(transposed));
  BOOST_TEST((transposed == xt::xarray<double>(xt::transpose(given))));
}

BOOST_AUTO_TEST_CASE(rows_may_have_a_stride) {
  // Every second state.
  const xt::xarray<double> four{{0.0, 1.0, 2.0, 3.0}, {10.0, 11.0, 12.0, 13.0}, {20.0, 21.0, 22.0, 23.0}};
  xt::xarray<double> values = xt::zeros<double>({2, 2});
  fieldfold::extract_field(fieldfold::every(2, 0, as_matrix(four)), FieldLayout{2}, 1, as_matrix(values));
  BOOST_TEST((values == xt::xarray<double>{{1.0, 3.0}, {21.0, 23.0}}));
}

BOOST_AUTO_TEST_CASE(field_names_are_printable_utf_8) {
  fieldfold::expect_field_names({"T", "U_x", "Geschwindigkeit / (m/s)", "\xce\xb8", "\xf0\x9f\x8c\x8a"});
  using namespace std::string_literals;
  // A null, an escape, a line break, a C1 control character, and bytes that are not UTF-8: a lone continuation, an
  // overlong null, a surrogate, and a truncated sequence.
  for (const auto& [name, shown] : std::vector<std::pair<std::string, std::string>>{{"a\0b"s, "a\\x00b"},
                                                                                    {"\x1b[31m", "\\x1b[31m"},
                                                                                    {"a\nb", "a\\x0ab"},
                                                                                    {"\xc2\x85", "\\xc2\\x85"},
                                                                                    {"\x80", "\\x80"},
                                                                                    {"\xc0\x80", "\\xc0\\x80"},
                                                                                    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                                                                    {"\xe2\x82", "\\xe2\\x82"}}) {
    BOOST_TEST(fieldfold::escaped_name(name) == shown);
    BOOST_TEST(error_of([&] { fieldfold::expect_field_names({"T", name}); }).ends_with("got " + shown));
  }
  BOOST_TEST(error_of([] { fieldfold::expect_field_names({"T", ""}); }) == "fields: expected names, got an empty one");
}

BOOST_AUTO_TEST_CASE(components_of_a_vector_field_are_fields) {
  // Entry (sample, point, component) is 100 sample + 10 point + component.
  auto values = xt::xarray<double>::from_shape({std::size_t{2}, std::size_t{3}, std::size_t{4}});
  for (std::size_t i = 0; i < values.size(); ++i)
    values.data()[i] = static_cast<double>(100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
  const auto fields = fieldfold::component_fields<double>("U", values);
  BOOST_TEST(fields.size() == 4U);
  BOOST_TEST((fields.at("U_2") == xt::xarray<double>{{2, 12, 22}, {102, 112, 122}}));
  BOOST_TEST(fieldfold::component_name("U", 1, 3) == "U_y");
  BOOST_CHECK_THROW(fieldfold::component_fields<double>("U", xt::xarray<double>{1.0, 2.0}), fieldfold::InvalidArgument);
}
