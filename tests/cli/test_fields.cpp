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

#include "cli/one_line.hpp"

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
    BOOST_TEST(found["mass_matrix"] == (lumped ? "lumped" : "consistent"));
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

  expect_line(run("compress filled.fold " + fields + "-o nan.npy"), 0,
              {"1 of 8 with missing numbers have coefficients of NaN; --gappy fill"});
  const auto with_gap = load("nan.npy");
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t mode = 0; mode < 3; ++mode) BOOST_TEST(std::isnan(with_gap(s, mode)) == (s == 3));
  succeed("compress filled.fold " + fields + "--gappy fill -o latent.npy");
  const auto latent = load("latent.npy");
  BOOST_TEST(std::ranges::all_of(latent, [](double x) { return std::isfinite(x); }));
  const Outcome error = run("compress filled.fold " + fields + "--gappy error -o error.npy");
  BOOST_TEST(error.code == 1);
  BOOST_TEST(error.error ==
             "fieldfold: error: states: expected finite numbers, got nan in state 3, entry 23, field uy; "
             "--gappy nan or fill permits missing numbers\n");
  BOOST_TEST(!has("error.npy"));
  succeed("reconstruct filled.fold latent.npy -o out");
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p) BOOST_TEST(std::isnan(load("out/ux.npy")(s, p)) == (p == 7));
}

BOOST_FIXTURE_TEST_CASE(sensors_are_listed_with_their_coordinates, Program) {
  succeed(fit_both + "--rank 3 -o map.fold");
  const Outcome shown = run("sensors map.fold --count 4 -o sensors.npy");
  BOOST_TEST(shown.code == 0);
  BOOST_TEST(fieldfold::read_npy_header(folder.path / "sensors.npy").kind == 'i');
  BOOST_TEST(fieldfold::read_npy_header(folder.path / "sensors.npy").scalar_size == 8U);
  const auto numbers = load("sensors.npy");
  BOOST_TEST(numbers.size() == 4U);
  const auto first = static_cast<std::size_t>(numbers(0));
  const std::string line = fieldfold::message("point ", first / 2, "  field ", first % 2 == 0 ? "ux" : "uy", "  at ",
                                              coords(first / 2, 0), " ", coords(first / 2, 1), "\n");
  BOOST_TEST(shown.output.starts_with(line), shown.output);
  // The sensors, and the amplification of noise.
  BOOST_TEST(std::ranges::count(shown.output, '\n') == 4 + 1);
  BOOST_TEST(std::ranges::count(run("sensors map.fold").output, '\n') == 3 + 1);
}

BOOST_FIXTURE_TEST_CASE(sensors_amplify_noise_by_the_inverse_of_the_mode_at_them, Program) {
  // Snapshots (s + 1) g: the only mode is g / |g|, and largest at the last point.
  auto ramp = ux;
  double square = 0.0;
  for (std::size_t p = 0; p < 25; ++p) {
    const auto g = static_cast<double>(p + 1);
    square += g * g;
    for (std::size_t s = 0; s < 8; ++s) ramp(s, p) = static_cast<double>(s + 1) * g;
  }
  save("ramp.npy", ramp);
  succeed("fit --field a=ramp.npy --rank 1 -o map.fold");
  const auto facts = nlohmann::json::parse(run("sensors map.fold --json").output);
  BOOST_TEST(facts["sensors"][0]["point"] == 24);
  BOOST_TEST(std::abs(facts["noise_amplification"].get<double>() / (std::sqrt(square) / 25.0) - 1.0) < 1e-13);
  // sqrt(5525) / 25 is 2.973...
  const std::string line = "point 24  field a\namplification of noise from these sensors to the coefficients: 2.97\n";
  BOOST_TEST(run("sensors map.fold").output == line);
}

BOOST_FIXTURE_TEST_CASE(missing_values_equal_nan, Program) {
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  auto marked = ux;
  auto gaps = ux;
  for (const std::size_t s : {1U, 4U, 6U}) marked(s, 9) = -9999.0;
  for (const std::size_t s : {1U, 4U, 6U}) gaps(s, 9) = missing;
  marked(2, 17) = 1e20;
  gaps(2, 17) = missing;
  save("marked.npy", marked);
  save("gaps.npy", gaps);
  for (const std::string policy : {"drop", "fill"}) {
    const std::string options = " --gappy " + policy + " --rank 3 --quiet -o ";
    const Outcome a =
        run("fit --field a=marked.npy --missing-value -9999 --missing-value 1e20" + options + "marked.fold");
    const Outcome b = run("fit --field a=gaps.npy" + options + "gaps.fold");
    expect_line(a, 0, {policy == "drop" ? "4 snapshots dropped" : "4 missing numbers filled"});
    BOOST_TEST(a.error == b.error);
    const auto facts = info("marked.fold");
    BOOST_TEST(facts["num_samples"] == (policy == "drop" ? 4 : 8));
    BOOST_TEST((facts["singular_values"] == info("gaps.fold")["singular_values"]));
    BOOST_TEST((facts["latent_ranges"] == info("gaps.fold")["latent_ranges"]));
    // The map keeps the numbers that stand for missing values.
    succeed("compress marked.fold --field a=marked.npy --gappy fill -o marked_latent.npy");
    succeed("compress gaps.fold --field a=gaps.npy --gappy fill -o gaps_latent.npy");
    BOOST_TEST((load("marked_latent.npy") == load("gaps_latent.npy")));
  }
}

BOOST_FIXTURE_TEST_CASE(a_number_that_looks_like_a_missing_value_is_named, Program) {
  auto filled = ux;
  for (const std::size_t s : {1U, 4U, 6U}) filled(s, 9) = -9999.0;
  save("filled.npy", filled);
  expect_line(run("fit --field a=filled.npy --rank 3 -o map.fold"), 0, {"field a: -9999 ", "--missing-value"});
  BOOST_TEST(info("map.fold")["num_samples"] == 8);
}

BOOST_FIXTURE_TEST_CASE(a_share_masks_a_number_despite_a_stray_value, Program) {
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  auto stray = ux;
  auto land = ux;
  for (std::size_t s = 0; s < 8; ++s) {
    if (s != 2) stray(s, 7) = missing;
    land(s, 7) = missing;
  }
  save("stray.npy", stray);
  save("land.npy", land);
  auto rest = xt::xarray<double>::from_shape({8, 24});
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 24; ++p) rest(s, p) = ux(s, p < 7 ? p : p + 1);
  save("rest.npy", rest);
  for (const std::string mask : {"none", "auto"})
    expect_line(run("fit --field a=stray.npy --rank 1 --mask " + mask + " -o dropped.fold"), 0,
                {"7 snapshots dropped because of NaN or infinity in 1 of 25 numbers; --mask auto:SHARE "});
  expect_line(run("fit --field a=land.npy -o x.fold"), 1, {"--mask auto "});
  succeed("fit --field a=stray.npy --mask auto:0.5 --rank 3 -o share.fold");
  const auto facts = info("share.fold");
  BOOST_TEST((facts["num_masked"] == 1 && facts["num_dropped"] == 0 && facts["num_samples"] == 8));
  succeed("fit --field a=land.npy --mask auto --rank 3 -o land.fold");
  BOOST_TEST((facts["singular_values"] == info("land.fold")["singular_values"]));
  // The number counts as much as one that is not there.
  succeed("fit --field a=rest.npy --rank 3 -o rest.fold");
  BOOST_TEST(relative_difference(facts["singular_values"].get<std::vector<double>>(),
                                 info("rest.fold")["singular_values"].get<std::vector<double>>()) < 1e-13);
  succeed("compress share.fold --field a=stray.npy -o latent.npy");
  succeed("reconstruct share.fold latent.npy -o out");
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p) BOOST_TEST(std::isnan(load("out/a.npy")(s, p)) == (p == 7));
  // One number in eight is a share of 0.125.
  BOOST_TEST(run("fit --field a=stray.npy --mask auto:0.125 --rank 1 -o few.fold").code == 0);
  BOOST_TEST(info("few.fold")["num_masked"] == 0);
  expect_line(run("fit --field a=stray.npy --mask auto:2 -o x.fold"), 1,
              {"--mask: expected a share from 0 to 1, got 2"});
}

BOOST_FIXTURE_TEST_CASE(single_precision_keeps_small_waves_on_a_large_mean, Program) {
  auto waves = xt::xarray<double>::from_shape({8, 25});
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t p = 0; p < 25; ++p)
      waves(s, p) = 1e-3 * (std::sin(0.3 * static_cast<double>(s + 1) * coords(p, 0)) +
                            std::cos(static_cast<double>(s)) * coords(p, 1));
  save("waves.npy", waves);
  save("pressure.npy", 101325.0 + waves);
  succeed("fit --field p=pressure.npy --center --rank 3 -o double.fold");
  succeed("fit --field p=pressure.npy --center --rank 3 --single -o single.fold");
  succeed("fit --field p=waves.npy --center --rank 3 -o waves.fold");
  const auto values = [&](const std::string& map) { return info(map)["singular_values"].get<std::vector<double>>(); };
  BOOST_TEST(info("single.fold")["precision"] == "single");
  // Numbers of single precision near 101325 are 0.0078 apart, and the waves are at most 0.005, so that the mean must be
  // subtracted in double precision.
  BOOST_TEST(relative_difference(values("single.fold"), values("double.fold")) < 1e-4);
  // Numbers of double precision are 1.5e-11 apart.
  BOOST_TEST(relative_difference(values("double.fold"), values("waves.fold")) < 1e-7);
  succeed("compress double.fold --field p=pressure.npy -o double.npy");
  succeed("compress single.fold --field p=pressure.npy -o single.npy");
  BOOST_TEST(relative_difference(load("single.npy"), load("double.npy")) < 1e-4);
}

BOOST_FIXTURE_TEST_CASE(states_without_any_number_have_coefficients_of_nan, Program) {
  auto gone = ux;
  xt::view(gone, 4, xt::all()) = std::numeric_limits<double>::quiet_NaN();
  save("gone.npy", gone);
  succeed("fit --field ux=ux.npy --rank 3 -o map.fold");
  succeed("compress map.fold --field ux=ux.npy -o complete.npy");
  expect_line(run("compress map.fold --field ux=gone.npy --gappy fill -o latent.npy"), 0,
              {"states: 1 of 8, 1 of them without any number, have coefficients of NaN"});
  const auto latent = load("latent.npy");
  const auto complete = load("complete.npy");
  BOOST_TEST((latent.shape() == complete.shape()));
  for (std::size_t s = 0; s < 8; ++s)
    for (std::size_t mode = 0; mode < 3; ++mode)
      BOOST_TEST((s == 4 ? std::isnan(latent(s, mode)) : latent(s, mode) == complete(s, mode)));
}

BOOST_FIXTURE_TEST_CASE(distances_need_more_numbers_than_coefficients, Program) {
  succeed("fit --field ux=ux.npy --rank 3 -o map.fold");
  succeed("compress map.fold --field ux=ux.npy -o latent.npy");
  succeed("reconstruct map.fold latent.npy --states states.npy");
  BOOST_TEST(run("sensors map.fold --count 4 -o sensors.npy").code == 0);
  const auto sensors = load("sensors.npy");
  // States in the span of the modes, so that three numbers determine their three coefficients.
  const auto states = load("states.npy");
  auto known = states;
  for (const std::size_t s : {1U, 2U}) {
    xt::view(known, s, xt::all()) = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t k = 0; k < s + 2; ++k) {
      const auto number = static_cast<std::size_t>(sensors(k));
      known(s, number) = states(s, number);
    }
  }
  save("known.npy", known);
  expect_line(run("compress map.fold --states known.npy --gappy fill -o again.npy --distances d.npy"), 0,
              {"states have missing numbers"});
  // The sensors amplify rounding by less than 10.
  BOOST_TEST(relative_difference(load("again.npy"), load("latent.npy")) < 1e-13);
  const auto distances = load("d.npy");
  BOOST_TEST_REQUIRE(distances.size() == 8U);
  // Three numbers fit three coefficients whatever they are, and tell nothing about the distance.
  for (std::size_t s = 0; s < 8; ++s)
    BOOST_TEST((s == 1 ? std::isnan(distances(s)) : distances(s) < 1e-13), s << ": " << distances(s));
}

BOOST_FIXTURE_TEST_CASE(gaps_at_other_points_are_filled_from_their_neighbours, Program) {
  auto elsewhere = xt::xarray<double>::from_shape({49, 2});
  const auto value = [](std::size_t s, double x, double y) {
    const auto time = static_cast<double>(s);
    return 1.0 + time * x + (time * time - 3.0) * y;
  };
  auto on_grid = xt::xarray<double>::from_shape({8, 25});
  auto gappy = xt::xarray<double>::from_shape({8, 49});
  for (std::size_t p = 0; p < 49; ++p) {
    elsewhere(p, 0) = 0.8 * static_cast<double>(p / 7) - 0.2;
    elsewhere(p, 1) = 0.8 * static_cast<double>(p % 7) - 0.3;
    for (std::size_t s = 0; s < 8; ++s)
      gappy(s, p) =
          (5 * p + s) % 11 == 0 ? std::numeric_limits<double>::quiet_NaN() : value(s, elsewhere(p, 0), elsewhere(p, 1));
  }
  for (std::size_t p = 0; p < 25; ++p)
    for (std::size_t s = 0; s < 8; ++s) on_grid(s, p) = value(s, coords(p, 0), coords(p, 1));
  save("elsewhere.npy", elsewhere);
  save("grid.npy", on_grid);
  save("gappy.npy", gappy);
  succeed("fit --field a=grid.npy --coords xy.npy --rank 3 -o map.fold");
  succeed("compress map.fold --field a=grid.npy -o complete.npy");
  succeed("compress map.fold --field a=gappy.npy --coords elsewhere.npy --gappy fill -o latent.npy");
  // The interpolant reproduces linear fields from any points that are left.
  BOOST_TEST(relative_difference(load("latent.npy"), load("complete.npy")) < 1e-12);
  expect_line(run("compress map.fold --field a=gappy.npy --coords elsewhere.npy -o nan.npy"), 0,
              {"8 of 8 ", "--gappy"});
  BOOST_TEST(std::ranges::all_of(load("nan.npy"), [](double c) { return std::isnan(c); }));
}

BOOST_FIXTURE_TEST_CASE(constant_fields_are_not_scaled, Program) {
  save("constant.npy", 7.0 * xt::ones<double>({8, 25}));
  for (const std::string method : {"zscore", "minmax"}) {
    expect_line(run("fit --field a=constant.npy --field ux=ux.npy --normalize " + method + " --rank 8 -o map.fold"), 0,
                {"field a: taken as constant, and not scaled by " + method});
    succeed("compress map.fold --field a=constant.npy --field ux=ux.npy -o latent.npy");
    succeed("reconstruct map.fold latent.npy -o out");
    // All eight modes are kept, so that the projection is exact.
    BOOST_TEST(relative_difference(load("out/a.npy"), load("constant.npy")) < 1e-14);
    BOOST_TEST(relative_difference(load("out/ux.npy"), ux) < 1e-13);
  }
}

BOOST_FIXTURE_TEST_CASE(errors_of_fields_are_one_line_and_leave_no_file, Program) {
  save("short.npy", xt::ones<double>({3}));
  succeed(fit_both + "--rank 2 -o map.fold");
  for (const auto& [arguments, part] : std::vector<std::pair<std::string, std::string>>{
           {"fit --field a=uy.npy --normalize log10 -o x.fold", "field a: expected numbers above 0 for log10"},
           {"fit --field a=uy.npy --normalize z -o x.fold", "--normalize: expected one of none, linear"},
           {"fit --field a=uy.npy --normalize b=zscore -o x.fold", "--normalize: expected names among a; got b"},
           {"fit --field a=uy.npy --field-weight a=x -o x.fold", "--field-weight: expected a number, got x"},
           {"fit --field a=uy.npy --field-weight 3 -o x.fold", "--field-weight: expected FIELD=VALUE, got 3"},
           {"fit --field a=uy.npy --point-weights short.npy -o x.fold",
            "--point-weights: expected one for each of the 25"},
           {"fit --field a=uy.npy --sample-weights short.npy -o x.fold",
            "--sample-weights: expected one for each of the 8"},
           {"fit --field a=uy.npy --mass lumped -o x.fold", "--mass lumped: expected --coords and --cells"},
           {"fit --field a=uy.npy --mass short.npy -o x.fold", "expected triplets (row, column, value)"},
           {"fit --field a=uy.npy --mask yes -o x.fold", "--mask: expected none, auto or auto:SHARE, got yes"},
           {"fit --field a=uy.npy --gappy nan -o x.fold", "--gappy: expected one of drop, fill; got nan"},
           {"compress map.fold --field ux=ux.npy --field uy=uy.npy --gappy drop -o x.npy",
            "--gappy: expected one of nan, fill, error; got drop"},
           {"sensors map.fold --count 1", "--count: expected at least 2 sensors, the rank"},
           {"sensors map.fold --count 51", "--count: expected at least 2 sensors, the rank"}}) {
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
