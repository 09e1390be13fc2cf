#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/error_of.hpp"
#include "support/temporary_folder.hpp"

import fieldfold.base.arrays;
import fieldfold.base.npy;
import fieldfold.rows.npy;
import fieldfold.rows.source;
import fieldfold.rows.stored;

#include "support/data/waves.hpp"

namespace {

/// Saves an array in Fortran order, which the library itself never writes.
void save_fortran(const std::filesystem::path& path, const xt::xarray<double>& array) {
  const xt::xarray<double> columns = xt::transpose(array);
  const auto shape = [](const xt::xarray<double>& any) {
    return fieldfold::shape_text({any.shape().begin(), any.shape().end()});
  };
  fieldfold::save_npy(path, columns);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  std::string head(128, ' ');
  file.read(head.data(), 128);
  head.replace(head.find("False"), 5, "True ");
  head.replace(head.find(shape(columns)), shape(columns).size(), shape(array));
  file.seekp(0);
  file << head;
}

struct NpyField {
  const char* name;
  std::filesystem::path path;
  std::size_t components = 1;
};

fieldfold::StoredFieldRows field_rows(const std::vector<NpyField>& files, std::size_t grid_axes = 1) {
  std::vector<fieldfold::StoredField> fields;
  for (const auto& [name, path, components] : files)
    fields.push_back({name, std::make_shared<fieldfold::NpyArray>(path), components});
  return fieldfold::StoredFieldRows(std::move(fields), grid_axes);
}

template <class T>
void check_rows(const fieldfold::RowSource<T>& source, const xt::xarray<double>& expected) {
  BOOST_TEST_REQUIRE((source.rows() == expected.shape(0) && source.cols() == expected.shape(1)));
  std::vector<T> buffer;
  for (const auto& [first, count] :
       {std::pair<std::size_t, std::size_t>{0, expected.shape(0)}, {3, 5}, {7, 1}, {2, 0}}) {
    const auto rows = source.read(first, count, buffer);
    BOOST_TEST_REQUIRE(rows.rows == count);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < rows.cols; ++j) BOOST_TEST(rows(i, j) == static_cast<T>(expected(first + i, j)));
  }
  for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, expected.shape(1)}, {1, 2}}) {
    const auto columns = source.read_columns(first, count, buffer);
    BOOST_TEST_REQUIRE((columns.rows == count && columns.cols == expected.shape(0)));
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < columns.cols; ++i)
        BOOST_TEST(columns(j, i) == static_cast<T>(expected(i, first + j)));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_of_a_matrix_are_read_from_every_layout_and_precision) {
  const TemporaryFolder folder;
  const auto matrix = waves(23, 6);
  const auto path = folder.path / "a.npy";
  fieldfold::save_npy(path, matrix);
  check_rows(fieldfold::NpyRows<double>(path), matrix);
  check_rows(fieldfold::NpyRows<float>(path), matrix);
  save_fortran(path, matrix);
  check_rows(fieldfold::NpyRows<double>(path), matrix);
  fieldfold::save_npy(path, xt::xarray<float>(xt::cast<float>(matrix)));
  check_rows(fieldfold::NpyRows<double>(path), xt::xarray<double>(xt::cast<float>(matrix)));
}

BOOST_AUTO_TEST_CASE(fields_are_interleaved_from_every_layout) {
  const TemporaryFolder folder;
  const auto ux = waves(4, 9);
  const xt::xarray<double> uy = 2.0 + waves(4, 9);
  auto expected = xt::xarray<double>::from_shape({18, 4});
  for (std::size_t p = 0; p < 9; ++p)
    for (std::size_t j = 0; j < 4; ++j) {
      expected(2 * p, j) = ux(j, p);
      expected(2 * p + 1, j) = uy(j, p);
    }
  fieldfold::save_npy(folder.path / "ux.npy", ux);
  save_fortran(folder.path / "uy.npy", uy);
  const auto rows = field_rows({{"ux", folder.path / "ux.npy"}, {"uy", folder.path / "uy.npy"}});
  check_rows(rows, expected);
  // Two loop axes are flattened to one axis of samples.
  xt::xarray<double> looped = ux;
  looped.reshape({2, 2, 9});
  fieldfold::save_npy(folder.path / "ux.npy", looped);
  check_rows(field_rows({{"ux", folder.path / "ux.npy"}}), xt::xarray<double>(xt::transpose(ux)));
  save_fortran(folder.path / "ux.npy", looped);
  check_rows(field_rows({{"ux", folder.path / "ux.npy"}}), xt::xarray<double>(xt::transpose(ux)));
}

BOOST_AUTO_TEST_CASE(grids_of_several_axes_and_vector_fields_are_read_from_both_orders) {
  // Entry (time, i, j, component) is 1000 time + 100 i + 10 j + component.
  const TemporaryFolder folder;
  auto velocity = xt::xarray<double>::from_shape({std::size_t{4}, std::size_t{2}, std::size_t{3}, std::size_t{2}});
  auto pressure = xt::xarray<double>::from_shape({std::size_t{4}, std::size_t{2}, std::size_t{3}});
  auto expected = xt::xarray<double>::from_shape({std::size_t{18}, std::size_t{4}});
  for (std::size_t t = 0; t < 4; ++t)
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        const auto value = static_cast<double>(1000 * t + 100 * i + 10 * j);
        const std::size_t row = 3 * (3 * i + j);
        velocity(t, i, j, 0) = expected(row, t) = value;
        velocity(t, i, j, 1) = expected(row + 1, t) = value + 1.0;
        pressure(t, i, j) = expected(row + 2, t) = -value;
      }
  const auto path = [&](const char* name) { return folder.path / name; };
  const auto rows = [&] { return field_rows({{"U", path("U.npy"), 2}, {"p", path("p.npy")}}, 2); };
  for (const bool fortran : {false, true}) {
    if (fortran) {
      save_fortran(path("U.npy"), velocity);
      save_fortran(path("p.npy"), pressure);
    } else {
      fieldfold::save_npy(path("U.npy"), velocity);
      fieldfold::save_npy(path("p.npy"), pressure);
    }
    check_rows(rows(), expected);
    BOOST_TEST(rows().grid_shape() == (fieldfold::Shape{2, 3}));
  }
  BOOST_TEST(error_of([&] { field_rows({{"U", path("U.npy"), 3}}, 2); }) ==
             "field U: expected 3 components on the last axis, got the shape (4, 2, 3, 2)");
}

BOOST_AUTO_TEST_CASE(errors_name_the_file_or_field_that_does_not_fit) {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return folder.path / name; };
  fieldfold::save_npy(path("flat.npy"), xt::xarray<double>(xt::ones<double>({4})));
  fieldfold::save_npy(path("a.npy"), waves(4, 9));
  fieldfold::save_npy(path("b.npy"), waves(4, 8));
  BOOST_TEST(error_of([&] {
               fieldfold::NpyRows<double>(path("flat.npy"));
             }).ends_with("flat.npy: expected snapshots of the shape (dof, num_samples), got (4,)"));
  BOOST_TEST(error_of([&] { field_rows({{"ux", path("a.npy")}, {"uy", path("b.npy")}}); }) ==
             "field uy: expected the shape (4, 9) of the field ux, got (4, 8)");
  const fieldfold::NpyRows<double> rows(path("a.npy"));
  std::filesystem::resize_file(path("a.npy"), 200);
  std::vector<double> buffer;
  BOOST_TEST(
      error_of([&] { rows.read(0, 4, buffer); }).ends_with("a.npy: reading failed: the file has been truncated"));
}
