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
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/closeness.hpp"
#include "support/temporary_folder.hpp"

import fieldfold;

#include "support/program.hpp"

using fieldfold::NormalizationMethod;

BOOST_FIXTURE_TEST_CASE(normalization_and_weights_equal_those_of_the_library, Program) {
  xt::xarray<double> weights = xt::linspace<double>(1.0, 2.0, 25);
  xt::xarray<double> sample_weights = xt::linspace<double>(1.0, 3.0, 8);
  save("w.npy", weights);
  save("v.npy", sample_weights);
  succeed(fit_both + "--normalize minmax --normalize ux=zscore --center --point-weights w.npy --sample-weights v.npy " +
          "--field-weight uy=4 --rank 3 -o map.fold");
  fieldfold::SVD svd({.fields = {"ux", "uy"}, .coords = coords},
                     {.field_opts = {.normalize = {.method = NormalizationMethod::minmax},
                                     .normalize_field = {{"ux", {.method = NormalizationMethod::zscore}}},
                                     .center = true,
                                     .point_weights = weights,
                                     .field_weights = {{"uy", 4.0}},
                                     .sample_weights = sample_weights}});
  svd.compute_map({{"ux", ux}, {"uy", uy}}, {.rank = 3});
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy -o latent.npy --distances d.npy");
  const auto states = svd.join_fields({{"ux", ux}, {"uy", uy}});
  const auto assessed = svd.assess(states);
  BOOST_TEST(relative_difference(load("latent.npy"), assessed.latent) < 1e-13);
  BOOST_TEST(relative_difference(load("d.npy"), assessed.relative_distance) < 1e-12);
  succeed("reconstruct map.fold latent.npy -o out");
  BOOST_TEST(relative_difference(load("out/uy.npy"), svd.split_fields(svd.reconstruct(assessed.latent)).at("uy")) <
             1e-13);
  const auto facts = info("map.fold");
  BOOST_TEST(facts["normalize"]["ux"] == "zscore");
  BOOST_TEST(facts["normalize"]["uy"] == "minmax");
  BOOST_TEST(facts["centered"] == true);
  BOOST_TEST(facts["energy_and_errors_count_the_mean"] == false);
  BOOST_TEST(facts["point_weights"] == true);
  BOOST_TEST(facts["field_weights"]["uy"] == 4.0);
  BOOST_TEST(facts["mass_matrix"] == "none");
  BOOST_TEST(run("info map.fold").output.find("normalize                         ux zscore, uy minmax") !=
             std::string::npos);
  // Whitened coefficients, and their inverse.
  succeed("compress map.fold --field ux=ux.npy --field uy=uy.npy --whiten -o white.npy");
  BOOST_TEST(relative_difference(load("white.npy"), fieldfold::Whitening(svd.map()).apply(assessed.latent)) < 1e-11);
  succeed("reconstruct map.fold white.npy --whitened -o again");
  BOOST_TEST(relative_difference(load("again/ux.npy"), load("out/ux.npy")) < 1e-12);
}

BOOST_FIXTURE_TEST_CASE(mass_matrices_of_cells_equal_those_of_the_library, Program) {
  // Two triangles in each square of a grid of 5 x 5 points.
  std::vector<int> corners;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const int p = 5 * i + j;
      for (const int corner : {p, p + 1, p + 5, p + 1, p + 6, p + 5}) corners.push_back(corner);
    }
  const xt::xarray<double> cells = xt::adapt(corners, fieldfold::Shape{32, 3});
  save("cells.npy", cells);
  for (const bool lumped : {false, true}) {
    const std::string mass = lumped ? "lumped" : "consistent";
    succeed(fit_both + "--mass " + mass + " --cells cells.npy --rank 2 -o " + mass + ".fold");
    fieldfold::FieldOptions options;
    if (lumped)
      options.point_weights = fieldfold::lumped_mass(coords, cells);
    else
      options.mass = fieldfold::consistent_mass(coords, cells);
    fieldfold::SVD svd({.fields = {"ux", "uy"}}, {.field_opts = options});
    svd.compute_map({{"ux", ux}, {"uy", uy}}, {.rank = 2});
    const auto found = info(mass + ".fold");
    BOOST_TEST(std::abs(found["singular_values"][0].get<double>() / svd.singular_values()(0) - 1.0) < 1e-12);
    BOOST_TEST(found["mass_matrix"] == (lumped ? "none" : "sparse"));
  }
  // The same matrix from a file of triplets.
  const auto mass = fieldfold::consistent_mass(coords, cells);
  const auto& rows = *mass.sparse();
  auto triplets = xt::xarray<double>::from_shape({rows.weights.size(), 3});
  for (std::size_t i = 0; i < 25; ++i)
    for (std::size_t e = rows.offsets[i]; e < rows.offsets[i + 1]; ++e) {
      triplets(e, 0) = static_cast<double>(i);
      triplets(e, 1) = static_cast<double>(rows.columns[e]);
      triplets(e, 2) = rows.weights[e];
    }
  save("triplets.npy", triplets);
  succeed(fit_both + "--mass triplets.npy --rank 2 -o triplets.fold");
  BOOST_TEST((info("triplets.fold")["singular_values"] == info("consistent.fold")["singular_values"]));
}

BOOST_FIXTURE_TEST_CASE(points_are_masked_and_gaps_dropped_or_filled, Program) {
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  auto masked = ux;
  auto gappy = uy;
  for (std::size_t s = 0; s < 8; ++s) masked(s, 7) = missing;
  gappy(3, 11) = missing;
  save("land.npy", masked);
  save("gappy.npy", gappy);
  const std::string fields = "--field ux=land.npy --field uy=gappy.npy ";
  BOOST_TEST(run("fit " + fields + "-o x.fold").code == 1);
  const Outcome dropped = run("fit " + fields + "--mask auto --rank 3 -o dropped.fold");
  BOOST_TEST(dropped.code == 0);
  BOOST_TEST(dropped.error.find("1 snapshots dropped because of NaN or infinity") != std::string::npos);
  BOOST_TEST(info("dropped.fold")["num_dropped"] == 1);
  BOOST_TEST(info("dropped.fold")["num_masked"] == 1);
  const Outcome filled = run("fit " + fields + "--mask auto --gappy fill --rank 3 -o filled.fold");
  BOOST_TEST(filled.code == 0);
  BOOST_TEST(filled.error.find("1 missing numbers filled in snapshots") != std::string::npos);
  BOOST_TEST(info("filled.fold")["num_filled"] == 1);
  BOOST_TEST(info("filled.fold")["num_samples"] == 8);

  succeed("compress filled.fold " + fields + "-o nan.npy");
  BOOST_TEST(std::isnan(load("nan.npy")(3, 0)));
  succeed("compress filled.fold " + fields + "--gappy fill -o latent.npy");
  const auto latent = load("latent.npy");
  BOOST_TEST(std::ranges::all_of(latent, [](double x) { return std::isfinite(x); }));
  const Outcome error = run("compress filled.fold " + fields + "--gappy error -o error.npy");
  BOOST_TEST(error.code == 1);
  BOOST_TEST(error.error ==
             "fieldfold: error: states: expected finite numbers, got nan in state 3, entry 23, field uy; "
             "gappy_states nan or fill permits missing numbers\n");
  BOOST_TEST(!has("error.npy"));
  succeed("reconstruct filled.fold latent.npy -o out");
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p) BOOST_TEST(std::isnan(load("out/ux.npy")(s, p)) == (p == 7));
}

BOOST_FIXTURE_TEST_CASE(sensors_are_listed_with_their_coordinates, Program) {
  succeed(fit_both + "--rank 3 -o map.fold");
  const Outcome shown = run("sensors map.fold --count 4 -o sensors.npy");
  BOOST_TEST(shown.code == 0);
  const auto numbers = load("sensors.npy");
  BOOST_TEST(numbers.size() == 4U);
  const auto first = static_cast<std::size_t>(numbers(0));
  const std::string line = fieldfold::message("point ", first / 2, "  field ", first % 2 == 0 ? "ux" : "uy", "  at ",
                                              coords(first / 2, 0), " ", coords(first / 2, 1), "\n");
  BOOST_TEST(shown.output.starts_with(line), shown.output);
  BOOST_TEST(std::ranges::count(run("sensors map.fold").output, '\n') == 3);
}

BOOST_FIXTURE_TEST_CASE(errors_of_fields_are_one_line_and_leave_no_file, Program) {
  save("constant.npy", xt::ones<double>({8, 25}));
  save("short.npy", xt::ones<double>({3}));
  succeed(fit_both + "--rank 2 -o map.fold");
  for (const auto& [arguments, part] : std::vector<std::pair<std::string, std::string>>{
           {"fit --field a=constant.npy --normalize zscore -o x.fold", "field a: expected nonconstant values"},
           {"fit --field a=uy.npy --normalize log10 -o x.fold", "field a: expected numbers above 0 for log10"},
           {"fit --field a=uy.npy --normalize z -o x.fold", "normalize: expected one of none, linear"},
           {"fit --field a=uy.npy --normalize b=zscore -o x.fold", "normalize_field: expected names among a; got b"},
           {"fit --field a=uy.npy --field-weight a=x -o x.fold", "--field-weight: expected a number, got x"},
           {"fit --field a=uy.npy --field-weight 3 -o x.fold", "--field-weight: expected FIELD=VALUE, got 3"},
           {"fit --field a=uy.npy --point-weights short.npy -o x.fold",
            "point_weights: expected one for each of the 25"},
           {"fit --field a=uy.npy --sample-weights short.npy -o x.fold",
            "sample_weights: expected one for each of the 8"},
           {"fit --field a=uy.npy --mass lumped -o x.fold", "--mass lumped: expected --coords and --cells"},
           {"fit --field a=uy.npy --mass short.npy -o x.fold", "expected triplets (row, column, value)"},
           {"fit --field a=uy.npy --mask yes -o x.fold", "mask: expected one of none, auto; got yes"},
           {"fit --field a=uy.npy --gappy nan -o x.fold", "gappy_snapshots: expected one of drop, fill; got nan"},
           {"compress map.fold --field ux=ux.npy --field uy=uy.npy --gappy drop -o x.npy",
            "gappy_states: expected one of"},
           {"sensors map.fold --count 51", "sensors: expected 1 to"}}) {
    const Outcome outcome = run(arguments);
    BOOST_TEST(outcome.code == 1, arguments);
    BOOST_TEST(outcome.error.starts_with("fieldfold: error: "));
    BOOST_TEST(std::ranges::count(outcome.error, '\n') == 1);
    BOOST_TEST(outcome.error.find(part) != std::string::npos, "expected \"" << part << "\" in " << outcome.error);
    BOOST_TEST(!has("x.fold"));
    BOOST_TEST(!has("x.npy"));
  }
  BOOST_TEST(run("fit --field a=uy.npy --cells short.npy -o x.fold").code == 2);
  BOOST_TEST(run("sensors").code == 2);
  BOOST_TEST(run("sensors --help").output.find("Example:") != std::string::npos);
}
