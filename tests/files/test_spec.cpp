#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.truncated_svd;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.files.spec;
import fieldfold.interpolation.method;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;

using fieldfold::from_spec;
using fieldfold::SVD;

namespace {

std::string error_of(std::string_view spec) {
  try {
    from_spec(spec);
  } catch (const fieldfold::InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_key_sets_its_option) {
  const auto any = from_spec(R"({
    "method": "SVD", "fields": ["ux", "uy"], "coords": [[0, 0], [1, 0], [0, 1.5]], "interpolate_method": "RBF",
    "interpolate_opts": {"neighbors": 3, "smoothing": [0.1, 0.2, 0.3], "kernel": "gaussian", "epsilon": 2, "degree": -1},
    "rank": 4, "energy_tol": 0.9, "reconstruction_tol": 0.01, "sample_tol": 0.1, "noise": 0.2,
    "optimal_threshold": true, "validate_every": 5, "keep_training_latents": true, "data_matrix": null})");
  const auto& grid = any.target<SVD>()->compression_options();
  BOOST_TEST((grid.fields == std::vector<std::string>{"ux", "uy"}));
  BOOST_TEST((*grid.coords == xt::xarray<double>{{0.0, 0.0}, {1.0, 0.0}, {0.0, 1.5}}));
  BOOST_TEST(grid.interpolate_method == "rbf");
  BOOST_TEST((grid.interpolate_opts.neighbors == 3U && grid.interpolate_opts.epsilon == 2.0));
  BOOST_TEST((grid.interpolate_opts.degree == -1));
  BOOST_TEST((grid.interpolate_opts.kernel == fieldfold::Kernel::gaussian));
  BOOST_TEST((grid.interpolate_opts.smoothing == xt::xarray<double>{0.1, 0.2, 0.3}));
  const auto& options = any.target<SVD>()->options();
  BOOST_TEST((options.rule.rank == 4U && options.rule.energy_tol == 0.9 && options.rule.reconstruction_tol == 0.01));
  BOOST_TEST((options.rule.sample_tol == 0.1 && options.rule.noise == 0.2 && options.rule.optimal_threshold));
  BOOST_TEST((options.keep_training_latents && options.validate_every == 5U));
}

BOOST_AUTO_TEST_CASE(an_empty_specification_gives_the_defaults) {
  const auto any = from_spec("{}");
  BOOST_TEST(!any.map_exists());
  BOOST_TEST((any.target<SVD>()->fields() == std::vector<std::string>{"field"}));
  BOOST_TEST((any.target<SVD>()->interpolate_opts().kernel == fieldfold::Kernel::thin_plate_spline));
}

BOOST_AUTO_TEST_CASE(a_data_matrix_is_learned_immediately) {
  // The third snapshot has a gap and is dropped; the others are 3 e1 and 4 e2.
  const auto any = from_spec(R"({"rank": 2, "data_matrix": [[3, 0, 1], [0, 4, null], [0, 0, 1]]})");
  BOOST_TEST(any.map_exists());
  const auto& svd = *any.target<SVD>();
  BOOST_TEST((svd.singular_values() == xt::xarray<double>{4.0, 3.0}));
  BOOST_TEST(svd.num_dropped() == 1U);
}

BOOST_AUTO_TEST_CASE(a_flat_list_of_coords_is_one_dimensional) {
  BOOST_TEST(from_spec(R"({"coords": [0, 1, 2]})").target<SVD>()->dim() == 1U);
}

BOOST_AUTO_TEST_CASE(errors_name_the_invalid_key_or_value) {
  const auto expect = [](const std::string& spec, const std::string& part) {
    const std::string what = error_of(spec);
    BOOST_TEST(what.find(part) != std::string::npos, "expected \"" << part << "\" in \"" << what << "\"");
  };
  expect("", "spec: expected a JSON object, got invalid JSON from byte 1 on");
  expect(R"({"energy_tol": 1e940})", "spec: expected numbers that double precision represents");
  expect("[1]", "spec: expected a JSON object");
  expect("{\"rank\": 4", "spec: expected a JSON object");
  expect(R"({"method": "autoencoder"})", "method: expected one of svd; got autoencoder");
  expect(R"({"method": 3})", "method: expected a string, got 3");
  expect(R"({"rnak": 4})", "spec: expected keys among method, fields, coords,");
  expect(R"({"rnak": 4})", "got rnak");
  expect(R"({"interpolate_opts": {"kernal": "cubic"}})",
         "interpolate_opts: expected keys among neighbors, smoothing, kernel, epsilon, degree,");
  expect(R"({"interpolate_opts": {"kernel": "cubik"}})", "kernel: expected one of linear");
  expect(R"({"interpolate_opts": {"kernel": "gaussian"}})", "epsilon: must be given");
  expect(R"({"interpolate_method": "kriging"})", "interpolate_method: expected one of rbf");
  expect(R"({"rank": -4})", "rank: expected a whole number of 0 or more, got -4");
  expect(R"({"rank": 0})", "rank: expected at least 1");
  expect(R"({"rank": "four"})", "rank: expected a whole number");
  expect(R"({"energy_tol": "high"})", "energy_tol: expected a number");
  expect(R"({"fields": "ux"})", "fields: expected a list of names");
  expect(R"({"coords": [[0, 1], [2]]})", "coords: expected nested lists of the shape (2, 2)");
  expect(R"({"coords": )" + std::string(300000, '[') + std::string(300000, ']') + "}", "nested at most 8 times");
  expect(R"({"coords": []})", "coords: expected the shape");
  expect(R"({"interpolate_opts": {"degree": 99999999999}})", "degree: expected a whole number");
  expect(R"({"data_matrix": [[0, 0], [0, 0]]})", "expected one that is not zero");
}

BOOST_AUTO_TEST_CASE(interpolation_options_are_read) {
  const auto any = fieldfold::from_spec(R"({"interpolate_method": "rbf", "interpolate_opts": {
      "method": "partition_of_unity", "cluster_size": 60, "overlap": 0.3, "allow_lower_degree": true,
      "scales": [1, 2.5], "periods": [0, 360], "power": 3, "threads": 2}})");
  const auto& options = any.target<fieldfold::SVD>()->interpolate_opts();
  BOOST_TEST((options.method == fieldfold::RBFMethod::partition_of_unity));
  BOOST_TEST((options.cluster_size == 60U && options.overlap == 0.3 && options.allow_lower_degree));
  BOOST_TEST((options.scales == std::vector<double>{1.0, 2.5} && options.periods == std::vector<double>{0.0, 360.0}));
  BOOST_TEST((options.power == 3.0 && options.threads == 2U));
  BOOST_TEST(error_of(R"({"interpolate_opts": {"method": "multipole"}})") ==
             "method: expected one of direct, partition_of_unity; got multipole");
  BOOST_TEST(error_of(R"({"interpolate_opts": {"scales": 3}})") == "scales: expected a list of numbers, got 3");
  BOOST_TEST(error_of(R"({"interpolate_opts": {"overlap": 0}})") == "overlap: expected a number from 0.01 to 1, got 0");
}

BOOST_AUTO_TEST_CASE(field_options_are_read) {
  const auto any = fieldfold::from_spec(R"({"fields": ["p", "u"], "field_opts": {
      "normalize": {"p": "zscore", "u": "log10:2.5"}, "center": true, "field_weights": {"u": 3.0},
      "sample_weights": [1, 2, 3], "mask": "auto", "gappy_snapshots": "fill", "gappy_states": "error",
      "mass": {"rows": [0, 1], "columns": [0, 1], "values": [2.0, 3.0]}},
      "rank": 1, "data_matrix": [[1, 2, 4], [1, 3, 2], [0, 1, 5], [null, null, null]]})");
  const auto* svd = any.target<fieldfold::SVD>();
  BOOST_TEST_REQUIRE((svd != nullptr));
  const auto options = svd->options().field_opts;
  BOOST_TEST((options.normalize_field.at("p").method == fieldfold::NormalizationMethod::zscore));
  BOOST_TEST(options.normalize_field.at("u").offset == 2.5);
  BOOST_TEST((options.center && !options.standardize));
  BOOST_TEST(options.field_weights.at("u") == 3.0);
  BOOST_TEST((options.sample_weights == xt::xarray<double>{1.0, 2.0, 3.0}));
  BOOST_TEST((options.mask == fieldfold::Mask::automatic));
  BOOST_TEST((options.gappy_snapshots == fieldfold::GappySnapshots::fill));
  BOOST_TEST((options.gappy_states == fieldfold::GappyStates::error));
  BOOST_TEST(options.mass->num_pts() == 2U);
  BOOST_TEST(svd->map().space->num_masked() == 1U);
  const auto of_all = fieldfold::from_spec(R"({"field_opts": {"normalize": "linear:2,0.5", "point_weights": [1, 2]}})");
  const auto linear = of_all.target<fieldfold::SVD>()->options().field_opts;
  BOOST_TEST((linear.normalize.slope == 2.0 && linear.normalize.offset == 0.5));
  BOOST_TEST((linear.point_weights == xt::xarray<double>{1.0, 2.0}));
}

BOOST_AUTO_TEST_CASE(errors_name_the_invalid_field_option) {
  const auto error = [](const std::string& options) -> std::string {
    try {
      fieldfold::from_spec(R"({"fields": ["p"], "field_opts": )" + options + "}");
    } catch (const fieldfold::InvalidArgument& failure) {
      return failure.what();
    }
    return "no error";
  };
  const auto expect = [&](const std::string& options, const std::string& part) {
    BOOST_TEST(error(options).find(part) != std::string::npos, error(options));
  };
  expect(R"({"normalise": "zscore"})", "field_opts: expected keys among normalize, center");
  expect(R"({"normalize": "z"})", "normalize: expected one of none, linear, minmax, zscore, log10; got z");
  expect(R"({"normalize": 3})", "normalize: expected a string, got 3");
  expect(R"({"normalize": "linear"})", "expected linear:SLOPE,OFFSET, got linear");
  expect(R"({"normalize": "linear:2"})", "expected linear:SLOPE,OFFSET or log10:OFFSET, got linear:2");
  expect(R"({"normalize": "log10:x"})", "expected a number in log10:x, got x");
  expect(R"({"normalize": {"q": "zscore"}})", "normalize_field: expected names among p; got q");
  expect(R"({"mask": "yes"})", "mask: expected none, auto or auto:SHARE, got yes");
  expect(R"({"gappy_snapshots": "nan"})", "gappy_snapshots: expected one of drop, fill; got nan");
  expect(R"({"gappy_states": "drop"})", "gappy_states: expected one of nan, fill, error; got drop");
  expect(R"({"field_weights": 2})", "field_weights: expected an object");
  expect(R"({"field_weights": {"p": 0}})", "field_weights of p: expected finite numbers above 0, got 0");
  expect(R"({"mass": {"rows": [0], "columns": [0], "values": [-1]}})", "positive definite matrix, got -1");
  expect(R"({"mass": {"rows": []}})", "triplets: expected at least one");
  expect(R"({"mass": 3})", "mass: expected an object");
  expect(R"({"point_weights": [1], "mass": {"rows": [0], "columns": [0], "values": [1]}})",
         "point_weights: expected none with a mass matrix");
}

BOOST_AUTO_TEST_CASE(specifications_of_incremental_svds_are_read) {
  const auto spec = fieldfold::incremental_spec(R"({"fields": ["p"], "max_rank": 7, "tolerance": 0.01,
      "forgetting": 0.5, "block": 9, "energy_tol": 0.9, "threads": 2, "decomposition": "gram"})");
  BOOST_TEST((spec.incremental.max_rank == 7U && spec.incremental.tolerance == 0.01));
  BOOST_TEST((spec.incremental.forgetting == 0.5 && spec.incremental.block == 9U));
  BOOST_TEST((spec.grid.fields == std::vector<std::string>{"p"} && spec.options.rule.energy_tol == 0.9));
  BOOST_TEST((spec.options.threads == 2U && spec.options.method == fieldfold::DecompositionMethod::gram));
  const auto error = [](std::string_view json) {
    try {
      fieldfold::incremental_spec(json);
    } catch (const fieldfold::InvalidArgument& failure) {
      return std::string(failure.what());
    }
    return std::string("no error");
  };
  BOOST_TEST(error(R"({"max_rnak": 3})").ends_with("max_rank, tolerance, forgetting, block; got max_rnak"));
  BOOST_TEST(error(R"({"data_matrix": [[1]]})").starts_with("data_matrix: expected none"));
  BOOST_TEST(error_of(R"({"max_rank": 3})").ends_with("got max_rank"));
  BOOST_TEST(error_of(R"({"decomposition": "qr"})") ==
             "decomposition: expected one of automatic, gram, sketch, transpose, randomized; got qr");
}

BOOST_AUTO_TEST_CASE(specifications_of_interpolations_are_read) {
  const auto none = fieldfold::interpolation_spec("");
  BOOST_TEST((none.method == "rbf" && !none.options.neighbors));
  const auto given = fieldfold::interpolation_spec(R"({"interpolate_method": "inverse_distance", "power": 3})");
  BOOST_TEST((given.method == "inverse_distance" && given.options.power == 3.0));
  const auto error = [](std::string_view json) {
    try {
      fieldfold::interpolation_spec(json);
    } catch (const fieldfold::InvalidArgument& failure) {
      return std::string(failure.what());
    }
    return std::string("no error");
  };
  BOOST_TEST(error("[]") == "options: expected a JSON object, got an array");
  BOOST_TEST(error(R"({"kernal": "cubic"})").ends_with("interpolate_method; got kernal"));
  BOOST_TEST(error(R"({"interpolate_method": "kriging"})").starts_with("interpolate_method: expected one of rbf"));
}
