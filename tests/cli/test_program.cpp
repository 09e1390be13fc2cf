#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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
  fails(fit_both + "--rank 9 -o x.fold", "rank: expected 1 to min(dof, samples) = min(50, 8), got 9");
  fails(fit_both + "--energy-tol 2 -o x.fold", "energy_tol");
  fails(fit_both + "--kernel cubik -o x.fold", "kernel: expected one of linear");
  fails(fit_both + "--kernel gaussian -o x.fold", "epsilon: must be given");
  fails("fit --field ux=short.npy --coords xy.npy -o x.fold", "expected");
  fails("fit --field ux=missing.npy -o x.fold", "missing.npy: cannot be read");
  fails("fit --field ux=map.fold -o x.fold", "is not an .npy file");
  fails("compress map.fold --field ux=ux.npy -o x.npy", "fields: expected one named uy");
  fails("compress broken.fold --field ux=ux.npy -o x.npy", "broken.fold: it is damaged");
  fails("compress map.fold --states ux.npy -o x.npy", "states: expected a shape ending in (50,), got (8, 25)");
  fails("reconstruct map.fold ux.npy -o x", "latent: expected a shape ending in (3,), got (8, 25)");
  fails("info ux.npy", "it is not a fieldfold file");
  succeed("interpolate --coords xy.npy --to xy.npy --save-operator w.foldop");
  fails("interpolate --operator w.foldop --field ux=xy.npy -o x", "field ux: expected a shape ending in (25,)");
  fails("interpolate --operator xy.npy --field ux=ux.npy -o x", "it is not a fieldfold file");
  fails("info w.foldop", "it holds an interpolation operator");
  fails("interpolate --field ux=ux.npy --coords xy.npy --to ux.npy -o x", "queries: expected points of dimension 2");
  succeed("fit --data xy.npy --fields ../esc -o escaping.fold");
  succeed("compress escaping.fold --states x_column.npy -o folded.npy");
  fails("reconstruct escaping.fold folded.npy -o x", "field ../esc: expected a name without '/'");
  fails("interpolate --field ux=short.npy --coords xy.npy --to xy.npy -o x",
        "field ux: expected a shape ending in (25,)");
  fails(fit_both + "-o missing/map.fold", "missing/map.fold: cannot be written");
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
  BOOST_TEST(run("--version").output == "fieldfold " VERSION "\n");
  for (const char* command : {"fit", "info", "compress", "reconstruct", "interpolate"}) {
    const Outcome outcome = run(std::string(command) + " --help");
    BOOST_TEST(outcome.code == 0);
    BOOST_TEST(outcome.output.find(std::string("Example:\n  fieldfold ") + command) != std::string::npos);
  }
}
