#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/closeness.hpp"
#include "support/temporary_folder.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.npy;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

#include "support/program.hpp"

#include "cli/one_line.hpp"

BOOST_FIXTURE_TEST_CASE(reconstruct_inverts_compress_at_full_rank, Program) {
  succeed(fit_both + "--rank 8 -o map.fold");
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy");
  BOOST_TEST((load("latent.npy").shape() == std::vector<std::size_t>{8, 8}));
  succeed("reconstruct map.fold latent.npy -o out --states states.npy");
  // All eight modes are kept, so that the projection is exact.
  BOOST_TEST(relative_difference(load("out/ux.npy"), ux) < 1e-13);
  BOOST_TEST(relative_difference(load("out/uy.npy"), uy) < 1e-13);
  succeed("compress map.fold --states states.npy -o again.npy");
  BOOST_TEST(relative_difference(load("again.npy"), load("latent.npy")) < 1e-13);
}

BOOST_FIXTURE_TEST_CASE(fields_on_other_grids_are_interpolated, Program) {
  const xt::xarray<double> elsewhere = 0.9 * coords + 0.1;
  save("other.npy", elsewhere);
  succeed(fit_both + "--rank 8 --kernel cubic -o map.fold");
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy");
  succeed("reconstruct map.fold latent.npy --coords other.npy -o there");
  succeed("interpolate --field ux=ux.npy --field uy=uy.npy --coords xy.npy --to other.npy --kernel cubic -o direct");
  const fieldfold::RBFInterpolator rbf(coords, xt::transpose(ux), {.kernel = fieldfold::Kernel::cubic});
  const xt::xarray<double> expected = xt::transpose(rbf(elsewhere));
  BOOST_TEST(relative_difference(load("direct/ux.npy"), expected) < 1e-13);
  BOOST_TEST(relative_difference(load("there/ux.npy"), expected) < 1e-11);
  BOOST_TEST(relative_difference(load("there/uy.npy"), load("direct/uy.npy")) < 1e-11);
  succeed("compress map.fold --field ux=there/ux.npy --field uy=there/uy.npy --coords other.npy -o back.npy");
  BOOST_TEST((load("back.npy").shape() == std::vector<std::size_t>{8, 8}));
}

BOOST_FIXTURE_TEST_CASE(saved_operators_equal_direct_interpolation, Program) {
  const xt::xarray<double> elsewhere = 0.9 * coords + 0.1;
  save("other.npy", elsewhere);
  for (const std::string method : {"--neighbors 9", "--kernel cubic", "--interpolate-method inverse_distance",
                                   "--rbf-method partition_of_unity --cluster-size 12"}) {
    succeed("interpolate --coords xy.npy --to other.npy " + method + " --save-operator w.foldop");
    succeed("interpolate --operator w.foldop --field ux=ux.npy --field uy=uy.npy -o kept");
    succeed("interpolate --field ux=ux.npy --field uy=uy.npy --coords xy.npy --to other.npy " + method + " -o direct");
    for (const std::string name : {"ux.npy", "uy.npy"})
      BOOST_TEST(relative_difference(load("kept/" + name), load("direct/" + name)) < 1e-11);
  }
}

BOOST_FIXTURE_TEST_CASE(fitting_a_matrix_equals_fitting_its_fields, Program) {
  auto matrix = xt::xarray<double>::from_shape({50, 8});
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p) {
      matrix(2 * p, s) = ux(s, p);
      matrix(2 * p + 1, s) = uy(s, p);
    }
  save("matrix.npy", matrix);
  succeed(fit_both + "--reconstruction-tol 1e-3 -o a.fold");
  succeed("fit --data matrix.npy --fields ux,uy --coords xy.npy --reconstruction-tol 1e-3 -o b.fold");
  BOOST_TEST((text("a.fold") == text("b.fold")));
  succeed("fit --data matrix.npy -o plain.fold");
  BOOST_TEST(info("plain.fold")["dof"] == 50);
}

BOOST_FIXTURE_TEST_CASE(info_describes_the_map, Program) {
  succeed(fit_both + "--energy-tol 0.999 -o map.fold");
  const auto facts = info("map.fold");
  BOOST_TEST(facts["method"] == "svd");
  BOOST_TEST((facts["fields"] == std::vector<std::string>{"ux", "uy"}));
  BOOST_TEST((facts["dim"] == 2 && facts["num_pts"] == 25 && facts["num_qoi"] == 2 && facts["dof"] == 50));
  BOOST_TEST((facts["num_samples"] == 8 && facts["num_dropped"] == 0));
  const auto s = facts["singular_values"].get<std::vector<double>>();
  const auto rank = facts["rank"].get<std::size_t>();
  double kept = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    all += s[i] * s[i];
    if (i < rank) kept += s[i] * s[i];
  }
  BOOST_TEST(std::abs(facts["energy"].get<double>() - kept / all) < 1e-14);
  BOOST_TEST(facts["energy"].get<double>() >= 0.999);
  BOOST_TEST(facts["latent_ranges"].size() == rank);
  BOOST_TEST(run("info map.fold").output.find("num_pts                           25") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(info_reports_training_and_validation_errors, Program) {
  succeed(fit_both + "--rank 2 --validate 4 -o map.fold");
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy");
  succeed("reconstruct map.fold latent.npy -o again");
  const auto facts = info("map.fold");
  BOOST_TEST(facts["num_samples"] == 6);
  const auto errors = facts["snapshot_errors"].get<std::vector<double>>();
  const auto held_out = facts["validation_snapshot_errors"].get<std::vector<double>>();
  BOOST_TEST_REQUIRE((errors.size() == 6 && held_out.size() == 2));
  const auto ux_reconstructed = load("again/ux.npy");
  const auto uy_reconstructed = load("again/uy.npy");
  double field_error = 0.0;
  double field_square = 0.0;
  double largest = 0.0;
  for (std::size_t s = 0; s < 8; ++s) {
    double error = 0.0;
    double square = 0.0;
    for (std::size_t p = 0; p < 25; ++p) {
      error += std::pow(ux(s, p) - ux_reconstructed(s, p), 2) + std::pow(uy(s, p) - uy_reconstructed(s, p), 2);
      square += ux(s, p) * ux(s, p) + uy(s, p) * uy(s, p);
      if (s % 4 == 3) continue;
      field_error += std::pow(ux(s, p) - ux_reconstructed(s, p), 2);
      field_square += ux(s, p) * ux(s, p);
    }
    const double relative = std::sqrt(error / square);
    BOOST_TEST(std::abs((s % 4 == 3 ? held_out[s / 4] : errors[s - s / 4]) / relative - 1.0) < 1e-6);
    if (s % 4 == 3) largest = std::max(largest, relative);
  }
  BOOST_TEST(std::abs(facts["field_errors"][0].get<double>() / std::sqrt(field_error / field_square) - 1.0) < 1e-6);
  BOOST_TEST(std::abs(facts["validation_largest_snapshot_error"].get<double>() / largest - 1.0) < 1e-6);
}

BOOST_FIXTURE_TEST_CASE(an_interrupted_fit_leaves_no_file, Program) {
  // A sparse file of snapshots that take seconds to read.
  save("hole.npy", xt::zeros<double>({1000, 200}));
  std::string head = text("hole.npy").substr(0, 128);
  head.replace(head.find("(1000, 200), "), 13, "(4000000, 200), ");
  head.replace(head.find("   \n"), 4, "\n");
  std::ofstream(folder.path / "hole.npy", std::ios::binary) << head.substr(0, 127) << '\n';
  std::filesystem::resize_file(folder.path / "hole.npy", 128 + 4000000ULL * 200 * 8);
  const auto count_files = [&] {
    return std::distance(std::filesystem::directory_iterator(folder.path), std::filesystem::directory_iterator());
  };
  const auto before = count_files();
  const std::string command = "cd '" + folder.path.string() +
                              "' && timeout --preserve-status -s INT 0.5 " PROGRAM
                              " fit --data hole.npy -o x.fold 2>out";
  const int status = std::system(command.c_str());
  BOOST_TEST(WEXITSTATUS(status) == 130);
  BOOST_TEST(!has("x.fold"));
  BOOST_TEST(count_files() == before + 1);  // the file of standard error
}

BOOST_FIXTURE_TEST_CASE(single_precision_maps_give_single_precision_coefficients, Program) {
  succeed(fit_both + "--rank 3 --single -o map.fold");
  BOOST_TEST(info("map.fold")["precision"] == "single");
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy");
  BOOST_TEST(fieldfold::read_npy_header(folder.path / "latent.npy").scalar_size == 4U);
}

BOOST_FIXTURE_TEST_CASE(a_flat_coordinate_array_is_one_point_in_a_plane, Program) {
  save("point.npy", xt::xarray<double>{1.5, 2.5});
  succeed("interpolate --field ux=ux.npy --coords xy.npy --to point.npy -o at");
  BOOST_TEST((load("at/ux.npy").shape() == std::vector<std::size_t>{8, 1}));
}

BOOST_FIXTURE_TEST_CASE(options_may_precede_the_map, Program) {
  succeed(fit_both + "--rank 2 -o map.fold");
  succeed("compress --field ux=ux.npy --field uy=uy.npy map.fold -o latent.npy");
  BOOST_TEST(has("latent.npy"));
}

BOOST_FIXTURE_TEST_CASE(smoothing_may_be_given_for_each_point, Program) {
  save("smoothing.npy", xt::ones<double>({25}) * 0.5);
  succeed("interpolate --field ux=ux.npy --coords xy.npy --to xy.npy --smoothing smoothing.npy -o a");
  succeed("interpolate --field ux=ux.npy --coords xy.npy --to xy.npy --smoothing 0.5 -o b");
  BOOST_TEST((load("a/ux.npy") == load("b/ux.npy")));
  BOOST_TEST(relative_difference(load("a/ux.npy"), ux) > 1e-3);
}

BOOST_FIXTURE_TEST_CASE(leave_one_out_chooses_the_scale_of_a_kernel, Program) {
  const Outcome chosen =
      run("interpolate --field ux=ux.npy --coords xy.npy --to xy.npy --kernel gaussian --leave-one-out -o x");
  BOOST_TEST(chosen.code == 0, chosen.error);
  std::istringstream lines(chosen.output);
  std::string header;
  std::getline(lines, header);
  BOOST_TEST(header == "epsilon  leave-one-out error");
  double least = std::numeric_limits<double>::infinity();
  std::string best;
  std::string first;
  std::string second;
  while (lines >> first >> second && first != "chosen:")
    if (std::stod(second) < least) {
      least = std::stod(second);
      best = first;
    }
  BOOST_TEST(second == best);
  succeed(fieldfold::message("interpolate --field ux=ux.npy --coords xy.npy --to xy.npy --kernel gaussian --epsilon ",
                             best, " -o y"));
  BOOST_TEST((load("x/ux.npy") == load("y/ux.npy")));
}

BOOST_FIXTURE_TEST_CASE(grid_axes_and_coordinates_give_fields_the_shape_of_the_grid, Program) {
  auto p = xt::xarray<double>::from_shape({6, 4, 5});
  auto flat = xt::xarray<double>::from_shape({6, 20});
  auto grid = xt::xarray<double>::from_shape({4, 5, 2});
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      const double y = static_cast<double>(i) + 0.1 * std::sin(static_cast<double>(i * j));
      const auto x = static_cast<double>(j);
      grid(i, j, 0) = y;
      grid(i, j, 1) = x;
      for (std::size_t s = 0; s < 6; ++s) {
        const auto time = static_cast<double>(s);
        p(s, i, j) = flat(s, 5 * i + j) = std::sin(time + y) + x * time * time + 1.0 / (1.0 + y + x + time);
      }
    }
  save("p.npy", p);
  save("flat.npy", flat);
  save("grid.npy", grid);
  expect_line(run("fit --field p=p.npy -o x.fold"), 1, {"field p: got the shape (6, 4, 5)", "--grid-axes 2"});
  BOOST_TEST(!has("x.fold"));
  const std::vector<std::size_t> shape{6, 4, 5};
  succeed("fit --field p=flat.npy --rank 6 -o flat.fold");
  for (const std::string points : {"--grid-axes 2", "--coords grid.npy"}) {
    succeed("fit --field p=p.npy " + points + " --rank 6 -o map.fold");
    const auto facts = info("map.fold");
    BOOST_TEST((facts["grid_shape"] == std::vector<std::size_t>{4, 5}));
    BOOST_TEST((facts["singular_values"] == info("flat.fold")["singular_values"]));
    succeed("compress map.fold --field p=p.npy -o latent.npy");
    succeed("reconstruct map.fold latent.npy -o out");
    BOOST_TEST((load("out/p.npy").shape() == shape));
    // All six modes are kept, so that the projection is exact.
    BOOST_TEST(relative_difference(load("out/p.npy"), p) < 1e-13);
  }
  // The coordinates of the grid need no interpolation.
  succeed("reconstruct map.fold latent.npy --coords grid.npy -o same");
  BOOST_TEST((load("same/p.npy").shape() == shape));
  BOOST_TEST((load("same/p.npy") == load("out/p.npy")));
  save("elsewhere.npy", 0.5 * xt::view(grid, xt::range(0, 3), xt::range(0, 2), xt::all()));
  succeed("reconstruct map.fold latent.npy --coords elsewhere.npy -o elsewhere");
  BOOST_TEST((load("elsewhere/p.npy").shape() == std::vector<std::size_t>{6, 3, 2}));
  // Points on the last axis, and samples on the others.
  succeed("fit --field p=p.npy --grid-axes 1 -o rows.fold");
  BOOST_TEST(info("rows.fold")["num_samples"] == 24);
  BOOST_TEST(info("rows.fold")["num_pts"] == 5);
  expect_line(run("fit --field p=p.npy --grid-axes 4 -o x.fold"), 1, {"field p: expected at least the 4 axes"});
}

BOOST_FIXTURE_TEST_CASE(vector_fields_are_fields_of_their_components, Program) {
  auto both = xt::xarray<double>::from_shape({8, 25, 2});
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p) {
      both(s, p, 0) = ux(s, p);
      both(s, p, 1) = uy(s, p);
    }
  save("U.npy", both);
  const std::string vector = "--field U=U.npy --components 2 ";
  const std::string scalars = "--field U_x=ux.npy --field U_y=uy.npy ";
  succeed("fit " + vector + "--coords xy.npy --rank 8 -o vector.fold");
  succeed("fit " + scalars + "--coords xy.npy --rank 8 -o scalars.fold");
  BOOST_TEST((text("vector.fold") == text("scalars.fold")));
  succeed("compress vector.fold " + vector + "-o latent.npy");
  succeed("compress vector.fold " + scalars + "-o again.npy");
  BOOST_TEST((load("latent.npy") == load("again.npy")));
  succeed("reconstruct vector.fold latent.npy -o out");
  // All eight modes are kept, so that the projection is exact.
  BOOST_TEST(relative_difference(load("out/U_x.npy"), ux) < 1e-13);
  BOOST_TEST(relative_difference(load("out/U_y.npy"), uy) < 1e-13);
  save("other.npy", 0.9 * coords + 0.1);
  succeed("interpolate " + vector + "--coords xy.npy --to other.npy -o a");
  succeed("interpolate " + scalars + "--coords xy.npy --to other.npy -o b");
  for (const std::string name : {"/U_x.npy", "/U_y.npy"}) BOOST_TEST((load("a" + name) == load("b" + name)));

  succeed("fit --field U=U.npy --field t=ux.npy --components U=2 -o mixed.fold");
  BOOST_TEST((info("mixed.fold")["fields"] == std::vector<std::string>{"U_x", "U_y", "t"}));
  for (const std::string command : {"fit -o x.fold", "compress vector.fold -o x.npy"}) {
    expect_line(run(command + " --field U=U.npy --components 3"), 1,
                {"field U: expected 3 components on the last axis, got the shape (8, 25, 2)"});
    expect_line(run(command + " --field U=U.npy --components V=2"), 1, {"--components: expected a name", "got V"});
    expect_line(run(command + " --field U=U.npy --components 0"), 1, {"--components: expected", "got 0"});
    expect_line(run(command + " --field U=U.npy --field t=ux.npy --components 2"), 1,
                {"field t: expected 2 components on the last axis, got the shape (8, 25)"});
    BOOST_TEST(!has("x.fold"));
    BOOST_TEST(!has("x.npy"));
  }
}

BOOST_FIXTURE_TEST_CASE(the_rank_precedes_a_tolerance_of_energy, Program) {
  succeed(fit_both + "--energy-tol 0.99999 -o energy.fold");
  BOOST_TEST(info("energy.fold")["rank"] != 3);
  expect_line(run(fit_both + "--rank 3 --energy-tol 0.99999 -o map.fold"), 0,
              {"rank takes precedence, and --energy-tol is ignored"});
  BOOST_TEST(info("map.fold")["rank"] == 3);
}

BOOST_FIXTURE_TEST_CASE(longitudes_are_interpolated_across_the_seam, Program) {
  auto globe = xt::xarray<double>::from_shape({60, 2});
  auto t = xt::xarray<double>::from_shape({3, 60});
  const auto value = [](std::size_t s, double latitude, double longitude) {
    return std::cos((longitude - 40.0 * static_cast<double>(s)) * std::acos(-1.0) / 180.0) + 0.01 * latitude;
  };
  for (std::size_t p = 0; p < 60; ++p) {
    globe(p, 0) = 10.0 * static_cast<double>(p / 12) - 20.0;
    globe(p, 1) = 30.0 * static_cast<double>(p % 12) + 3.0;
    for (std::size_t s = 0; s < 3; ++s) t(s, p) = value(s, globe(p, 0), globe(p, 1));
  }
  const xt::xarray<double> seam{{5.0, 359.0}, {5.0, 1.0}, {-13.0, 358.5}, {-13.0, 0.5}};
  auto expected = xt::xarray<double>::from_shape({3, 4});
  for (std::size_t s = 0; s < 3; ++s)
    for (std::size_t q = 0; q < 4; ++q) expected(s, q) = value(s, seam(q, 0), seam(q, 1));
  save("globe.npy", globe);
  save("t.npy", t);
  save("seam.npy", seam);
  const std::string arguments = "--field t=t.npy --coords globe.npy --to seam.npy";
  succeed("interpolate --periods 0 360 " + arguments + " -o list");
  succeed("interpolate --periods 0,360 " + arguments + " -o commas");
  BOOST_TEST((load("list/t.npy") == load("commas/t.npy")));
  // The longitude is an angle on a circle, and a cosine of it is a linear function of the points in space, which the
  // interpolant reproduces up to rounding.
  BOOST_TEST(relative_difference(load("list/t.npy"), expected) < 1e-12);
  succeed("interpolate " + arguments + " -o flat");
  BOOST_TEST(relative_difference(load("flat/t.npy"), expected) > 1e-2);
  succeed("interpolate --scales 1 2 " + arguments + " -o list");
  succeed("interpolate --scales 1,2 " + arguments + " -o commas");
  BOOST_TEST((load("list/t.npy") == load("commas/t.npy")));
  BOOST_TEST(relative_difference(load("list/t.npy"), load("flat/t.npy")) > 1e-3);
}

BOOST_FIXTURE_TEST_CASE(unknown_names_are_shown_with_the_nearest_known_one, Program) {
  succeed(fit_both + "--rank 2 -o map.fold");
  expect_line(run("fot"), 2, {"fot is not a command; the nearest is fit"});
  expect_line(run("fit --feild ux=ux.npy -o x.fold"), 2, {"--feild is not an option of fit; the nearest is --field\n"});
  expect_line(run(fit_both + "--rnak 3 -o x.fold"), 2, {"--rnak is not an option of fit; the nearest is --rank"});
  expect_line(run(fit_both + "--rnak=3 -o x.fold"), 2, {"--rnak is not an option of fit; the nearest is --rank"});
  expect_line(run("compress map.fold --sates ux.npy -o x.npy"), 2,
              {"--sates is not an option of compress; the nearest is --states"});
  // Nothing is near.
  expect_line(run("paraphrase"), 2, {"expected fit, info, compress, ", " or manual"});
  expect_line(run("compress map.fold --field ux=ux.npy --field uyy=uy.npy -o x.npy"), 1,
              {"--field: uyy is not a field of the map; the nearest is uy\n"});
  expect_line(run("compress map.fold --field ux=ux.npy --field temperature=uy.npy -o x.npy"), 1,
              {"--field: temperature is not a field of the map; expected ux or uy"});
  BOOST_TEST(!has("x.fold"));
  BOOST_TEST(!has("x.npy"));
}

BOOST_FIXTURE_TEST_CASE(interpolation_options_replace_those_of_the_map, Program) {
  save("other.npy", 0.9 * coords + 0.1);
  const std::string fields = "--field ux=ux.npy --field uy=uy.npy ";
  succeed(fit_both + "--scales 1,2 --rank 4 -o own.fold");
  succeed("compress own.fold " + fields + "-o latent.npy");
  succeed("reconstruct own.fold latent.npy --coords other.npy -o own");
  succeed("compress own.fold " + fields + "--coords other.npy -o own.npy");
  for (const std::string options :
       {"--neighbors 8", "--kernel cubic", "--smoothing 0.5", "--degree 2", "--kernel gaussian --epsilon 0.7",
        "--interpolate-method inverse_distance --power 3", "--rbf-method partition_of_unity --cluster-size 12"}) {
    BOOST_TEST_CONTEXT(options) {
      // Options that are not given are those of the map.
      succeed(fit_both + "--scales 1,2 " + options + " --rank 4 -o fitted.fold");
      succeed("reconstruct fitted.fold latent.npy --coords other.npy -o fitted");
      succeed("reconstruct own.fold latent.npy --coords other.npy -o replaced " + options);
      // Sums over modes and over points are in another order.
      for (const std::string name : {"/ux.npy", "/uy.npy"})
        BOOST_TEST(relative_difference(load("replaced" + name), load("fitted" + name)) < 1e-11);
      BOOST_TEST(relative_difference(load("replaced/uy.npy"), load("own/uy.npy")) > 1e-4);
      succeed("compress fitted.fold " + fields + "--coords other.npy -o fitted.npy");
      succeed("compress own.fold " + fields + "--coords other.npy -o replaced.npy " + options);
      BOOST_TEST((load("replaced.npy") == load("fitted.npy")));
      BOOST_TEST(relative_difference(load("replaced.npy"), load("own.npy")) > 1e-4);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(coincident_points_count_as_one_with_their_mean, Program) {
  save("corners.npy", xt::xarray<double>{{0.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}, {1.0, 1.0}});
  save("a.npy", xt::xarray<double>{{0.0, 1.0, 5.0, 1.0, 3.0}});
  save("corner.npy", xt::xarray<double>{{1.0, 1.0}});
  const std::string arguments = "interpolate --field a=a.npy --coords corners.npy --to corner.npy ";
  for (const std::string method : {"", "--neighbors 4 ", "--rbf-method partition_of_unity "}) {
    expect_line(run(arguments + method + "-o x"), 1, {"coincide: 3 and 4;", "--merge-duplicates"});
    BOOST_TEST(!has("x"));
    succeed(arguments + method + "--merge-duplicates -o out");
    BOOST_TEST(std::abs(load("out/a.npy")(0, 0) - 2.0) < 1e-14);
  }
  // The coordinates are checked when they are given.
  expect_line(run("fit --field a=a.npy --coords corners.npy -o map.fold"), 0,
              {"points 3 and 4 coincide", "--merge-duplicates"});
  succeed("fit --field a=a.npy --coords corners.npy --merge-duplicates -o map.fold");
  succeed("compress map.fold --field a=a.npy -o latent.npy");
  succeed("reconstruct map.fold latent.npy --coords corner.npy -o out");
  BOOST_TEST(std::abs(load("out/a.npy")(0, 0) - 2.0) < 1e-14);
}

BOOST_FIXTURE_TEST_CASE(info_accounts_for_energy_errors_and_sizes, Program) {
  succeed(fit_both + "--rank 3 --periods 0 360 -o map.fold");
  const auto facts = info("map.fold");
  const auto s = facts["singular_values"].get<std::vector<double>>();
  const auto energies = facts["cumulative_energy"].get<std::vector<double>>();
  BOOST_TEST_REQUIRE((s.size() == 8 && energies.size() == 3));
  double all = 0.0;
  for (const double value : s) all += value * value;
  double kept = 0.0;
  for (std::size_t mode = 0; mode < 3; ++mode) {
    kept += s[mode] * s[mode];
    BOOST_TEST(std::abs(energies[mode] - kept / all) < 1e-14);
  }
  BOOST_TEST(energies.back() == facts["energy"].get<double>());
  const auto errors = facts["snapshot_errors"].get<std::vector<double>>();
  const auto worst = facts["worst_snapshot"].get<std::size_t>();
  BOOST_TEST_REQUIRE(worst < errors.size());
  BOOST_TEST(errors[worst] == *std::ranges::max_element(errors));
  BOOST_TEST(errors[worst] == facts["largest_snapshot_error"].get<double>());
  BOOST_TEST((facts["periods"] == std::vector<double>{0.0, 360.0}));
  BOOST_TEST(run("info map.fold").output.find("periods                           0, 360\n") != std::string::npos);
  BOOST_TEST(facts["file_bytes"] == std::filesystem::file_size(folder.path / "map.fold"));
  BOOST_TEST(facts["data_bytes"] == 2 * 8 * 25 * 8);
}

BOOST_FIXTURE_TEST_CASE(fit_reports_what_was_learned_unless_quiet, Program) {
  const Outcome loud = run(fit_both + "--rank 3 -o map.fold");
  BOOST_TEST(loud.error.empty());
  BOOST_TEST(std::ranges::count(loud.output, '\n') == 1);
  const auto facts = info("map.fold");
  std::ostringstream expected;
  expected << "map.fold: rank 3 of 8, energy " << std::setprecision(6) << facts["energy"].get<double>()
           << ", largest error of a snapshot " << std::setprecision(3) << facts["largest_snapshot_error"].get<double>()
           << ", "
           << std::round(static_cast<double>(std::filesystem::file_size(folder.path / "map.fold")) / 100.0) / 10.0
           << " kB\n";
  BOOST_TEST(loud.output == expected.str());
  const Outcome quiet = run(fit_both + "--rank 3 --quiet -o quiet.fold");
  BOOST_TEST(quiet.code == 0);
  BOOST_TEST(quiet.output.empty());
  BOOST_TEST(quiet.error.empty());
  BOOST_TEST((text("quiet.fold") == text("map.fold")));
  // Warnings remain.
  const Outcome warned = run(fit_both + "--rank 3 --energy-tol 0.5 --quiet -o quiet.fold");
  BOOST_TEST(warned.output.empty());
  expect_line(warned, 0, {"--energy-tol"});
}

BOOST_FIXTURE_TEST_CASE(an_energy_below_1_is_not_rounded_to_1, Program) {
  auto decaying = ux;
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p) decaying(s, p) = s == p ? std::pow(10.0, -static_cast<double>(s)) : 0.0;
  save("decaying.npy", decaying);
  // Singular values 1, 0.1, ..., 1e-7: four of them leave 1.0101e-8 of the 1.0101 in all.
  const std::string shown = "energy 1 - 1e-08,";
  const Outcome outcome = run("fit --field a=decaying.npy --rank 4 -o map.fold");
  BOOST_TEST(outcome.output.find(shown) != std::string::npos, outcome.output);
  BOOST_TEST(run("info map.fold").output.find("energy                            1 - 1e-08\n") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_basis_larger_than_its_data_is_reported, Program) {
  // A basis of 8 x 25 numbers has 1600 bytes in double precision; the file of single precision has 928.
  fieldfold::save_npy(folder.path / "single.npy", xt::xarray<float>(xt::cast<float>(ux)));
  BOOST_TEST_REQUIRE(std::filesystem::file_size(folder.path / "single.npy") == 928);
  expect_line(run("fit --field ux=single.npy --rank 8 -o map.fold"), 0,
              {"the map has ", ", more than the 928 bytes of its data; --single halves it"});
  succeed("fit --field ux=single.npy --rank 8 --single -o map.fold");
  succeed("fit --field ux=ux.npy --rank 8 -o map.fold");
}

BOOST_FIXTURE_TEST_CASE(errors_are_one_line_and_leave_no_file, Program) {
  succeed(fit_both + "--rank 3 -o map.fold");
  save("short.npy", xt::ones<double>({8, 24}));
  save("x_column.npy", xt::view(coords, xt::all(), 0));
  std::ofstream(folder.path / "broken.fold") << text("map.fold").substr(0, 300);
  const auto fails = [&](const std::string& arguments, const std::string& part) {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.code == 1, arguments);
    BOOST_TEST(outcome.output.empty());
    BOOST_TEST(outcome.error.starts_with("fieldfold: error: "));
    BOOST_TEST(std::ranges::count(outcome.error, '\n') == 1);
    BOOST_TEST(outcome.error.find(part) != std::string::npos, "expected \"" << part << "\" in " << outcome.error);
    BOOST_TEST(!has("x.fold"));
    BOOST_TEST(!has("x.npy"));
    BOOST_TEST(!has("x"));
  };
  fails(fit_both + "--rank 9 -o x.fold", "--rank: expected 1 to min(dof, samples) = min(50, 8), got 9");
  fails(fit_both + "--energy-tol 2 -o x.fold", "--energy-tol: expected a share in (0, 1], got 2");
  fails(fit_both + "--kernel cubik -o x.fold", "--kernel: expected one of linear");
  fails(fit_both + "--kernel gaussian -o x.fold", "--epsilon: must be given");
  fails("fit --field ux=short.npy --coords xy.npy -o x.fold", "expected");
  fails("fit --field ux=missing.npy -o x.fold", "missing.npy: cannot be read");
  fails("fit --field ux=map.fold -o x.fold", "map.fold: expected a file with one of the endings .npy, ");
  std::filesystem::copy_file(folder.path / "map.fold", folder.path / "map.npy");
  fails("fit --field ux=map.npy -o x.fold", "map.npy: is not an .npy file");
  fails("compress map.fold --field ux=ux.npy -o x.npy", "--field: expected one named uy");
  fails("compress broken.fold --field ux=ux.npy -o x.npy", "broken.fold: it is damaged");
  fails("compress map.fold --states ux.npy -o x.npy", "states: expected a shape ending in (50,), got (8, 25)");
  fails("reconstruct map.fold ux.npy -o x", "latent: expected a shape ending in (3,), got (8, 25)");
  fails("info ux.npy", "it is not a fieldfold file");
  fails("info broken.fold --verify", "broken.fold: it is damaged");
  succeed("interpolate --coords xy.npy --to xy.npy --save-operator w.foldop");
  fails("interpolate --operator w.foldop --field ux=xy.npy -o x", "field ux: expected a shape ending in (25,)");
  fails("interpolate --operator xy.npy --field ux=ux.npy -o x", "it is not a fieldfold file");
  fails("info w.foldop", "it holds an interpolation operator");
  fails("interpolate --field ux=ux.npy --coords xy.npy --to ux.npy -o x", "--to: expected points of dimension 2");
  succeed("fit --data xy.npy --fields ../esc -o escaping.fold");
  succeed("compress escaping.fold --states x_column.npy -o folded.npy");
  fails("reconstruct escaping.fold folded.npy -o x", "field ../esc: expected a name without '/'");
  fails("interpolate --field ux=short.npy --coords xy.npy --to xy.npy -o x",
        "field ux: expected a shape ending in (25,)");
  fails(fit_both + "-o missing/map.fold", "missing/map.fold: cannot be written");
  fails(fit_both + "--validate 9 -o x.fold", "--validate: expected at most the number of snapshots, 8, got 9");
  fails(fit_both + "--smoothing=-1 -o x.fold", "--smoothing: expected finite numbers of 0 or more, got -1");
  save("twins.npy", xt::xarray<double>{{0.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}});
  save("four.npy", xt::ones<double>({4}));
  fails("interpolate --field u=four.npy --coords twins.npy --to xy.npy -o x", "; --smoothing, or --merge-duplicates");
}

BOOST_FIXTURE_TEST_CASE(options_without_effect_are_warned_of, Program) {
  const auto warning = [&](const std::string& options) { return run(fit_both + options + " -o map.fold").error; };
  BOOST_TEST(warning("--interpolate-method nearest --kernel cubic --neighbors 5") ==
             "fieldfold: warning: --kernel, --neighbors have no effect on the method nearest\n");
  BOOST_TEST(warning("--overlap 0.3") ==
             "fieldfold: warning: --overlap has no effect on the method rbf with --rbf-method direct\n");
  BOOST_TEST(warning("--interpolate-method inverse_distance --power 3 --neighbors 5").empty());
  // The method of the map counts where a command replaces options.
  succeed(fit_both + "--interpolate-method nearest -o map.fold");
  BOOST_TEST(run("compress map.fold --field ux=ux.npy --field uy=uy.npy --coords xy.npy --degree 1 -o latent.npy")
                 .error.find("--degree has no effect on the method nearest") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(control_characters_do_not_reach_the_terminal, Program) {
  for (const std::string arguments :
       {"info 'a\033[31m\nb'", "fit --field 'u\x9b=ux.npy' -o x.fold", "'fit\033]0;title\a'", "info --\033x"}) {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.code != 0);
    BOOST_TEST(std::ranges::count_if(outcome.error,
                                     [](char c) {
                                       const auto byte = static_cast<unsigned char>(c);
                                       return (byte < 0x20 && c != '\n') || byte >= 0x7f;
                                     }) == 0,
               outcome.error);
    BOOST_TEST(std::ranges::count(outcome.error, '\n') == 1);
  }
}

BOOST_FIXTURE_TEST_CASE(fill_values_in_states_are_warned_of, Program) {
  succeed(fit_both + "--rank 3 -o map.fold");
  auto gappy = ux;
  for (std::size_t s = 0; s < 8; ++s) gappy(s, 3) = -9999.0;
  save("gappy.npy", gappy);
  BOOST_TEST(run("compress map.fold --field ux=gappy.npy --field uy=uy.npy -o latent.npy").error ==
             "fieldfold: warning: field ux: -9999 occurs often, and is far from all other numbers, but the map was "
             "learned without missing values; NaN in its place stands for one\n");
}

BOOST_FIXTURE_TEST_CASE(wrong_usage_exits_with_2_and_help_with_0, Program) {
  for (const char* arguments : {"",
                                "fold",
                                "fit",
                                "fit -o x.fold",
                                "fit --field ux -o x.fold",
                                "fit --field ux=ux.npy",
                                "fit --field ux=ux.npy --field ux=ux.npy -o x.fold",
                                "fit --field ux=ux.npy --data ux.npy -o x.fold",
                                "fit --field ux=ux.npy --fields a,b -o x.fold",
                                "fit --field ux=ux.npy --rank many -o x.fold",
                                "fit --data ux.npy --fields a,,b -o x.fold",
                                "fit --field ux=ux.npy --periods=0,,360 -o x.fold",
                                "fit --field ux=ux.npy --rank -3 -o x.fold",
                                "info",
                                "compress map.fold -o x.npy",
                                "compress map.fold --states a.npy --coords b.npy -o x.npy",
                                "reconstruct map.fold latent.npy",
                                "reconstruct map.fold latent.npy --states a.npy --coords b.npy",
                                "interpolate --coords xy.npy --to xy.npy -o x",
                                "interpolate --operator w.foldop --kernel cubic --field ux=ux.npy -o x",
                                "interpolate --operator w.foldop --field ux=ux.npy",
                                "interpolate --operator w.foldop --leave-one-out --field ux=ux.npy -o x",
                                "interpolate --coords xy.npy --to xy.npy --leave-one-out --save-operator w.foldop",
                                "interpolate --field ux=ux.npy --coords xy.npy -o x",
                                "info map.fold --yaml"}) {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.code == 2, arguments);
    BOOST_TEST(!outcome.error.empty());
  }
  BOOST_TEST(run("--help").code == 0);
  const std::string version = run("--version").output;
  BOOST_TEST(version.starts_with("fieldfold " VERSION "\nbuilt by "));
  // Each format of a library is built in, or is not.
  const auto formats = nlohmann::json::parse(run("formats --json").output);
  for (const auto& format : formats) {
    const std::string feature = format["feature"];
    if (feature.empty()) continue;
    const std::size_t without = std::min(version.find("\nwithout "), version.size());
    const bool is_built = format["reads"].get<bool>() || format["writes"].get<bool>();
    BOOST_TEST((version.find(feature) < without) == is_built, feature);
    BOOST_TEST(version.find(feature) < version.size(), feature);
  }
  for (const char* command :
       {"fit", "info", "compress", "reconstruct", "sensors", "interpolate", "convert", "export", "formats"}) {
    const Outcome outcome = run(std::string(command) + " --help");
    BOOST_TEST(outcome.code == 0);
    BOOST_TEST(outcome.output.find(std::string("Example:\n  fieldfold ") + command) != std::string::npos);
  }
}
