#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "../interfaces/c/fieldfold.h"
#include "support/temporary_folder.hpp"

import fieldfold;

namespace {

using Numbers = std::vector<double>;

constexpr std::size_t points = 30;
constexpr std::size_t qoi = 2;
constexpr std::size_t dof = points * qoi;
constexpr std::size_t samples = 9;

/// A handle that is freed at the end of its scope.
template <class Handle, void (*free_handle)(Handle*)>
struct Owned {
  Handle* handle = nullptr;
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { free_handle(handle); }
};
using OwnedSVD = Owned<fieldfold_svd, fieldfold_svd_free>;
using OwnedIncremental = Owned<fieldfold_incremental, fieldfold_incremental_free>;
using OwnedOperator = Owned<fieldfold_operator, fieldfold_operator_free>;
using OwnedInterpolator = Owned<fieldfold_interpolator, fieldfold_interpolator_free>;

void expect_ok(fieldfold_status status) { BOOST_TEST_REQUIRE(status == FIELDFOLD_OK, fieldfold_last_error()); }

void expect(fieldfold_status status, fieldfold_status expected, const std::string& part) {
  BOOST_TEST(status == expected);
  const std::string message = fieldfold_last_error();
  BOOST_TEST(message.find(part) != std::string::npos, "expected \"" << part << "\" in \"" << message << "\"");
}

/// Entry `[state][number]` of states one after another.
Numbers waves() {
  Numbers states;
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t i = 0; i < dof; ++i)
      states.push_back(std::sin(0.2 * static_cast<double>(i + 3 * j)) +
                       std::cos(0.05 * static_cast<double>((i + 1) * (j + 2))));
  return states;
}

Numbers transposed(const Numbers& matrix, std::size_t rows, std::size_t cols) {
  Numbers result(matrix.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) result[j * rows + i] = matrix[i * cols + j];
  return result;
}

Numbers grid() {
  Numbers coords;
  for (std::size_t p = 0; p < points; ++p) {
    coords.push_back(std::fmod(0.618034 * static_cast<double>(p), 1.0));
    coords.push_back(std::fmod(0.754878 * static_cast<double>(p), 1.0));
  }
  return coords;
}

xt::xarray<double> array(const Numbers& numbers, const fieldfold::Shape& shape) {
  auto result = xt::xarray<double>::from_shape(shape);
  std::ranges::copy(numbers, result.begin());
  return result;
}

const char* const spec = R"({"fields": ["u", "v"], "rank": 4, "validate_every": 4, "keep_training_latents": true,
                            "field_opts": {"center": true, "field_weights": {"v": 2.0}}})";

/// The same in C++, learned from states one after another.
fieldfold::SVD reference(const Numbers& states) {
  fieldfold::SVD svd({.fields = {"u", "v"}, .coords = array(grid(), {points, std::size_t{2}})},
                     {.field_opts = {.center = true, .field_weights = {{"v", 2.0}}},
                      .rule = {.rank = 4},
                      .validate_every = 4,
                      .keep_training_latents = true});
  svd.compute_map(array(transposed(states, samples, dof), {dof, samples}));
  return svd;
}

void learn(OwnedSVD& svd, const Numbers& states) {
  expect_ok(fieldfold_svd_create(spec, &svd.handle));
  const Numbers coords = grid();
  expect_ok(fieldfold_svd_set_coords(svd.handle, coords.data(), points, 2));
  expect_ok(fieldfold_svd_fit(svd.handle, states.data(), dof, samples, 1, dof));
}

template <class A, class B>
double difference(const A& a, const B& b) {
  double largest = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
  auto other = b.begin();
  for (const auto number : a) largest = std::max(largest, std::abs(static_cast<double>(number) - *other++));
  return largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(figures_and_states_are_those_of_the_modules) {
  const Numbers states = waves();
  const auto expected = reference(states);
  OwnedSVD svd;
  learn(svd, states);
  auto* const h = svd.handle;
  BOOST_TEST((fieldfold_svd_map_exists(h) == 1 && fieldfold_svd_is_single(h) == 0));
  BOOST_TEST((fieldfold_svd_dof(h) == dof && fieldfold_svd_rank(h) == 4U && fieldfold_svd_num_pts(h) == points));
  BOOST_TEST((fieldfold_svd_num_qoi(h) == 2U && fieldfold_svd_dim(h) == 2U && fieldfold_svd_num_samples(h) == 7U));
  BOOST_TEST((fieldfold_svd_num_dropped(h) == 0U && fieldfold_svd_num_validation_samples(h) == 2U));
  BOOST_TEST((fieldfold_svd_energy(h) == expected.energy()));
  BOOST_TEST((fieldfold_svd_reconstruction_error(h) == expected.reconstruction_error()));
  char name[2];
  expect_ok(fieldfold_svd_field(h, 1, name, sizeof name));
  BOOST_TEST(std::string(name) == "v");

  // Results are the same to the last bit: both call the same functions.
  Numbers found(fieldfold_svd_num_singular_values(h));
  expect_ok(fieldfold_svd_singular_values(h, found.data()));
  BOOST_TEST(difference(found, expected.singular_values()) == 0.0);
  found.assign(dof * 4, 0.0);
  expect_ok(fieldfold_svd_basis(h, found.data()));
  BOOST_TEST(difference(found, expected.projection_matrix()) == 0.0);
  found.assign(dof, 0.0);
  expect_ok(fieldfold_svd_mean(h, found.data()));
  BOOST_TEST(difference(found, expected.mean()) == 0.0);
  found.assign(points * 2, 0.0);
  expect_ok(fieldfold_svd_coords(h, found.data()));
  BOOST_TEST((found == grid()));
  found.assign(8, 0.0);
  expect_ok(fieldfold_svd_latent_ranges(h, 0.1, found.data()));
  BOOST_TEST((found[2] == expected.estimate_latent_ranges(0.1)[1].first));
  BOOST_TEST((found[7] == expected.estimate_latent_ranges(0.1)[3].second));
  Numbers mean(4);
  Numbers covariance(16);
  expect_ok(fieldfold_svd_latent_statistics(h, mean.data(), covariance.data()));
  BOOST_TEST(difference(covariance, expected.map().latent_covariance) == 0.0);
  found.assign(7 * 4, 0.0);
  expect_ok(fieldfold_svd_training_latents(h, found.data()));
  BOOST_TEST(difference(found, expected.training_latents()) == 0.0);
  Numbers of_fields(2);
  Numbers rms(2);
  found.assign(7, 0.0);
  expect_ok(fieldfold_svd_errors(h, found.data(), of_fields.data(), nullptr, rms.data()));
  BOOST_TEST((difference(found, expected.errors().snapshots) == 0.0 && rms == expected.errors().rms));
  found.assign(4, 0.0);
  expect_ok(fieldfold_svd_validation_errors(h, nullptr, nullptr, found.data(), nullptr));
  BOOST_TEST(difference(found, expected.validation_errors().snapshot_fields) == 0.0);

  Numbers latent(samples * 4);
  expect_ok(fieldfold_svd_compress(h, states.data(), samples, latent.data()));
  const auto state_array = array(states, {samples, dof});
  const auto latents = expected.compress(state_array);
  BOOST_TEST(difference(latent, latents) == 0.0);
  Numbers again(states.size());
  expect_ok(fieldfold_svd_reconstruct(h, latent.data(), samples, again.data()));
  BOOST_TEST(difference(again, expected.reconstruct(latents)) == 0.0);
  Numbers distance(samples);
  expect_ok(fieldfold_svd_assess(h, states.data(), samples, nullptr, nullptr, distance.data(), nullptr));
  BOOST_TEST(difference(distance, expected.assess(state_array).relative_distance) == 0.0);
  Numbers white(latent.size());
  expect_ok(fieldfold_svd_whiten(h, latent.data(), samples, white.data()));
  found.assign(latent.size(), 0.0);
  expect_ok(fieldfold_svd_unwhiten(h, white.data(), samples, found.data()));
  BOOST_TEST(difference(found, latents) < 1e-13);
  std::size_t locations[6];
  expect_ok(fieldfold_svd_sensors(h, 6, locations));
  BOOST_TEST(
      (std::vector<std::size_t>(locations, locations + 6) == fieldfold::sensors(expected.projection_matrix(), 6)));
  double amplification = 0.0;
  expect_ok(fieldfold_svd_noise_amplification(h, locations, 6, &amplification));
  BOOST_TEST(amplification >= 1.0);
}

BOOST_AUTO_TEST_CASE(fields_at_points_are_interleaved) {
  const Numbers states = waves();
  const auto expected = reference(states);
  OwnedSVD svd;
  learn(svd, states);
  const Numbers queries{0.3, 0.4, 0.5, 0.6, 0.7, 0.2};
  const auto query_array = array(queries, {std::size_t{3}, std::size_t{2}});
  Numbers fields(samples * 3 * qoi);
  expect_ok(fieldfold_svd_interpolate_from_grid(svd.handle, states.data(), samples, queries.data(), 3, fields.data()));
  const auto by_name = expected.interpolate_from_grid(array(states, {samples, dof}), query_array);
  for (std::size_t j = 0; j < samples; ++j)
    for (std::size_t q = 0; q < 3; ++q) {
      BOOST_TEST(fields[(j * 3 + q) * qoi] == by_name.at("u")(j, q));
      BOOST_TEST(fields[(j * 3 + q) * qoi + 1] == by_name.at("v")(j, q));
    }
  const Numbers latent(2 * 4, 0.5);
  Numbers at(2 * 3 * qoi);
  expect_ok(fieldfold_svd_reconstruct_at(svd.handle, latent.data(), 2, queries.data(), 3, at.data()));
  const auto at_by_name = expected.reconstruct_at(array(latent, {std::size_t{2}, std::size_t{4}}), query_array);
  BOOST_TEST(at[3 * qoi + 2 * qoi + 1] == at_by_name.at("v")(1, 2));
  // On the grid itself nothing is interpolated.
  const Numbers coords = grid();
  Numbers back(states.size());
  expect_ok(fieldfold_svd_interpolate_to_grid(svd.handle, coords.data(), points, states.data(), samples, back.data()));
  BOOST_TEST((back == states));
}

BOOST_AUTO_TEST_CASE(strides_and_precisions_give_the_same_map) {
  const Numbers states = waves();
  const auto expected = reference(states);
  const Numbers matrix = transposed(states, samples, dof);
  // As rows, as states, every other number of a larger array, and rows with padding.
  Numbers spread(matrix.size() * 2);
  for (std::size_t i = 0; i < matrix.size(); ++i) spread[2 * i] = matrix[i];
  Numbers padded(dof * (samples + 3), 1e300);
  for (std::size_t i = 0; i < dof; ++i) std::copy_n(&matrix[i * samples], samples, &padded[i * (samples + 3)]);
  struct Layout {
    const Numbers& numbers;
    std::size_t dof_stride;
    std::size_t sample_stride;
  };
  for (const auto& [numbers, dof_stride, sample_stride] :
       {Layout{matrix, samples, 1}, Layout{states, 1, dof}, Layout{spread, 2 * samples, 2},
        Layout{padded, samples + 3, 1}}) {
    OwnedSVD svd;
    expect_ok(fieldfold_svd_create(spec, &svd.handle));
    expect_ok(fieldfold_svd_fit(svd.handle, numbers.data(), dof, samples, dof_stride, sample_stride));
    Numbers basis(dof * 4);
    expect_ok(fieldfold_svd_basis(svd.handle, basis.data()));
    BOOST_TEST(difference(basis, expected.projection_matrix()) < 1e-12);
  }
  // Single precision has an error of some units in the seventh digit, of numbers up to 10.
  const std::vector<float> single(states.begin(), states.end());
  OwnedSVD svd;
  expect_ok(fieldfold_svd_create(spec, &svd.handle));
  expect_ok(fieldfold_svd_fit_f32(svd.handle, single.data(), dof, samples, 1, dof));
  BOOST_TEST(fieldfold_svd_is_single(svd.handle) == 1);
  const auto latents = expected.compress(array(states, {samples, dof}));
  Numbers latent(samples * 4);
  std::vector<float> single_latent(samples * 4);
  expect_ok(fieldfold_svd_compress(svd.handle, states.data(), samples, latent.data()));
  expect_ok(fieldfold_svd_compress_f32(svd.handle, single.data(), samples, single_latent.data()));
  BOOST_TEST((difference(latent, latents) < 1e-4 && difference(single_latent, latents) < 1e-4));
  Numbers again(states.size());
  std::vector<float> single_again(states.size());
  expect_ok(fieldfold_svd_reconstruct(svd.handle, latent.data(), samples, again.data()));
  expect_ok(fieldfold_svd_reconstruct_f32(svd.handle, single_latent.data(), samples, single_again.data()));
  BOOST_TEST(difference(again, expected.reconstruct(latents)) < 1e-4);
  BOOST_TEST(difference(single_again, again) < 1e-4);
  std::vector<float> basis(dof * 4);
  expect_ok(fieldfold_svd_basis_f32(svd.handle, basis.data()));
  BOOST_TEST(difference(basis, expected.projection_matrix()) < 1e-4);
  // Single precision numbers for a map in double precision.
  OwnedSVD exact;
  learn(exact, states);
  expect_ok(fieldfold_svd_compress_f32(exact.handle, single.data(), samples, single_latent.data()));
  expect_ok(fieldfold_svd_reconstruct_f32(exact.handle, single_latent.data(), samples, single_again.data()));
  BOOST_TEST(difference(single_latent, latents) < 1e-4);
  BOOST_TEST(difference(single_again, again) < 1e-4);
}

BOOST_AUTO_TEST_CASE(options_are_set_from_memory_and_fields_are_renamed) {
  const Numbers states = waves();
  const Numbers weights(points, 2.0);
  const Numbers sample_weights(samples, 3.0);
  std::vector<std::size_t> indices(points);
  for (std::size_t p = 0; p < points; ++p) indices[p] = p;
  const auto energy_with = [&](const auto& set) {
    OwnedSVD svd;
    expect_ok(fieldfold_svd_create(R"({"fields": ["u", "v"], "rank": 2})", &svd.handle));
    expect_ok(set(svd.handle));
    expect_ok(fieldfold_svd_fit(svd.handle, states.data(), dof, samples, 1, dof));
    Numbers values(fieldfold_svd_num_singular_values(svd.handle));
    expect_ok(fieldfold_svd_singular_values(svd.handle, values.data()));
    return values[0];
  };
  const double plain = energy_with([](fieldfold_svd*) { return FIELDFOLD_OK; });
  // Equal weights scale all singular values by their square root.
  const double by_points =
      energy_with([&](auto* h) { return fieldfold_svd_set_point_weights(h, weights.data(), points); });
  const double by_samples =
      energy_with([&](auto* h) { return fieldfold_svd_set_sample_weights(h, sample_weights.data(), samples); });
  const double by_mass = energy_with([&](auto* h) {
    return fieldfold_svd_set_mass_matrix(h, points, points, indices.data(), indices.data(), weights.data());
  });
  BOOST_TEST(std::abs(by_points / plain - std::sqrt(2.0)) < 1e-12);
  BOOST_TEST(std::abs(by_samples / plain - std::sqrt(3.0)) < 1e-12);
  BOOST_TEST(std::abs(by_mass / plain - std::sqrt(2.0)) < 1e-12);

  OwnedSVD svd;
  learn(svd, states);
  const char* const names[] = {"pressure", "T"};
  expect_ok(fieldfold_svd_set_fields(svd.handle, names, 2));
  char name[9];
  expect_ok(fieldfold_svd_field(svd.handle, 0, name, sizeof name));
  BOOST_TEST(std::string(name) == "pressure");
  BOOST_TEST(fieldfold_svd_rank(svd.handle) == 4U);
  expect(fieldfold_svd_set_fields(svd.handle, names, 1), FIELDFOLD_INVALID_ARGUMENT, "fields: expected 2 names");
  // The field weight of "v" is now that of "T".
  expect_ok(fieldfold_svd_fit(svd.handle, states.data(), dof, samples, 1, dof));
  BOOST_TEST(fieldfold_svd_energy(svd.handle) == reference(states).energy());
  OwnedSVD copy;
  expect_ok(fieldfold_svd_copy(svd.handle, &copy.handle));
  fieldfold_svd_free(svd.handle);
  BOOST_TEST(fieldfold_svd_rank(copy.handle) == 4U);
}

BOOST_AUTO_TEST_CASE(files_are_those_of_the_modules) {
  const TemporaryFolder folder;
  const std::string path = (folder.path / "map.fold").string();
  const Numbers states = waves();
  OwnedSVD svd;
  learn(svd, states);
  expect_ok(fieldfold_svd_save(svd.handle, path.c_str()));
  BOOST_TEST(fieldfold::load(path).target<fieldfold::SVD>()->energy() == fieldfold_svd_energy(svd.handle));
  OwnedSVD loaded;
  expect_ok(fieldfold_svd_load(path.c_str(), &loaded.handle));
  BOOST_TEST(fieldfold_svd_energy(loaded.handle) == fieldfold_svd_energy(svd.handle));
  OwnedSVD single;
  const std::vector<float> single_states(states.begin(), states.end());
  expect_ok(fieldfold_svd_create(spec, &single.handle));
  expect_ok(fieldfold_svd_fit_f32(single.handle, single_states.data(), dof, samples, 1, dof));
  expect_ok(fieldfold_svd_save(single.handle, path.c_str()));
  OwnedSVD single_loaded;
  expect_ok(fieldfold_svd_load(path.c_str(), &single_loaded.handle));
  BOOST_TEST(fieldfold_svd_is_single(single_loaded.handle) == 1);
  expect(fieldfold_svd_load("/nowhere/map.fold", &loaded.handle), FIELDFOLD_FILE_ERROR, "cannot be read");
  expect(fieldfold_svd_save(svd.handle, "/nowhere/map.fold"), FIELDFOLD_FILE_ERROR, "/nowhere");
}

BOOST_AUTO_TEST_CASE(incremental_svds_are_those_of_the_modules) {
  const TemporaryFolder folder;
  const std::string path = (folder.path / "progress.fold").string();
  const Numbers states = waves();
  const std::vector<float> single(states.begin(), states.end());
  fieldfold::IncrementalSVD expected({.fields = {"u", "v"}}, {.max_rank = 5, .block = 4});
  for (std::size_t j = 0; j < 5; ++j) expected.add(array(Numbers(&states[j * dof], &states[j * dof] + dof), {dof}));
  expected.add(array(Numbers(states.begin() + 5 * dof, states.end()), {samples - 5, dof}));
  OwnedIncremental first;
  expect_ok(fieldfold_incremental_create(R"({"fields": ["u", "v"], "max_rank": 5, "block": 4})", &first.handle));
  for (std::size_t j = 0; j < 5; ++j) expect_ok(fieldfold_incremental_add(first.handle, &states[j * dof], dof));
  BOOST_TEST(fieldfold_incremental_num_samples(first.handle) == 4U);
  // It continues from a file as if it had not been interrupted.
  expect_ok(fieldfold_incremental_save(first.handle, path.c_str()));
  OwnedIncremental second;
  expect_ok(fieldfold_incremental_load(path.c_str(), &second.handle));
  expect_ok(fieldfold_incremental_add_states(second.handle, &states[5 * dof], samples - 5, dof));
  BOOST_TEST(fieldfold_incremental_error_bound(second.handle) == expected.error_bound());
  OwnedSVD svd;
  expect_ok(fieldfold_incremental_finish(second.handle, &svd.handle));
  const auto finished = expected.finish();
  Numbers basis(dof * fieldfold_svd_rank(svd.handle));
  expect_ok(fieldfold_svd_basis(svd.handle, basis.data()));
  BOOST_TEST(difference(basis, finished.projection_matrix()) == 0.0);
  BOOST_TEST(
      (fieldfold_incremental_rank(second.handle) == 5U && fieldfold_incremental_num_dropped(second.handle) == 0U));
  expect_ok(fieldfold_incremental_merge(first.handle, second.handle));
  expect_ok(fieldfold_incremental_update(first.handle));
  BOOST_TEST(fieldfold_incremental_num_samples(first.handle) == 5U + samples);
  // Single precision.
  OwnedIncremental small;
  expect_ok(fieldfold_incremental_create(nullptr, &small.handle));
  expect_ok(fieldfold_incremental_add_f32(small.handle, single.data(), dof));
  expect_ok(fieldfold_incremental_add_states_f32(small.handle, &single[dof], samples - 1, dof));
  expect(fieldfold_incremental_merge(first.handle, small.handle), FIELDFOLD_INVALID_ARGUMENT, "same precision");
  expect(fieldfold_incremental_add(small.handle, states.data(), dof - 1), FIELDFOLD_INVALID_ARGUMENT, "state");
  OwnedSVD single_svd;
  expect_ok(fieldfold_incremental_finish(small.handle, &single_svd.handle));
  BOOST_TEST(fieldfold_svd_is_single(single_svd.handle) == 1);
  expect_ok(fieldfold_incremental_save(small.handle, path.c_str()));
  OwnedIncremental loaded;
  expect_ok(fieldfold_incremental_load(path.c_str(), &loaded.handle));
  BOOST_TEST(fieldfold_incremental_num_samples(loaded.handle) == samples);
  const Numbers coords = grid();
  expect(fieldfold_incremental_set_coords(small.handle, coords.data(), points, 2), FIELDFOLD_INVALID_ARGUMENT,
         "first state");
  // One without states changes nothing, in either precision; nor does adding none, or a failure, fix the precision.
  OwnedIncremental none;
  expect_ok(fieldfold_incremental_create(nullptr, &none.handle));
  expect_ok(fieldfold_incremental_add_states_f32(none.handle, single.data(), 0, dof + 1));
  expect(fieldfold_incremental_add_states_f32(none.handle, single.data(), 1, 0), FIELDFOLD_INVALID_ARGUMENT, "states");
  expect_ok(fieldfold_incremental_merge(small.handle, none.handle));
  expect_ok(fieldfold_incremental_add(none.handle, states.data(), dof));
  expect_ok(fieldfold_incremental_finish(none.handle, &svd.handle));
  BOOST_TEST(fieldfold_svd_is_single(svd.handle) == 0);
  BOOST_TEST(fieldfold_incremental_num_samples(small.handle) == samples);
  // A block longer than memory is never full.
  OwnedIncremental patient;
  expect_ok(fieldfold_incremental_create(R"({"block": 9223372036854775808})", &patient.handle));
  expect_ok(fieldfold_incremental_add_states(patient.handle, states.data(), samples, dof));
  BOOST_TEST(fieldfold_incremental_num_samples(patient.handle) == 0U);
  expect_ok(fieldfold_incremental_update(patient.handle));
  BOOST_TEST(fieldfold_incremental_num_samples(patient.handle) == samples);
}

BOOST_AUTO_TEST_CASE(operators_and_interpolants_are_those_of_the_modules) {
  const TemporaryFolder folder;
  const std::string path = (folder.path / "map.foldop").string();
  const Numbers coords = grid();
  const Numbers queries{0.3, 0.4, 0.5, 0.6, 0.7, 0.2};
  const auto coord_array = array(coords, {points, std::size_t{2}});
  const auto query_array = array(queries, {std::size_t{3}, std::size_t{2}});
  const Numbers all = waves();
  const Numbers values(all.begin(), all.begin() + 2 * points);
  const fieldfold::RBFOptions options{.neighbors = 12, .kernel = fieldfold::Kernel::cubic};
  const char* const text = R"({"kernel": "cubic", "neighbors": 12})";
  const fieldfold::InterpolationOperator expected(coord_array, query_array, {"rbf", options});
  OwnedOperator op;
  expect_ok(fieldfold_operator_create(coords.data(), points, queries.data(), 3, 2, text, &op.handle));
  expect_ok(fieldfold_operator_save(op.handle, path.c_str()));
  OwnedOperator loaded;
  expect_ok(fieldfold_operator_load(path.c_str(), &loaded.handle));
  for (const auto* handle : {op.handle, loaded.handle}) {
    BOOST_TEST((fieldfold_operator_num_points(handle) == points && fieldfold_operator_num_queries(handle) == 3U));
    Numbers found(3 * 2);
    expect_ok(fieldfold_operator_apply(handle, values.data(), 2, found.data()));
    BOOST_TEST(difference(found, expected(array(values, {points, std::size_t{2}}))) == 0.0);
    Numbers spread(points * 2);
    expect_ok(fieldfold_operator_apply_transposed(handle, found.data(), 2, spread.data()));
    BOOST_TEST(difference(spread, expected.transposed(array(found, {std::size_t{3}, std::size_t{2}}))) == 0.0);
  }
  const fieldfold::RBFInterpolator interpolant(coord_array, array(values, {points, std::size_t{2}}), options);
  OwnedInterpolator interpolator;
  expect_ok(fieldfold_interpolator_create(coords.data(), points, 2, values.data(), 2, text, &interpolator.handle));
  Numbers found(3 * 2);
  expect_ok(fieldfold_interpolator_evaluate(interpolator.handle, queries.data(), 3, found.data()));
  BOOST_TEST(difference(found, interpolant(query_array)) == 0.0);
  found.resize(3 * 2 * 2);
  expect_ok(fieldfold_interpolator_gradient(interpolator.handle, queries.data(), 3, found.data()));
  BOOST_TEST(difference(found, interpolant.gradient(query_array)) == 0.0);
  expect(fieldfold_operator_create(coords.data(), points, queries.data(), 3, 2, R"({"kernal": 1})", &op.handle),
         FIELDFOLD_INVALID_ARGUMENT, "got kernal");
  expect(fieldfold_interpolator_create(coords.data(), points, 2, values.data(), 2,
                                       R"({"interpolate_method": "nearest"})", &interpolator.handle),
         FIELDFOLD_INVALID_ARGUMENT, "expected rbf");
}

BOOST_AUTO_TEST_CASE(wrong_use_is_a_status_and_a_message) {
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  const Numbers states = waves();
  Numbers results(states.size());
  OwnedSVD svd;
  learn(svd, states);
  auto* const h = svd.handle;
  expect(fieldfold_svd_create("no JSON", &svd.handle), FIELDFOLD_INVALID_ARGUMENT, "invalid JSON");
  expect(fieldfold_svd_create("{\"rnak\": 4}", &svd.handle), FIELDFOLD_INVALID_ARGUMENT, "got rnak");
  expect(fieldfold_svd_create("{}", nullptr), FIELDFOLD_INVALID_ARGUMENT, "svd: expected memory, got a null pointer");
  BOOST_TEST(svd.handle == h);
  expect(fieldfold_svd_compress(nullptr, states.data(), 1, results.data()), FIELDFOLD_INVALID_ARGUMENT,
         "svd: expected a handle of this kind, got a null pointer");
  expect(fieldfold_svd_compress(h, nullptr, 1, results.data()), FIELDFOLD_INVALID_ARGUMENT, "states: expected memory");
  expect(fieldfold_svd_compress(h, states.data(), 1, nullptr), FIELDFOLD_INVALID_ARGUMENT, "latent: expected memory");
  expect(fieldfold_svd_compress(h, states.data(), huge, results.data()), FIELDFOLD_INVALID_ARGUMENT, "fits in memory");
  expect(fieldfold_svd_reconstruct(h, results.data(), huge / 16, results.data()), FIELDFOLD_INVALID_ARGUMENT,
         "fits in memory");
  expect(fieldfold_svd_fit(h, states.data(), dof - 1, samples, 1, dof), FIELDFOLD_INVALID_ARGUMENT, "rows");
  expect(fieldfold_svd_fit(h, states.data(), huge / 8, huge / 8, 1, huge), FIELDFOLD_INVALID_ARGUMENT,
         "fits in memory");
  expect(fieldfold_svd_fit(h, states.data(), dof, samples, 0, dof), FIELDFOLD_INVALID_ARGUMENT, "strides");
  expect(fieldfold_svd_fit(h, states.data(), 0, samples, 1, dof), FIELDFOLD_INVALID_ARGUMENT, "rows");
  expect(fieldfold_svd_fit(h, nullptr, dof, samples, 1, dof), FIELDFOLD_INVALID_ARGUMENT, "snapshots: expected memory");
  expect(fieldfold_svd_set_coords(h, states.data(), huge, 2), FIELDFOLD_INVALID_ARGUMENT, "fits in memory");
  expect(fieldfold_svd_set_coords(h, states.data(), points - 1, 2), FIELDFOLD_INVALID_ARGUMENT, "coords");
  expect(fieldfold_svd_set_fields(h, nullptr, 2), FIELDFOLD_INVALID_ARGUMENT, "fields");
  expect(fieldfold_svd_save(h, nullptr), FIELDFOLD_INVALID_ARGUMENT, "path: expected memory");
  char name[1];
  expect(fieldfold_svd_field(h, 0, name, 1), FIELDFOLD_INVALID_ARGUMENT, "capacity: expected at least 2, got 1");
  expect(fieldfold_svd_field(h, 2, name, 1), FIELDFOLD_INVALID_ARGUMENT, "index: expected less than 2, got 2");
  expect(fieldfold_svd_sensors(h, 3, nullptr), FIELDFOLD_INVALID_ARGUMENT, "3");
  const std::size_t location = 0;
  expect(fieldfold_svd_noise_amplification(h, &location, huge, results.data()), FIELDFOLD_INVALID_ARGUMENT,
         "fits in memory");
  expect(fieldfold_svd_interpolate_to_grid(h, states.data(), 2, nullptr, huge / 2 + 1, results.data()),
         FIELDFOLD_INVALID_ARGUMENT, "fits in memory");
  expect(fieldfold_svd_interpolate_from_grid(h, states.data(), huge / 2 + 1, states.data(), 2, results.data()),
         FIELDFOLD_INVALID_ARGUMENT, "fits in memory");
  // The map is as before.
  BOOST_TEST(fieldfold_svd_energy(h) == reference(states).energy());

  // A handle that was freed, twice, and one of another kind.
  fieldfold_svd_free(h);
  fieldfold_svd_free(h);
  svd.handle = nullptr;
  expect(fieldfold_svd_compress(h, states.data(), 1, results.data()), FIELDFOLD_INVALID_ARGUMENT, "one that was freed");
  BOOST_TEST((fieldfold_svd_rank(h) == 0U && std::isnan(fieldfold_svd_energy(h)) && fieldfold_svd_map_exists(h) == 0));
  OwnedOperator op;
  expect_ok(fieldfold_operator_create(grid().data(), points, grid().data(), 3, 2, nullptr, &op.handle));
  expect(fieldfold_svd_compress(reinterpret_cast<fieldfold_svd*>(op.handle), states.data(), 1, results.data()),
         FIELDFOLD_INVALID_ARGUMENT, "svd: expected a handle of this kind");
  // Without a map.
  OwnedSVD empty;
  expect_ok(fieldfold_svd_create(nullptr, &empty.handle));
  expect(fieldfold_svd_compress(empty.handle, states.data(), 1, results.data()), FIELDFOLD_NOT_READY, "no map yet");
  BOOST_TEST((fieldfold_svd_rank(empty.handle) == 0U && fieldfold_svd_num_qoi(empty.handle) == 1U));
  expect(fieldfold_svd_fit(empty.handle, Numbers(4, 0.0).data(), 2, 2, 2, 1), FIELDFOLD_INVALID_ARGUMENT, "only zeros");
  expect(fieldfold_svd_fit(empty.handle, Numbers(4, 1e300).data(), 2, 2, 2, 1), FIELDFOLD_OK, "only zeros");
}

BOOST_AUTO_TEST_CASE(callbacks_hear_progress_and_warnings) {
  const Numbers states = waves();
  OwnedSVD svd;
  learn(svd, states);
  int calls = 0;
  const auto count = [](const char* phase, double share, void* data) {
    BOOST_TEST((std::strlen(phase) > 0 && share >= 0.0 && share <= 1.0));
    ++*static_cast<int*>(data);
    return 0;
  };
  expect_ok(fieldfold_svd_set_progress(svd.handle, count, &calls));
  expect_ok(fieldfold_svd_fit(svd.handle, states.data(), dof, samples, 1, dof));
  BOOST_TEST(calls > 0);
  const double energy = fieldfold_svd_energy(svd.handle);
  const auto stop = [](const char*, double, void*) { return 1; };
  expect_ok(fieldfold_svd_set_progress(svd.handle, stop, nullptr));
  Numbers others(states.rbegin(), states.rend());
  expect(fieldfold_svd_fit(svd.handle, others.data(), dof, samples, 1, dof), FIELDFOLD_INTERRUPTED, "interrupted");
  BOOST_TEST(fieldfold_svd_energy(svd.handle) == energy);
  expect_ok(fieldfold_svd_set_progress(svd.handle, nullptr, nullptr));
  expect_ok(fieldfold_svd_fit(svd.handle, others.data(), dof, samples, 1, dof));

  std::string heard;
  const auto hear = [](const char* sentence, void* data) { *static_cast<std::string*>(data) += sentence; };
  expect_ok(fieldfold_set_warning_handler(hear, &heard));
  Numbers gappy = states;
  gappy[5] = std::numeric_limits<double>::quiet_NaN();
  Numbers latent(samples * 4);
  expect_ok(fieldfold_svd_compress(svd.handle, gappy.data(), samples, latent.data()));
  BOOST_TEST((heard.find("1 of 9") != std::string::npos && std::isnan(latent[0]) && !std::isnan(latent[4])));
  // Null restores the handler of the modules.
  heard.clear();
  const auto before = fieldfold::set_warning_handler({});
  fieldfold::set_warning_handler(before);
  expect_ok(fieldfold_set_warning_handler(nullptr, nullptr));
  const auto restored = fieldfold::set_warning_handler({});
  BOOST_TEST(static_cast<bool>(restored));
  fieldfold::set_warning_handler(restored);
  expect_ok(fieldfold_svd_compress(svd.handle, gappy.data(), samples, latent.data()));
  BOOST_TEST(heard.empty());
  BOOST_TEST(std::string(fieldfold_version()).find('.') != std::string::npos);
}

BOOST_AUTO_TEST_CASE(eight_threads_share_a_handle_while_it_learns) {
  const Numbers states = waves();
  const Numbers others(states.rbegin(), states.rend());
  OwnedSVD svd;
  learn(svd, states);
  std::vector<Numbers> expected(2, Numbers(samples * 4));
  expect_ok(fieldfold_svd_compress(svd.handle, states.data(), samples, expected[0].data()));
  expect_ok(fieldfold_svd_fit(svd.handle, others.data(), dof, samples, 1, dof));
  expect_ok(fieldfold_svd_compress(svd.handle, states.data(), samples, expected[1].data()));
  std::atomic<int> wrong = 0;
  std::atomic<bool> done = false;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&] {
        Numbers latent(samples * 4);
        while (!done) {
          const auto status = fieldfold_svd_compress(svd.handle, states.data(), samples, latent.data());
          if (status != FIELDFOLD_OK || (latent != expected[0] && latent != expected[1])) ++wrong;
          // The message of a failure is that of its own thread.
          if (fieldfold_svd_compress(svd.handle, nullptr, 1, latent.data()) != FIELDFOLD_INVALID_ARGUMENT) ++wrong;
        }
      });
    for (int round = 0; round < 20; ++round)
      expect_ok(fieldfold_svd_fit(svd.handle, (round % 2 == 0 ? states : others).data(), dof, samples, 1, dof));
    done = true;
  }
  BOOST_TEST(wrong == 0);
}
