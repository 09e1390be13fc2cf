#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "support/failing.hpp"
#include "support/fold_file.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.files.map;
import fieldfold.pod.svd;
import fieldfold.rbf.kernel;

#include "support/data/maps.hpp"

namespace {

using fieldfold::BasicSVD;
using fieldfold::SVD;

template <class T>
void check_outline(const Files& files, const BasicSVD<T>& svd) {
  fieldfold::save(files.path, svd);
  const auto any = fieldfold::load_outline(files.path);
  const auto* const outline = std::get_if<fieldfold::BasicMapOutline<T>>(&any);
  BOOST_TEST_REQUIRE((outline != nullptr && outline->map));
  BOOST_TEST((outline->grid.fields == svd.fields()));
  BOOST_TEST(outline->grid.coords.has_value() == svd.has_coords());
  if (svd.has_coords())
    BOOST_TEST((outline->grid.coords->shape(0) == 0 && outline->grid.coords->shape(1) == svd.dim()));
  BOOST_TEST((outline->options.rule.rank == svd.options().rule.rank));
  BOOST_TEST(outline->options.field_opts.point_weights.has_value() ==
             svd.options().field_opts.point_weights.has_value());
  BOOST_TEST(outline->dof == svd.dof());
  BOOST_TEST(outline->num_masked == (svd.map().space ? svd.map().space->num_masked() : 0));
  const auto& map = *outline->map;
  BOOST_TEST((map.projection_matrix.shape(0) == 0 && map.projection_matrix.shape(1) == svd.rank()));
  BOOST_TEST((map.singular_values == svd.singular_values()));
  BOOST_TEST((map.latent_ranges == svd.map().latent_ranges));
  BOOST_TEST((map.errors->snapshot_fields == svd.errors().snapshot_fields));
  BOOST_TEST((map.num_dropped == svd.num_dropped() && map.num_filled == svd.map().num_filled));
  BOOST_TEST((map.latent_covariance == svd.map().latent_covariance));

  const fieldfold::BasisRows<T> basis(files.path);
  BOOST_TEST_REQUIRE((basis.rows() == svd.dof() && basis.cols() == svd.rank()));
  std::filesystem::remove(files.path);
  std::vector<T> buffer;
  for (const std::size_t first : {std::size_t{0}, svd.dof() - 3})
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t mode = 0; mode < svd.rank(); ++mode)
        BOOST_TEST(basis.read(first, 3, buffer)(i, mode) == svd.projection_matrix()(first + i, mode));
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(outlines_and_rows_of_the_basis_are_those_of_the_map, Files) {
  check_outline(*this, learned<double>());
  check_outline(*this, learned<float>());
  check_outline(*this, learned_in_space<double>({}));
  check_outline(*this, learned_in_space<float>(small_mass()));
}

BOOST_FIXTURE_TEST_CASE(outlines_name_the_kind_of_the_mass_matrix, Files) {
  const auto kind = [&](const SVD& svd) {
    fieldfold::save(path, svd);
    return std::get<0>(fieldfold::load_outline(path)).mass_matrix;
  };
  BOOST_TEST(kind(learned_in_space<double>({})) == "none");
  BOOST_TEST(kind(learned_in_space<double>(small_mass())) == "sparse");
  const fieldfold::MassMatrix function(9, [](std::span<const double> x, std::span<double> y) {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = 2.0 * x[i];
  });
  BOOST_TEST(kind(learned_in_space<double>(function)) == "function");
}

BOOST_FIXTURE_TEST_CASE(outlines_do_not_read_the_numbers_of_points, Files) {
  // NaN in place of the basis, which `load` would refuse.
  const auto svd = learned<double>();
  fieldfold::save(path, svd);
  std::string bytes = content();
  const auto& u = svd.projection_matrix();
  const std::size_t place = bytes.find(std::string(reinterpret_cast<const char*>(u.data()), u.size() * sizeof(double)));
  BOOST_TEST_REQUIRE(place != std::string::npos);
  std::memset(bytes.data() + place, 0xff, u.size() * sizeof(double));
  write(bytes);
  BOOST_TEST(std::get<0>(fieldfold::load_outline(path)).dof == 12U);
  BOOST_TEST(fails([&] { fieldfold::load(path); }, "the checksum does not match"));
  // Lengths that do not fit the file are found without the checksum.
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write(bytes.substr(0, length));
    BOOST_CHECK_THROW(fieldfold::load_outline(path), fieldfold::FileError);
  }
}

BOOST_FIXTURE_TEST_CASE(other_files_have_no_rows_of_a_basis, Files) {
  fieldfold::save(path, SVD({.fields = {"ux"}}));
  BOOST_TEST((!std::get<0>(fieldfold::load_outline(path)).map));
  BOOST_TEST(fails([&] { fieldfold::BasisRows<double> rows(path); }, "it has no map"));
  fieldfold::save(path, learned<float>());
  BOOST_TEST(fails([&] { fieldfold::BasisRows<double> rows(path); }, "its numbers have 4 bytes; expected 8"));
  BOOST_TEST(fails([&] { fieldfold::load_outline(folder.path / "none.fold"); }, "cannot be read"));
  write("this is a text file and longer than the shortest map could be");
  BOOST_TEST(fails([&] { fieldfold::load_outline(path); }, "it is not a fieldfold file"));
}
