#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/error_of.hpp"
#include "support/temporary_folder.hpp"

import fieldfold;
import fieldfold.formats;

#include "support/data/waves.hpp"

namespace {

/// Makes a folder the current one for a while.
class InFolder {
 public:
  InFolder() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_.path); }
  InFolder(const InFolder&) = delete;
  InFolder& operator=(const InFolder&) = delete;
  ~InFolder() { std::filesystem::current_path(before_); }

 private:
  TemporaryFolder folder_;
  std::filesystem::path before_;
};

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

std::vector<std::string> names_of(const fieldfold::Dataset& dataset) {
  std::vector<std::string> names;
  for (const auto& variable : dataset.variables())
    if (variable.is_field) names.push_back(variable.name);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_in_names_are_ordered_by_value) {
  std::vector<std::string> names{"run_10", "run_9", "run_09b", "run", "run_9a", "run_2", "Run_1"};
  std::ranges::sort(names, fieldfold::natural_less);
  BOOST_TEST(names == (std::vector<std::string>{"Run_1", "run", "run_2", "run_9", "run_9a", "run_09b", "run_10"}),
             boost::test_tools::per_element());
  // A strict order, also for names that differ by zeros alone.
  BOOST_TEST(fieldfold::natural_less("a01", "a1") != fieldfold::natural_less("a1", "a01"));
  BOOST_TEST(!fieldfold::natural_less("a1", "a1"));
}

BOOST_AUTO_TEST_CASE(an_address_is_a_file_a_series_or_a_name_in_them) {
  const InFolder here;
  for (const char* path : {"a.csv", "a:b.csv", "s_10.csv", "s_9.csv"}) write(path, "p\n1\n");
  auto address = fieldfold::address_of("a.csv:p");
  BOOST_TEST((address.paths.size() == 1 && address.paths[0] == "a.csv" && address.name == "p" && !address.is_series));
  address = fieldfold::address_of("a:b.csv");
  BOOST_TEST((address.paths[0] == "a:b.csv" && address.name.empty()));
  address = fieldfold::address_of("a:b.csv:q/r:s");
  BOOST_TEST((address.paths[0] == "a:b.csv" && address.name == "q/r:s"));
  address = fieldfold::address_of("s_*.csv:p");
  BOOST_TEST((address.is_series && address.name == "p" && address.paths.size() == 2 && address.paths[0] == "s_9.csv"));
  BOOST_TEST(error_of([] { fieldfold::address_of("b.csv"); }).ends_with("; the nearest is a.csv"));
  BOOST_TEST(error_of([] { fieldfold::address_of("t_*.csv:p"); }) == "t_*.csv: no file matches this pattern");
  // A folder is the series of its files, if they have one format.
  address = fieldfold::address_of(".");
  BOOST_TEST((address.is_series && address.paths.size() == 4));
  write("b.txt", "p\n1\n");
  BOOST_TEST(error_of([] { fieldfold::address_of("."); }).find("expected files of one format, got .csv, .txt") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(tables_have_columns_vectors_and_points) {
  const InFolder here;
  write("a.csv", "\"Points:0\",\"Points:1\",p,\"U:0\",\"U:1\",\"T, mean\"\r\n0,1,2.5,-1e-3,4,\r\n5,6,nan,+7,8,9\r\n");
  const auto dataset = fieldfold::open_dataset(fieldfold::address_of("a.csv"));
  BOOST_TEST(names_of(*dataset) == (std::vector<std::string>{"p", "U", "T, mean"}), boost::test_tools::per_element());
  const auto velocity = fieldfold::load_array("a.csv:U");
  BOOST_TEST((velocity == xt::xarray<double>{{-1e-3, 4.0}, {7.0, 8.0}}));
  BOOST_TEST(std::isnan(fieldfold::load_array("a.csv:p")(1)));
  BOOST_TEST(std::isnan(fieldfold::load_array("a.csv:T, mean")(0)));
  BOOST_TEST((*dataset->grid("p").coords == xt::xarray<double>{{0.0, 1.0}, {5.0, 6.0}}));
  // Semicolons, tabs and spaces; without a header the table is one array.
  for (const char* text : {"1;2\n3;4\n", "1\t2\n3\t4\n", "  1  2 \n3 4\n"}) {
    write("b.txt", text);
    BOOST_TEST((fieldfold::load_array("b.txt") == xt::xarray<double>{{1.0, 2.0}, {3.0, 4.0}}), text);
  }
  write("c.csv", "p,q\n1,2\n3\n");
  BOOST_TEST(error_of([] { fieldfold::load_array("c.csv"); }) ==
             "c.csv: expected 2 cells as in the first row, got 1 in line 3");
  write("c.csv", "p,q\n1,two\n");
  BOOST_TEST(error_of([] { fieldfold::load_array("c.csv"); }) ==
             "c.csv: expected numbers in the column q, got in line 2: 'two'");
  BOOST_TEST((fieldfold::load_array("c.csv:p") == xt::xarray<double>{1.0}));
  // A table as ParaView exports it.
  write("d.csv",
        "Point ID,p,U_0,U_1,U_2,U_Magnitude,Points_0,Points_1,Points_2,Points_Magnitude\n0,1,2,3,4,5,6,7,8,9\n");
  const auto exported = fieldfold::open_dataset(fieldfold::address_of("d.csv"));
  BOOST_TEST(names_of(*exported) == (std::vector<std::string>{"p", "U"}), boost::test_tools::per_element());
  BOOST_TEST((*exported->grid("p").coords == xt::xarray<double>{{6.0, 7.0, 8.0}}));
  write("c.csv", "");
  BOOST_TEST(error_of([] { fieldfold::load_array("c.csv"); }) == "c.csv: is empty");
}

BOOST_AUTO_TEST_CASE(a_series_stacks_its_files_in_natural_order) {
  const InFolder here;
  for (int i = 8; i <= 11; ++i)
    write("s_" + std::to_string(i) + ".csv", "x,p\n0," + std::to_string(i) + "\n1," + std::to_string(-i) + "\n");
  BOOST_TEST((fieldfold::load_array("s_*.csv:p") ==
              xt::xarray<double>{{8.0, -8.0}, {9.0, -9.0}, {10.0, -10.0}, {11.0, -11.0}}));
  write("s_10.csv", "x,p\n0,1\n1,2\n2,3\n");
  BOOST_TEST(error_of([] { fieldfold::load_array("s_*.csv:p"); }) ==
             "s_10.csv: expected the shape (2,) of p in s_8.csv, got (3,)");
}

BOOST_AUTO_TEST_CASE(arrays_and_fields_are_read_as_they_were_written) {
  const InFolder here;
  const auto matrix = waves(7, 5);
  fieldfold::save_array<double>("m.npy", matrix, "m");
  fieldfold::save_array<double>("m.csv", matrix, "m");
  BOOST_TEST((fieldfold::load_array("m.npy") == matrix));
  BOOST_TEST((fieldfold::load_array("m.csv") == matrix));
  fieldfold::FieldSet set{.fields = {{"p", matrix, "Pa"}, {"q", xt::xarray<double>(2.0 * matrix), ""}},
                          .loop_axes = 1,
                          .grid = {.coords = waves(5, 2)}};
  for (const auto& format : fieldfold::formats()) {
    if (!format.is_built || !format.reads || !format.writes) continue;
    const std::string ending = format.endings.empty() ? "" : std::string(format.endings.front());
    if (ending == ".npy" || ending == ".csv") continue;
    const bool is_series = ending == ".vtu" || ending == ".vtk";
    fieldfold::write_fields("out" + ending, set);
    const std::string source = is_series ? "out_*" + ending : "out" + ending;
    BOOST_TEST((fieldfold::load_array(source + ":q") == set.fields[1].values), ending);
    const auto coords = *fieldfold::load_grid(source).coords;
    for (std::size_t p = 0; p < 5; ++p)
      for (std::size_t axis = 0; axis < 2; ++axis) BOOST_TEST(coords(p, axis) == (*set.grid.coords)(p, axis), ending);
  }
  set.fields[1].values = waves(7, 4);
  BOOST_TEST(error_of([&] { fieldfold::write_fields("x.npz", set); }) ==
             "field q: expected the shape (7, 5) of the field p, got (7, 4)");
  BOOST_TEST(error_of([&] { fieldfold::write_fields("x.docx", set); }).find("expected a folder") != std::string::npos);
  BOOST_TEST(!std::filesystem::exists("x.npz"));
}

BOOST_AUTO_TEST_CASE(an_array_without_a_name_is_the_only_one_or_that_of_the_field) {
  const InFolder here;
  write("a.csv", "p,q\n1,2\n");
  const auto address = fieldfold::address_of("a.csv");
  const auto dataset = fieldfold::open_dataset(address);
  BOOST_TEST(fieldfold::array_name(address, *dataset, "q") == "q");
  BOOST_TEST(fieldfold::array_name(address, *dataset).empty());  // the table
  BOOST_TEST(error_of([&] { dataset->array("r"); }).starts_with("r is not a field of the file; "));
}

BOOST_AUTO_TEST_CASE(several_cases_or_collections_are_no_series) {
  const InFolder here;
  for (const char* name : {"case_a", "case_b"}) std::filesystem::create_directories(std::string(name) + "/system");
  for (const char* name : {"case_a", "case_b"}) write(std::string(name) + "/system/controlDict", "");
  BOOST_TEST(error_of([] {
               fieldfold::open_dataset(fieldfold::address_of("case_*"));
             }).starts_with("case_*: expected a series of files, or one case or collection, got 2"));
  BOOST_TEST(fieldfold::address_of("case_a").paths.size() == 1);
}

BOOST_AUTO_TEST_CASE(vectors_are_joined_unless_their_name_is_taken) {
  const xt::xarray<double> one = xt::ones<double>({4});
  fieldfold::FieldSet set{.fields = {{"U_x", one}, {"U_y", one}, {"U_z", one}, {"p", one}}};
  BOOST_TEST(fieldfold::groups_of(set).size() == 2);
  set.fields.push_back({"U", one});
  BOOST_TEST(fieldfold::groups_of(set).size() == 5);
}

BOOST_AUTO_TEST_CASE(tables_with_two_separators_are_refused) {
  const InFolder here;
  write("a.csv", "1,5;2,5\n3,5;4,5\n");
  BOOST_TEST(error_of([] { fieldfold::load_array("a.csv"); }).find("decimal commas are not read") != std::string::npos);
  // The index that pandas writes has no name.
  write("b.csv", ",0,1\n0,2,3\n1,4,5\n");
  BOOST_TEST((fieldfold::load_array("b.csv") == xt::xarray<double>{{0.0, 2.0, 3.0}, {1.0, 4.0, 5.0}}));
  fieldfold::FieldSet set{.fields = {{"x", xt::xarray<double>{1.0, 2.0}}}};
  set.grid.coords = xt::xarray<double>{{0.0, 1.0}, {2.0, 3.0}};
  BOOST_TEST(error_of([&] { fieldfold::write_fields("c.csv", set); }) ==
             "field x: expected another name: this one is for the points");
}
